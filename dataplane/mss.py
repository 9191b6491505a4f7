"""TCP's maximum segment size, lowered in passing. RFC 9293 §3.7.1, RFC 6691.

Path MTU discovery depends on ICMP errors that many networks lose. An MSS that fits the tunnel spares TCP the need for them.
"""

from __future__ import annotations

from dataplane import ipv4
from dataplane.ipv4 import Ipv4Header
from dataplane.packets import Buffer

PROTOCOL_TCP = 6
HEADERS_LENGTH = 40  # IPv4 and TCP without options, which an MSS leaves out: RFC 6691 §2; over IPv6 it would be 60

_HEADER_LENGTH = 20  # RFC 9293 §3.1, without options
_DATA_OFFSET, _FLAGS, _CHECKSUM = 12, 13, 16  # where they stand
_SYN = 0x02
_OPTION_END, _OPTION_NO_OPERATION, _OPTION_MSS = 0, 1, 2
_MSS_LENGTH = 4


def clamp(packet: Buffer, header: Ipv4Header, most: int) -> Buffer:
    """The packet, or a copy of it whose MSS option is `most` bytes where it was larger.

    Only a SYN has the option. Nothing is changed in a packet whose TCP header or options are not well-formed: it is the
    receiver's to judge. The checksum must be a whole one, not the kernel's sum of the pseudo-header alone.
    """
    start = header.header_length
    if header.protocol != PROTOCOL_TCP or header.offset or header.total_length < start + _HEADER_LENGTH:
        return packet
    if not packet[start + _FLAGS] & _SYN:
        return packet
    end = start + (packet[start + _DATA_OFFSET] >> 4) * 4
    if not start + _HEADER_LENGTH <= end <= header.total_length:
        return packet
    places = [place for place in _places(packet, start + _HEADER_LENGTH, end) if _read(packet, place) > most]
    return _lowered(packet, start, places, most) if places else packet


def _places(packet: Buffer, position: int, end: int) -> list[int]:
    """Where the values of MSS options stand; of none when any option is malformed. RFC 9293 §3.2."""
    places: list[int] = []
    while position < end and packet[position] != _OPTION_END:
        if packet[position] == _OPTION_NO_OPERATION:
            position += 1
            continue
        length = packet[position + 1] if position + 1 < end else 0
        if length < 2 or position + length > end or (packet[position] == _OPTION_MSS and length != _MSS_LENGTH):
            return []
        if packet[position] == _OPTION_MSS:
            places.append(position + 2)
        position += length
    return places


def _lowered(packet: Buffer, start: int, places: list[int], most: int) -> bytearray:
    result = bytearray(packet)
    for place in places:
        old, new = _read(packet, place), most
        if (place - start) % 2:
            # The sum runs over words; a value across two of them counts with its bytes exchanged (RFC 1071 §2 (B)).
            old, new = _exchanged(old), _exchanged(new)
        checksum = ipv4.updated_checksum(_read(result, start + _CHECKSUM), old, new)
        result[start + _CHECKSUM : start + _CHECKSUM + 2] = checksum.to_bytes(2, "big")
        result[place : place + 2] = most.to_bytes(2, "big")
    return result


def _read(packet: Buffer, place: int) -> int:
    return packet[place] << 8 | packet[place + 1]


def _exchanged(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8
