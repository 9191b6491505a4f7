"""The header before each packet of a TUN device with offloads: what the kernel left undone. Virtual I/O Device 1.2 §5.1.6.

A packet may be a super-packet: a TCP or UDP packet of up to 64 KB that stands for many of `gso_size` payload bytes each, with one
header for all of them. And its transport checksum may be missing, with the sum of the pseudo-header in its place.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dataplane.packets import Buffer

HEADER_LENGTH = 10

# §5.1.6: flags
NEEDS_CHECKSUM = 1

# §5.1.6: kinds of super-packet
GSO_NONE = 0
GSO_TCPV4 = 1
GSO_UDP_L4 = 5  # not the older GSO_UDP (3), which stands for IP fragments
GSO_ECN = 0x80  # beside GSO_TCPV4: the first packet has CWR set

_LAYOUT = struct.Struct("<BBHHHH")


class Offload(NamedTuple):
    """A virtio-net header. Offsets and lengths are in bytes; the checksum covers everything from `checksum_start` on.

    `header_length` is a hint that is wrong for what was forwarded, so nothing here believes it.
    """

    flags: int = 0
    gso_type: int = GSO_NONE
    header_length: int = 0
    gso_size: int = 0
    checksum_start: int = 0
    checksum_offset: int = 0

    def pack(self) -> bytes:
        return _LAYOUT.pack(*self)


def parse_offload(header: Buffer) -> Offload:
    """`header` holds exactly HEADER_LENGTH bytes, for the kernel wrote them."""
    return Offload(*_LAYOUT.unpack(header))


COMPLETE = Offload()
"""That of a packet which stands for itself alone."""

NOTHING_LEFT = COMPLETE.pack()
