"""A burst: datagrams of one size from one sender, which the kernel handed over at once (UDP GRO). Opened where they lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataplane.errors import DropReason
from dataplane.esp import ALIGNMENT, ASSOCIATED_LENGTH, MINIMUM_LENGTH, PAYLOAD_OFFSET, InboundSa, Slot
from dataplane.packets import Datagram, Endpoint
from dataplane.rows import Kept, Nonces, slot_of
from dataplane.suites import ICV_LENGTH

LARGEST_BURST = 65536
"""Bytes that the kernel hands over at once, at most."""

MEMORY = 2 * LARGEST_BURST
"""Bytes. A row is read to its end, even that of a last datagram that is shorter."""


class Shape(NamedTuple):
    stride: int
    rows: int


class _Rows:
    """The memory's bytes as datagrams of one size."""

    def __init__(self, memory: memoryview, shape: Shape) -> None:
        end = shape.stride * shape.rows
        datagrams = np.frombuffer(memory, np.uint8, end).reshape(shape.rows, shape.stride)
        self.spis = datagrams[:, :4]
        self.sequences: NDArray[np.uint32] = datagrams[:, 4:ASSOCIATED_LENGTH].view(">u4")[:, 0]
        self.ivs = datagrams[:, ASSOCIATED_LENGTH:PAYLOAD_OFFSET]
        self.nonces = Nonces(shape.rows)
        starts = range(0, end, shape.stride)
        self.slots = [slot_of(nonce, memory[at : at + shape.stride]) for nonce, at in zip(self.nonces.each, starts, strict=True)]


class Burst(NamedTuple):
    """`length` bytes at the start of `memory`, a datagram every `stride` of them, the last perhaps shorter."""

    memory: memoryview
    kept: Kept[Shape, _Rows]
    stride: int
    pieces: int
    length: int
    endpoint: Endpoint
    tos: int

    @property
    def spi(self) -> int:
        """Of the first datagram."""
        return int.from_bytes(self.memory[:4], "big")

    def is_regular(self) -> bool:
        """Whether there are several datagrams, of one SPI and of lengths that ESP can have."""
        if self.pieces < 2:
            return False
        last = self.length - (self.pieces - 1) * self.stride
        if min(last, self.stride) < MINIMUM_LENGTH or last % ALIGNMENT or self.stride % ALIGNMENT:
            return False
        rows = self._rows
        return bool((rows.spis == rows.spis[0]).all())

    def each(self) -> list[Datagram]:
        """One by one, for whoever does not take them together."""
        starts = range(0, self.length, self.stride) if self.length else (0,)
        return [
            Datagram(self.memory[start : min(start + self.stride, self.length)], self.endpoint, self.tos) for start in starts
        ]

    def open(self, sa: InboundSa) -> dict[int, DropReason]:
        """Open all datagrams, each in place. Returns why which of them were refused, by their place in the burst."""
        rows = self._rows
        rows.nonces.write(sa.salt, rows.ivs)
        return sa.open(self._slots(), rows.sequences.tolist())

    def payload(self, index: int) -> memoryview:
        """The plaintext of a datagram that was opened: a packet and its trailer."""
        start = index * self.stride
        return self.memory[start + PAYLOAD_OFFSET : min(start + self.stride, self.length) - ICV_LENGTH]

    @property
    def _rows(self) -> _Rows:
        return self.kept[Shape(self.stride, self.pieces)]

    def _slots(self) -> list[Slot]:
        slots = self._rows.slots
        start = (self.pieces - 1) * self.stride
        if self.length - start == self.stride:
            return slots
        return [*slots[:-1], slot_of(slots[-1].nonce, self.memory[start : self.length])]


class Receiver:
    """Memory for one burst: `memory` is where the kernel puts it."""

    def __init__(self) -> None:
        self.memory = memoryview(bytearray(MEMORY))
        self._rows = Kept[Shape, _Rows](lambda shape: _Rows(self.memory, shape))

    def burst(self, length: int, stride: int, endpoint: Endpoint, tos: int) -> Burst:
        """What was received: `length` bytes, of which every `stride` are a datagram."""
        pieces = -(-length // stride) if stride else 1
        return Burst(self.memory, self._rows, stride, pieces, length, endpoint, tos)
