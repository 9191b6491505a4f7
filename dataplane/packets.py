"""What goes into the core and what comes out of it.

What goes in is borrowed: a view is read before the call returns and never kept, so the shell may reuse its buffers at once. What
comes out owns its bytes.
"""

from __future__ import annotations

from typing import NamedTuple

Buffer = bytes | bytearray | memoryview
Endpoint = tuple[str, int]
"""An IPv4 address in dotted form and a UDP port, as a socket takes and gives them."""


class Datagram(NamedTuple):
    """The payload of a UDP datagram, who sent it, and the TOS byte of its IP header."""

    payload: Buffer
    endpoint: Endpoint
    tos: int = 0


class Send(NamedTuple):
    """Effect: send `payload` as one UDP datagram from the underlay socket. `peer` is where a refusal is counted."""

    payload: Buffer
    endpoint: Endpoint
    peer: str
    tos: int = 0


class SendFromIkePort(NamedTuple):
    """Effect: send `payload` as one UDP datagram from UDP/500, where ESP never is. `peer` is as in Send."""

    payload: Buffer
    endpoint: Endpoint
    peer: str


class Deliver(NamedTuple):
    """Effect: write an IPv4 packet to the TUN device."""

    packet: Buffer


Effect = Send | SendFromIkePort | Deliver
