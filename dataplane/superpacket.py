"""A super-packet: one header and up to 64 KB of payload, which stand for many packets of one flow."""

from __future__ import annotations

from typing import NamedTuple

from dataplane import ipv4
from dataplane.errors import MalformedPacket
from dataplane.ipv4 import Ipv4Header
from dataplane.virtio import GSO_ECN, GSO_TCPV4, GSO_UDP_L4, NEEDS_CHECKSUM, Offload

# RFC 9293 §3.1, in bytes from the transport header's start
TCP_SEQUENCE = 4
TCP_DATA_OFFSET = 12
TCP_FLAGS = 13
TCP_CHECKSUM = 16
TCP_HEADER_LENGTH = 20  # without options
FIN, PSH, ACK, CWR = 0x01, 0x08, 0x10, 0x80

# RFC 768
UDP_LENGTH = 4
UDP_CHECKSUM = 6
UDP_HEADER_LENGTH = 8

_PROTOCOLS = {GSO_TCPV4: ipv4.PROTOCOL_TCP, GSO_UDP_L4: ipv4.PROTOCOL_UDP}


class SuperPacket(NamedTuple):
    """It stands for `pieces` packets, of `head_length` bytes of headers and `size` of payload each, the last perhaps of less.

    `header` is that of the whole.
    """

    packet: memoryview
    header: Ipv4Header
    head_length: int
    size: int
    pieces: int
    summed: bool
    """Whether the packets have a transport checksum: UDP may go without."""

    @property
    def packet_length(self) -> int:
        """Bytes of every packet but perhaps the last."""
        return self.head_length + self.size

    @property
    def last_length(self) -> int:
        return self.header.total_length - (self.pieces - 1) * self.size


def parse_superpacket(packet: memoryview, offload: Offload) -> SuperPacket:
    """What came off the TUN device under `offload`. Raises MalformedPacket."""
    header = ipv4.parse_packet(packet)
    if _PROTOCOLS.get(offload.gso_type & ~GSO_ECN) != header.protocol:
        raise MalformedPacket(f"a super-packet of type {offload.gso_type} with protocol {header.protocol}")
    if header.fragment & (ipv4.MORE_FRAGMENTS | ipv4.OFFSET_MASK):
        raise MalformedPacket("a super-packet that is a fragment")
    head_length = header.header_length + transport_header_length(packet, header)
    payload_length = header.total_length - head_length
    if not payload_length or not offload.gso_size:
        raise MalformedPacket(f"{payload_length} bytes of payload, to be cut into {offload.gso_size} each")
    size = min(offload.gso_size, payload_length)
    return SuperPacket(packet, header, head_length, size, -(-payload_length // size), _is_summed(packet, header, offload))


def transport_header_length(packet: memoryview, header: Ipv4Header) -> int:
    """Of TCP or UDP, in bytes. Raises MalformedPacket."""
    start = header.header_length
    room = header.total_length - start
    length = minimum = UDP_HEADER_LENGTH
    if header.protocol == ipv4.PROTOCOL_TCP:
        minimum = TCP_HEADER_LENGTH
        length = (packet[start + TCP_DATA_OFFSET] >> 4) * 4 if room >= minimum else minimum
    if not minimum <= length <= room:
        raise MalformedPacket(f"a transport header of {length} bytes in {room}")
    return length


def _is_summed(packet: memoryview, header: Ipv4Header, offload: Offload) -> bool:
    if header.protocol == ipv4.PROTOCOL_TCP or offload.flags & NEEDS_CHECKSUM:
        return True
    start = header.header_length + UDP_CHECKSUM
    return any(packet[start : start + 2])
