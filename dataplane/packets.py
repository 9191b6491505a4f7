"""What goes into the core and what comes out of it.

What goes in is borrowed: a view is read before the call returns and never kept, so the shell may reuse its buffers at once. What
comes out owns its bytes; but what the fast path yields is to be carried out before it is asked for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dataplane.meters import Entry

Buffer = bytes | bytearray | memoryview
Endpoint = tuple[str, int]
"""An IPv4 address in dotted form and a UDP port, as a socket takes and gives them."""


class Datagram(NamedTuple):
    """The payload of a UDP datagram, who sent it, and the TOS byte of its IP header."""

    payload: Buffer
    endpoint: Endpoint
    tos: int = 0


class PathReport(NamedTuple):
    """The kernel learned that a datagram to `endpoint` was too big for a link of `mtu` bytes.

    `quoted` is the beginning of its payload, as far as ICMP returned it; empty when the kernel itself refused the datagram, which
    `is_local` says, and everybody can make it say the rest.
    """

    endpoint: Endpoint
    mtu: int
    quoted: bytes
    is_local: bool


class Send(NamedTuple):
    """Effect: send `payload` as one UDP datagram from the underlay socket. `peer` is where a refusal is counted.

    A probe may be too big for the path, and is not missed then. `entry` is to be put down right before it is sent.
    """

    payload: Buffer
    endpoint: Endpoint
    peer: str
    tos: int = 0
    is_probe: bool = False
    entry: Entry | None = None


class SendBatch(NamedTuple):
    """Effect: send a datagram for every `segment` bytes of `payload`, the last perhaps of fewer. `peer` is as in Send."""

    payload: memoryview
    segment: int
    endpoint: Endpoint
    peer: str
    tos: int


class SendFromIkePort(NamedTuple):
    """Effect: send `payload` as one UDP datagram from UDP/500, where ESP never is. `peer` is as in Send."""

    payload: Buffer
    endpoint: Endpoint
    peer: str


class Deliver(NamedTuple):
    """Effect: write an IPv4 packet to the TUN device. `entry` is to be put down right before."""

    packet: Buffer
    entry: Entry | None = None


class DeliverSuperPacket(NamedTuple):
    """Effect: write a super-packet to the TUN device: the virtio header, then its parts. It stands for `packets`."""

    offload: Buffer
    parts: Sequence[Buffer]
    packets: Sequence[Buffer]


Effect = Send | SendFromIkePort | Deliver
BatchEffect = SendBatch | DeliverSuperPacket
"""What the fast path yields beside those."""
