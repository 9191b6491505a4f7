"""A burst: datagrams of one size from one sender, which the kernel handed over together (UDP GRO). Opened where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataplane.errors import DropReason
from dataplane.esp import ALIGNMENT, ASSOCIATED_LENGTH, MINIMUM_LENGTH, PAYLOAD_OFFSET, InboundSa
from dataplane.memory import zeros
from dataplane.packets import Datagram, Endpoint
from dataplane.rows import MOST_ROWS, SHAPES_KEPT, STRIDES_KEPT, Kept, Slots
from dataplane.suites import ICV_LENGTH

LARGEST_READ = 65536
"""Bytes that the kernel hands over at once, at most."""

MEMORY = 5 * LARGEST_READ
"""Bytes: for as much as is gathered, for one more read, and for the end of a last datagram that is shorter than the others.

A super-packet comes in two reads, for the sealed packets of it are longer than 64 KB, and so its end is gathered with what comes
next. Room for two of them takes a third of the processor time off bulk TCP, by which the caches are warm but once for both.
"""


class Shape(NamedTuple):
    stride: int
    rows: int


class _Rows:
    """The memory's bytes as datagrams of one size."""

    def __init__(self, memory: memoryview, shape: Shape) -> None:
        end = shape.stride * shape.rows
        datagrams = np.frombuffer(memory, np.uint8, end).reshape(shape.rows, shape.stride)
        self.spis: NDArray[np.uint32] = datagrams[:, :4].view(np.uint32)[:, 0]
        self.sequences: NDArray[np.uint32] = datagrams[:, 4:ASSOCIATED_LENGTH].view(">u4")[:, 0]
        self.ivs = datagrams[:, ASSOCIATED_LENGTH:PAYLOAD_OFFSET]


class Burst:
    """`length` bytes at the start of a receiver's memory, a datagram every `stride` of them, the last perhaps shorter."""

    __slots__ = ("_memory", "_receiver", "endpoint", "length", "pieces", "stride", "tos")

    def __init__(self, receiver: Receiver, length: int, stride: int, endpoint: Endpoint, tos: int) -> None:
        self.length = length
        self.stride = stride
        self.pieces = -(-length // stride) if stride else 1
        self.endpoint = endpoint
        self.tos = tos
        self._receiver = receiver
        self._memory = receiver.memory

    @property
    def spi(self) -> int:
        """Of the first datagram."""
        return int.from_bytes(self._memory[:4], "big")

    def is_regular(self) -> bool:
        """Whether there are several datagrams, but not too many, of one SPI and of lengths that ESP can have."""
        if not 2 <= self.pieces <= MOST_ROWS:
            return False
        last = self.length - (self.pieces - 1) * self.stride
        if min(last, self.stride) < MINIMUM_LENGTH or last % ALIGNMENT or self.stride % ALIGNMENT:
            return False
        spis = self._rows().spis
        return bool((spis == spis[0]).all())

    def each(self) -> list[Datagram]:
        """One by one, for whoever does not take them together."""
        if self.pieces == 1:
            return [Datagram(self._memory[: self.length], self.endpoint, self.tos)]
        starts = range(0, self.length, self.stride)
        return [
            Datagram(self._memory[start : min(start + self.stride, self.length)], self.endpoint, self.tos) for start in starts
        ]

    def open(self, sa: InboundSa) -> dict[int, DropReason]:
        """Open all datagrams, each in place. Returns why which of them were refused, by their place in the burst."""
        rows, slots = self._rows(), self._receiver.slots[self.stride]
        slots.write_nonces(sa.salt, rows.ivs)
        return sa.open(slots.each(self.pieces, self.length), rows.sequences.tolist())

    def payload(self, index: int) -> memoryview:
        """The plaintext of a datagram that was opened: a packet and its trailer."""
        start = index * self.stride
        return self._memory[start + PAYLOAD_OFFSET : min(start + self.stride, self.length) - ICV_LENGTH]

    def _rows(self) -> _Rows:
        return self._receiver.rows[Shape(self.stride, self.pieces)]


class Receiver:
    """Memory for one burst, gathered from several reads if they continue each other.

    The kernel ends what it hands over at 64 KB, which is in the middle of what a sender sent at once; and a sender of many small
    batches is quicker than we are. What is done once for a burst costs as much as 40 datagrams do, so it is worth to wait for
    more, for no longer than there is something to read.
    """

    def __init__(self) -> None:
        self.memory = zeros(MEMORY)
        self.rows = Kept[Shape, _Rows](SHAPES_KEPT, lambda shape: _Rows(self.memory, shape))
        self.slots = Kept[int, Slots](STRIDES_KEPT, lambda stride: Slots(self.memory, stride))
        self._gathered: Burst | None = None

    @property
    def room(self) -> memoryview:
        """Where the next read goes."""
        start = 0 if self._gathered is None else self._gathered.length
        return self.memory[start : start + LARGEST_READ]

    def take(self, length: int, stride: int, endpoint: Endpoint, tos: int) -> Iterator[Burst]:
        """A read put `length` bytes into `room`, of which every `stride` are a datagram. Yields bursts that are complete.

        Each is good until the next is asked for.
        """
        before = self._gathered
        if before is not None:
            if _continues(before, length, stride, endpoint, tos):
                length, stride = before.length + length, before.stride
            else:
                yield from self.finish()
                self.memory[:length] = self.memory[before.length : before.length + length]
        self._gathered = Burst(self, length, stride, endpoint, tos)
        if _is_complete(self._gathered):
            yield from self.finish()

    def finish(self) -> Iterator[Burst]:
        """Yield what was gathered: there is nothing more to read."""
        burst, self._gathered = self._gathered, None
        if burst is not None:
            yield burst



def _continues(before: Burst, length: int, stride: int, endpoint: Endpoint, tos: int) -> bool:
    """Whether a read is more of the same. A lone datagram may be the shorter one that ends a burst."""
    if endpoint != before.endpoint or tos != before.tos:
        return False
    is_last = 0 < length == stride < before.stride
    if stride != before.stride and not is_last:
        return False
    return before.length + length <= MEMORY - before.stride and before.pieces + -(-length // before.stride) <= MOST_ROWS


def _is_complete(burst: Burst) -> bool:
    """Whether nothing can follow it: its last datagram is shorter, or there is no room for another read."""
    is_full = burst.length > MEMORY - 2 * LARGEST_READ or burst.pieces >= MOST_ROWS
    return is_full or burst.stride == 0 or burst.length % burst.stride != 0
