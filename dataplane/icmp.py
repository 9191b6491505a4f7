"""ICMP: the error that a tunnel sends, and the packet that an error quotes. RFC 792, RFC 1191, RFC 1812."""

from __future__ import annotations

import struct

from dataplane import ipv4
from dataplane.ipv4 import Ipv4Header
from dataplane.packets import Buffer

DESTINATION_UNREACHABLE = 3
TIME_EXCEEDED = 11
PARAMETER_PROBLEM = 12
FRAGMENTATION_NEEDED = 4  # a code of DESTINATION_UNREACHABLE; RFC 1191 §4 gave it a field for the next hop's MTU
HEADER_LENGTH = 8  # of an error, before the quotation

_QUOTING_TYPES = frozenset({DESTINATION_UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM})
_ERROR_TYPES = _QUOTING_TYPES | {4, 5}  # source quench and redirect; RFC 1812 §4.3.2.7 answers none of them
_ERROR_LENGTH = 576  # bytes in all at most: RFC 1812 §4.3.2.3
_ERROR_TOS = 0xC0  # internetwork control: RFC 1812 §4.3.2.5
_ERROR_TTL = 64  # our choice

_MULTICAST_AND_ABOVE = 0xE0000000  # 224.0.0.0/4 and 240.0.0.0/4 with the limited broadcast
_THIS_NETWORK = 0  # 0.0.0.0/8
_LOOPBACK = 127  # 127.0.0.0/8


def quoted(packet: Buffer, header: Ipv4Header) -> Ipv4Header | None:
    """The header that an ICMP error quotes, None when the packet is no error. Raises MalformedPacket for a bad quotation."""
    if header.protocol != ipv4.PROTOCOL_ICMP or header.offset:
        return None
    message = memoryview(packet)[header.header_length : header.total_length]
    if not message or message[0] not in _QUOTING_TYPES:
        return None
    return ipv4.parse_header(message[HEADER_LENGTH:])


def may_be_answered(packet: Buffer, header: Ipv4Header) -> bool:
    """Whether an error about this packet may be sent at all. RFC 1812 §4.3.2.7.

    Never about an error, about a fragment other than the first, to or about anything but a single host.
    """
    if header.offset or header.destination >= _MULTICAST_AND_ABOVE:
        return False
    if header.source >= _MULTICAST_AND_ABOVE or header.source >> 24 in (_THIS_NETWORK, _LOOPBACK):
        return False
    if header.protocol != ipv4.PROTOCOL_ICMP:
        return True
    message = packet[header.header_length : header.header_length + 1]
    return bool(message) and message[0] not in _ERROR_TYPES


def fragmentation_needed(packet: Buffer, header: Ipv4Header, mtu: int, source: int) -> bytes:
    """Tell the sender of `packet` that the next hop carries `mtu` bytes. RFC 1191 §4."""
    quotation = bytes(packet[: _ERROR_LENGTH - ipv4.HEADER_LENGTH - HEADER_LENGTH])
    message = bytearray(struct.pack("!BBHHH", DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED, 0, 0, mtu) + quotation)
    message[2:4] = ipv4.checksum(message).to_bytes(2, "big")
    outer = ipv4.build_header(
        protocol=ipv4.PROTOCOL_ICMP,
        source=source,
        destination=header.source,
        payload_length=len(message),
        tos=_ERROR_TOS,
        ttl=_ERROR_TTL,
    )
    return outer + message
