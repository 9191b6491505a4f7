"""Super-packets cut into packets, each sealed into a datagram of its own, in one piece of memory and ready for one system call.

The packets are those of `cutting`, which says what belongs into each; here all are written at once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataplane import ipv4
from dataplane.checksums import MODULUS, Sums, complement, native, row_sums
from dataplane.esp import ASSOCIATED_LENGTH, NEXT_HEADER_IPV4, PAYLOAD_OFFSET, OutboundSa, sealed_length, trailer
from dataplane.memory import zeros
from dataplane.rows import MOST_ROWS, SHAPES_KEPT, STRIDES_KEPT, Kept, Slots
from dataplane.suites import ICV_LENGTH
from dataplane.superpacket import CWR, FIN, PSH, TCP_CHECKSUM, TCP_FLAGS, UDP_CHECKSUM, UDP_LENGTH, SuperPacket

SEGMENTS = 64  # linux/udp.h: UDP_MAX_SEGMENTS before Linux 6.9
LARGEST_SEND = 65507  # bytes: the most that UDP carries over IPv4

MEMORY = 2 * 65536
"""Bytes: a super-packet's, and ESP's around each of its packets."""

WORD = 4
ESP_WORDS = PAYLOAD_OFFSET // WORD
LOW_HALF = 0xFFFF
IP_LENGTH, IP_CHECKSUM = 2, 10  # RFC 791 §3.1, in bytes from the packet's start

_HALF = struct.Struct("!H")


class Batch(NamedTuple):
    """Datagrams of `segment` bytes, the last perhaps shorter, one behind the other."""

    payload: memoryview
    segment: int


class Shape(NamedTuple):
    """What makes two batches alike. Lengths are in bytes."""

    is_tcp: bool
    ip_length: int
    head_length: int
    size: int
    rows: int

    @property
    def packet_length(self) -> int:
        return self.head_length + self.size


class _Rows:
    """The memory's bytes as datagrams of one shape: views of whatever is written to all of them at once."""

    def __init__(self, memory: memoryview, shape: Shape) -> None:
        packet_length = shape.packet_length
        self.stride = sealed_length(packet_length)
        self.end = shape.rows * self.stride
        self.longest = min(SEGMENTS, LARGEST_SEND // self.stride) * self.stride  # bytes of one system call
        datagrams = np.frombuffer(memory, np.uint8, self.end).reshape(shape.rows, self.stride)
        packets = datagrams[:, PAYLOAD_OFFSET:-ICV_LENGTH]
        self.ivs = datagrams[:, ASSOCIATED_LENGTH:PAYLOAD_OFFSET]
        even = packet_length + packet_length % 2
        self.heads: NDArray[np.uint32] = datagrams[:, : PAYLOAD_OFFSET + shape.head_length].view(">u4")
        self.steps = _steps(shape)
        self.payloads = packets[:, shape.head_length : packet_length]
        self.behind = packets[:, packet_length:even]
        self.transports = packets[:, shape.ip_length : even]
        place = TCP_CHECKSUM if shape.is_tcp else UDP_CHECKSUM
        self.checksums: NDArray[np.uint16] = self.transports[:, place : place + 2].view(np.uint16)[:, 0]
        self.trailers = packets[:, packet_length:]
        self.trailer = np.frombuffer(trailer(packet_length, NEXT_HEADER_IPV4), np.uint8)


def _steps(shape: Shape) -> NDArray[np.uint32]:
    """By how much each word of a row's headers differs from that of row 0.

    From packet to packet ESP's sequence number and IV go up by one, the identification too, so the header's checksum goes down by
    one, and TCP's sequence number goes up by the size. All of it is one multiple of the row's number for each word.
    """
    step = np.zeros(ESP_WORDS + shape.head_length // WORD, np.uint32)
    step[[1, 3]] = 1
    step[ESP_WORDS + 1] = 1 << 16
    step[ESP_WORDS + 2] = -1 & 0xFFFFFFFF
    if shape.is_tcp:
        step[ESP_WORDS + shape.ip_length // WORD + 1] = shape.size
    return np.arange(shape.rows, dtype=np.uint32)[:, None] * step


class Segmenter:
    """Cuts and seals in memory of its own, which holds all packets of a super-packet unless they are very small."""

    def __init__(self) -> None:
        self._memory = zeros(MEMORY)
        self._rows = Kept[Shape, _Rows](SHAPES_KEPT, lambda shape: _Rows(self._memory, shape))
        self._slots = Kept[int, Slots](STRIDES_KEPT, lambda stride: Slots(self._memory, stride))

    def seal(self, superpacket: SuperPacket, sa: OutboundSa) -> Iterator[Batch]:
        """All packets, sealed. A batch is good until the next is asked for.

        Raises SequenceExhausted or KeyExhausted when not all of them can be sealed, and then seals none.
        """
        sequence = sa.reserve(superpacket.packet_length, superpacket.pieces)
        first = 0
        while first < superpacket.pieces:
            rows, count = self._cut(superpacket, first, (sa.spi, sequence, 0, sequence))
            first += count
            sequence += count
            shortage = rows.stride - sealed_length(superpacket.last_length) if first == superpacket.pieces else 0
            end = rows.end - shortage
            slots = self._slots[rows.stride]
            slots.write_nonces(sa.salt, rows.ivs)
            sa.seal(slots.each(count, end))
            for start in range(0, end, rows.longest):
                yield Batch(self._memory[start : min(start + rows.longest, end)], rows.stride)

    def _cut(self, s: SuperPacket, first: int, esp: tuple[int, int, int, int]) -> tuple[_Rows, int]:
        """Write packets number `first` and following, as many as there is room for, with `esp` before the first of them."""
        words = _first_headers(s, first)
        # A batch ends where a 16-bit field would wrap, which it does once in 65536 packets, so that all steps are alike.
        identifications = LOW_HALF + 1 - (words[1] >> 16)
        checksums = (words[2] & LOW_HALF) + 1
        room = min(MOST_ROWS, MEMORY // sealed_length(s.packet_length))
        count = min(s.pieces - first, room, identifications, checksums)
        is_tcp = s.header.protocol == ipv4.PROTOCOL_TCP
        rows = self._rows[Shape(is_tcp, s.header.header_length, s.head_length, s.size, count)]
        np.add(rows.steps, np.array([*esp, *words], np.uint32), out=rows.heads)
        shortage = s.packet_length - s.last_length if first + count == s.pieces else 0
        _write_payloads(s, rows, first, count - 1 if shortage else count)
        rows.behind[...] = 0
        last = self._memory[rows.end - rows.stride + PAYLOAD_OFFSET : rows.end]
        if shortage:
            _shorten(s, last, shortage)
        if is_tcp:
            _flag(s, first, self._memory[PAYLOAD_OFFSET:], last if first + count == s.pieces else None)
        if s.summed:
            _write_checksums(s, rows, shortage)
        rows.trailers[...] = rows.trailer
        if shortage:
            end = trailer(s.last_length, NEXT_HEADER_IPV4)
            last[s.last_length : s.last_length + len(end)] = end
        return rows, count


def _first_headers(s: SuperPacket, first: int) -> list[int]:
    """The words of packet number `first`, as if it were neither the first nor the last. Its transport checksum is 0."""
    words = list(struct.unpack(f"!{s.head_length // WORD}I", s.packet[: s.head_length]))
    words[0] = words[0] & ~LOW_HALF | s.packet_length
    words[1] = (words[1] + (first << 16)) & 0xFFFFFFFF
    words[2] &= ~LOW_HALF
    transport = s.header.header_length // WORD
    words[2] |= -sum(words[:transport]) % MODULUS
    if s.header.protocol == ipv4.PROTOCOL_TCP:
        words[transport + 1] = (words[transport + 1] + first * s.size) & 0xFFFFFFFF
        words[transport + 3] &= ~((CWR | FIN | PSH) << 16)
        words[transport + 4] &= LOW_HALF  # the checksum stands before the urgent pointer
    else:
        words[transport + 1] = (s.packet_length - s.header.header_length) << 16  # the checksum stands behind the length
    return words


def _write_payloads(s: SuperPacket, rows: _Rows, first: int, count: int) -> None:
    source = np.frombuffer(s.packet, np.uint8, count * s.size, s.head_length + first * s.size)
    rows.payloads[:count] = source.reshape(count, s.size)


def _shorten(s: SuperPacket, packet: memoryview, shortage: int) -> None:
    """Make the last packet what it is: `shortage` bytes shorter than the others."""
    payload = s.last_length - s.head_length
    packet[s.head_length : s.last_length] = s.packet[len(s.packet) - payload :]
    packet[s.last_length : s.packet_length] = bytes(shortage)
    _add(packet, IP_LENGTH, -shortage)
    _add(packet, IP_CHECKSUM, shortage)
    if s.header.protocol == ipv4.PROTOCOL_UDP:
        _add(packet, s.header.header_length + UDP_LENGTH, -shortage)


def _add(packet: memoryview, place: int, difference: int) -> None:
    (value,) = _HALF.unpack_from(packet, place)
    _HALF.pack_into(packet, place, (value + difference) % MODULUS)


def _flag(s: SuperPacket, first: int, first_packet: memoryview, last_packet: memoryview | None) -> None:
    """CWR stands in the very first packet alone, FIN and PSH in the very last."""
    place = s.header.header_length + TCP_FLAGS
    flags = s.packet[place]
    if first == 0:
        first_packet[place] |= flags & CWR
    if last_packet is not None:
        last_packet[place] |= flags & (FIN | PSH)


def _write_checksums(s: SuperPacket, rows: _Rows, shortage: int) -> None:
    """The sum runs over the transport's part and a pseudo-header of addresses, protocol and length. RFC 9293 §3.1, RFC 768."""
    length = s.packet_length - s.header.header_length
    pseudo_header = s.header.source + s.header.destination + s.header.protocol + length
    sums: Sums = row_sums(rows.transports) + native(pseudo_header % MODULUS)
    sums[-1] += native(-shortage % MODULUS)
    checksums = complement(sums)
    if s.header.protocol == ipv4.PROTOCOL_UDP:
        checksums[checksums == 0] = MODULUS  # RFC 768: 0 says that there is none
    rows.checksums[:] = checksums
