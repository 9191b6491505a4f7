"""Packets of one flow that follow each other, put back together into the super-packet that they were cut from.

A packet joins the one before it only if cutting the super-packet again gives just these packets: the headers are equal but for
what counts up, the checksums are right, the payloads are as long as the first one, only the last may be shorter. Those are the
conditions of Linux's own GRO. An identification may be anything where fragmentation is forbidden (RFC 6864 §4.1).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataplane import ipv4
from dataplane.bursts import Burst
from dataplane.checksums import MODULUS, Sums, native, row_sums
from dataplane.errors import MalformedPacket
from dataplane.esp import NEXT_HEADER_IPV4, PAYLOAD_OFFSET, trailer
from dataplane.ipv4 import Ipv4Header
from dataplane.rows import SHAPES_KEPT, Kept
from dataplane.segmentation import SEGMENTS
from dataplane.superpacket import ACK, PSH, TCP_CHECKSUM, TCP_FLAGS, UDP_CHECKSUM, UDP_LENGTH, transport_header_length
from dataplane.virtio import GSO_TCPV4, GSO_UDP_L4, NEEDS_CHECKSUM, Offload

WORD = 4
IP_LENGTH = 2  # RFC 791 §3.1, in bytes from the packet's start
EVERYTHING = 0xFFFFFFFF
HIGH_HALF, LOW_HALF = 0xFFFF0000, 0xFFFF

_HALF = struct.Struct("!H")
_TWO_HALVES = struct.Struct("!HH")


class Shape(NamedTuple):
    """What makes the packets of two bursts alike. Lengths are in bytes; `first` is the place in the burst where they begin."""

    stride: int
    first: int
    rows: int
    is_tcp: bool
    may_fragment: bool
    ip_length: int
    head_length: int
    packet_length: int

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return self.packet_length - self.head_length


class Run(NamedTuple):
    """Packets from place `first` of a burst that are one super-packet, with its headers and what the kernel is told about it.

    `header` is the IP header of the first of the packets. `length` is in bytes: that of all of them, headers included.
    """

    first: int
    pieces: int
    length: int
    header: Ipv4Header
    offload: Offload
    head: bytes
    payloads: Sequence[memoryview]
    packets: Sequence[memoryview]


class _Rows:
    """A burst's packets as they lie in its memory: views of what is compared and added up."""

    def __init__(self, memory: memoryview, shape: Shape) -> None:
        start = shape.first * shape.stride
        bytes_ = np.frombuffer(memory, np.uint8, shape.rows * shape.stride, start).reshape(shape.rows, shape.stride)
        packets = bytes_[:, PAYLOAD_OFFSET:]
        even = shape.packet_length + shape.packet_length % 2
        end = trailer(shape.packet_length, NEXT_HEADER_IPV4)
        self.heads: NDArray[np.uint32] = packets[:, : shape.head_length].view(">u4")
        self.shape = shape
        self.steps, self.lengths = _steps(shape), _lengths(shape)
        self.mask, self.loose_mask = _mask(shape), _loose_mask(shape)
        self.ip_headers = packets[:, : shape.ip_length]
        self.transports = packets[:, shape.ip_length : even]
        self.trailers = packets[:, shape.packet_length : shape.packet_length + len(end)]
        self.trailer = np.frombuffer(end, np.uint8)
        self.behind = packets[:, shape.packet_length : even]
        begins = range(start + PAYLOAD_OFFSET, start + PAYLOAD_OFFSET + shape.rows * shape.stride, shape.stride)
        self.packets = [memory[begin : begin + even] for begin in begins]
        self.flags = packets[:, shape.ip_length + TCP_FLAGS]
        self.whole = [packet[: shape.packet_length] for packet in self.packets]
        self.payloads = [packet[shape.head_length : shape.packet_length] for packet in self.packets]


def _steps(shape: Shape) -> NDArray[np.uint32]:
    """By how much each word of a packet's headers differs from that of the first, as `segmentation` has it."""
    step = np.zeros(shape.head_length // WORD, np.uint32)
    step[1] = 1 << 16
    step[2] = EVERYTHING  # -1: the header's checksum goes down as the identification goes up
    if shape.is_tcp:
        step[shape.ip_length // WORD + 1] = shape.size
    return np.arange(shape.rows, dtype=np.uint32)[:, None] * step


def _mask(shape: Shape) -> NDArray[np.uint32]:
    """Which bits must be as expected: all but the transport's checksum and PSH."""
    mask = np.full(shape.head_length // WORD, EVERYTHING, np.uint32)
    transport = shape.ip_length // WORD
    if shape.is_tcp:
        mask[transport + 3] &= ~(PSH << 16) & EVERYTHING
        mask[transport + 4] = LOW_HALF
    else:
        mask[transport + 1] = HIGH_HALF
    return mask


def _loose_mask(shape: Shape) -> NDArray[np.uint32]:
    """The same, but for what need not count up: the header's checksum, and an identification without a meaning."""
    mask = _mask(shape)
    mask[1] = EVERYTHING if shape.may_fragment else LOW_HALF
    mask[2] = HIGH_HALF
    return mask


def _lengths(shape: Shape) -> NDArray[np.uint32]:
    """What one byte more of payload adds to the words of the headers, checksums apart."""
    words = np.zeros(shape.head_length // WORD, np.uint32)
    words[0] = 1
    if not shape.is_tcp:
        words[shape.ip_length // WORD + 1] = 1 << 16
    return words


class Coalescer:
    """Finds the runs of bursts that lie in `memory`. `protocols` are those of which the kernel takes super-packets."""

    def __init__(self, memory: memoryview, protocols: Collection[int]) -> None:
        self._protocols = protocols
        self._rows = Kept[Shape, _Rows](SHAPES_KEPT, lambda shape: _Rows(memory, shape))

    def run(self, burst: Burst, first: int) -> Run | None:
        """The longest run from place `first`, None when the packet there stands alone."""
        packet = burst.payload(first)
        head = _begins(packet, self._protocols)
        if head is None:
            return None
        header, head_length = head
        pieces = min(burst.pieces - first, _most_pieces(header, head_length))
        shortage: int | None = 0
        if first + pieces == burst.pieces:
            shortage = _shortage(burst, header, head_length)
            pieces -= shortage is None
        if pieces < 2:
            return None
        is_tcp = header.protocol == ipv4.PROTOCOL_TCP
        lengths = (header.header_length, head_length, header.total_length)
        rows = self._rows[Shape(burst.stride, first, pieces, is_tcp, not header.dont_fragment, *lengths)]
        joined = _joined(rows, header, shortage or 0)
        if joined < 2:
            return None
        return _run(rows, joined, header, (shortage or 0) if joined == pieces else 0)


def _begins(payload: memoryview, protocols: Collection[int]) -> tuple[Ipv4Header, int] | None:
    """The IP header of a packet that may be the first of a run, and the length of all its headers; None if it may not.

    It has a payload and a checksum. TCP has no flags but ACK and PSH, and says with PSH that nothing is to wait behind it.
    """
    try:
        header = ipv4.parse_padded(payload)
        if header.protocol not in protocols or header.fragment & (ipv4.MORE_FRAGMENTS | ipv4.OFFSET_MASK):
            return None
        start = header.header_length
        head_length = start + transport_header_length(payload, header)
    except MalformedPacket:
        return None
    if len(payload) != header.total_length + len(trailer(header.total_length, NEXT_HEADER_IPV4)):
        return None
    if header.protocol == ipv4.PROTOCOL_TCP:
        is_plain = payload[start + TCP_FLAGS] == ACK
    else:
        length, checksum = _TWO_HALVES.unpack_from(payload, start + UDP_LENGTH)
        is_plain = length == header.total_length - start and checksum != 0
    return (header, head_length) if is_plain and head_length < header.total_length else None


def _most_pieces(header: Ipv4Header, head_length: int) -> int:
    """How many packets one super-packet may stand for: it has a length of 16 bits, and UDP as many as are sent at once."""
    most = (ipv4.MAXIMUM_LENGTH - head_length) // (header.total_length - head_length)
    return min(most, SEGMENTS) if header.protocol == ipv4.PROTOCOL_UDP else most


def _shortage(burst: Burst, header: Ipv4Header, head_length: int) -> int | None:
    """By how many bytes the last packet of the burst is shorter than the first of the run; None if it cannot be its last."""
    if burst.length == burst.pieces * burst.stride:
        return 0
    payload = burst.payload(burst.pieces - 1)
    length: int = _HALF.unpack_from(payload, IP_LENGTH)[0]
    if not head_length < length < header.total_length or payload[length:] != trailer(length, NEXT_HEADER_IPV4):
        return None
    return header.total_length - length


def _joined(rows: _Rows, header: Ipv4Header, shortage: int) -> int:
    """How many packets belong together, from the first on. The last one is shorter than the others by `shortage` bytes."""
    heads = rows.heads.astype(np.uint32)
    whole = len(heads)
    if shortage:
        whole -= 1
        heads[-1] += rows.lengths * np.uint32(shortage)  # as if it were as long as the others
    differences = heads ^ (heads[0] + rows.steps)
    trailers = rows.trailers[:whole] != rows.trailer
    sums = _transport_sums(rows, header, shortage) % MODULUS
    joined = whole if not shortage else whole + 1
    # Nearly always all is as expected. To find that out for all at once takes 10 µs less than for each.
    is_linear = not (differences & rows.mask).any() and not ipv4.checksum(rows.packets[0][: header.header_length])
    if not is_linear or trailers.any() or sums.any():
        wrong = (differences & rows.loose_mask).any(axis=1)
        wrong |= (row_sums(rows.ip_headers) % MODULUS != 0) | (sums != 0)
        wrong[:whole] |= trailers.any(axis=1)
        joined = int(wrong.argmax()) if wrong.any() else joined
    if rows.shape.is_tcp:
        pushes = rows.flags[:joined] & PSH
        joined = int(pushes.argmax()) + 1 if pushes.any() else joined
    return joined


def _transport_sums(rows: _Rows, header: Ipv4Header, shortage: int) -> Sums:
    """0, modulo 65535, where the checksum is right."""
    length = header.total_length - header.header_length
    pseudo_header = native((header.source + header.destination + header.protocol + length) % MODULUS)
    if not shortage and not rows.behind.size:
        return row_sums(rows.transports) + pseudo_header
    # The sum runs over whole words, and rows of one length: what stands behind a packet is put aside meanwhile.
    behind_last = rows.packets[-1][header.total_length - shortage :]
    kept, kept_last = rows.behind.copy(), bytes(behind_last)
    rows.behind[...] = 0
    behind_last[:] = bytes(len(kept_last))
    sums = row_sums(rows.transports) + pseudo_header
    sums[-1] += native(-shortage % MODULUS)
    rows.behind[...] = kept
    behind_last[:] = kept_last
    return sums


def _run(rows: _Rows, count: int, header: Ipv4Header, shortage: int) -> Run:
    """The first `count` packets as one. The last is shorter by `shortage` bytes."""
    shape = rows.shape
    payloads = rows.payloads[:count]
    payloads[-1] = payloads[-1][: shape.size - shortage]
    packets = rows.whole[:count]
    packets[-1] = packets[-1][: shape.packet_length - shortage]
    total = shape.head_length + shape.size * count - shortage
    length = total - shape.ip_length
    head = bytearray(rows.packets[0][: shape.head_length])
    _HALF.pack_into(head, IP_LENGTH, total)
    head[: shape.ip_length] = ipv4.with_checksum(head[: shape.ip_length])
    if shape.is_tcp:
        head[shape.ip_length + TCP_FLAGS] |= rows.packets[count - 1][shape.ip_length + TCP_FLAGS]
        gso_type, place = GSO_TCPV4, TCP_CHECKSUM
    else:
        _HALF.pack_into(head, shape.ip_length + UDP_LENGTH, length)
        gso_type, place = GSO_UDP_L4, UDP_CHECKSUM
    # The kernel adds the rest to the sum of the pseudo-header, when and where it cuts the super-packet.
    pseudo_header = (header.source + header.destination + header.protocol + length) % MODULUS
    _HALF.pack_into(head, shape.ip_length + place, pseudo_header)
    offload = Offload(NEEDS_CHECKSUM, gso_type, shape.head_length, shape.size, shape.ip_length, place)
    return Run(shape.first, count, total + (count - 1) * shape.head_length, header, offload, bytes(head), payloads, packets)
