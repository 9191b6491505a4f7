"""A super-packet cut into packets, one after the other: what is right, and quick enough for a few. `segmentation` does many.

A packet gets what the kernel gives it when it cuts a super-packet itself: its length, an identification that counts up (RFC 791),
a TCP sequence number that moves on, CWR in the first alone (RFC 3168 §6.1.2), FIN and PSH in the last alone (RFC 9293), and
checksums of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from dataplane import ipv4
from dataplane.checksums import MODULUS
from dataplane.superpacket import (
    CWR,
    FIN,
    PSH,
    TCP_CHECKSUM,
    TCP_FLAGS,
    TCP_SEQUENCE,
    UDP_CHECKSUM,
    UDP_LENGTH,
    SuperPacket,
)

_TWO_HALVES = struct.Struct("!HH")
_HALF = struct.Struct("!H")
_WORD = struct.Struct("!I")
_IP_LENGTH, _IP_CHECKSUM = 2, 10  # RFC 791 §3.1, in bytes from the start


def cut(s: SuperPacket) -> Iterator[bytearray]:
    """Its packets."""
    start = s.header.header_length
    is_tcp = s.header.protocol == ipv4.PROTOCOL_TCP
    head = bytearray(s.packet[: s.head_length])
    checksum = start + (TCP_CHECKSUM if is_tcp else UDP_CHECKSUM)
    for place in (_IP_CHECKSUM, checksum):
        _HALF.pack_into(head, place, 0)
    for number in range(s.pieces):
        payload = s.head_length + number * s.size
        packet = head + s.packet[payload : payload + s.size]
        identification = (s.header.identification + number) % 2**16
        _TWO_HALVES.pack_into(packet, _IP_LENGTH, len(packet), identification)
        _HALF.pack_into(packet, _IP_CHECKSUM, ipv4.checksum(packet[:start]))
        if is_tcp:
            _continue_tcp(s, packet, number)
        else:
            _HALF.pack_into(packet, start + UDP_LENGTH, len(packet) - start)
        if s.summed:
            _HALF.pack_into(packet, checksum, _transport_checksum(s, packet[start:], is_tcp=is_tcp))
        yield packet


def _continue_tcp(s: SuperPacket, packet: bytearray, number: int) -> None:
    start = s.header.header_length
    (sequence,) = _WORD.unpack_from(packet, start + TCP_SEQUENCE)
    _WORD.pack_into(packet, start + TCP_SEQUENCE, (sequence + number * s.size) % 2**32)
    elsewhere = (CWR if number else 0) | (FIN | PSH if number < s.pieces - 1 else 0)
    packet[start + TCP_FLAGS] &= ~elsewhere


def _transport_checksum(s: SuperPacket, transport: bytearray, *, is_tcp: bool) -> int:
    """Over the transport's part and a pseudo-header of addresses, protocol and length. RFC 9293 §3.1, RFC 768."""
    pseudo_header = s.header.source + s.header.destination + s.header.protocol + len(transport)
    checksum = (ipv4.checksum(transport) - pseudo_header) % MODULUS
    return MODULUS if not checksum and not is_tcp else checksum  # RFC 768: 0 says that there is none
