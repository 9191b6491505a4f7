"""The replay window of an inbound security association. RFC 4303 §3.4.3; the ring is the idea of RFC 6479."""

from __future__ import annotations

from dataplane.errors import Replayed

WIDTH = 8192
"""Packets. Our choice: a power of two, wide enough that bursts reordered between CPUs are not taken for replays."""


class ReplayWindow:
    """Remembers which of the last `width` sequence numbers were received.

    A ring with one byte for each number: moving forward clears only the bytes passed over, and never shifts the rest.
    """

    __slots__ = ("_ring", "_width", "highest")

    def __init__(self, width: int = WIDTH) -> None:
        self._width = width
        self._ring = bytearray(width)
        self.highest = 0
        """The highest number received; 0 before the first, for a sender starts at 1 (RFC 4303 §2.2)."""

    def accept(self, sequence: int) -> None:
        """Take a sequence number off an authenticated packet. Raises Replayed when it came before or is too old."""
        if sequence > self.highest:
            self._advance(sequence)
        elif sequence == 0 or sequence <= self.highest - self._width:
            raise Replayed(f"sequence number {sequence} lies behind the window that ends at {self.highest}")
        elif self._ring[sequence % self._width]:
            raise Replayed(f"sequence number {sequence} was received before")
        self._ring[sequence % self._width] = 1

    def accept_run(self, sequences: list[int]) -> bool:
        """Take numbers that all are new and follow each other, or none of them. Returns whether they were taken.

        That is how a burst comes if nothing was lost or reordered. 2 µs for 44 numbers, which cost 15 one by one.
        """
        first, count = sequences[0], len(sequences)
        if first <= self.highest or count > self._width or sequences != list(range(first, first + count)):
            return False
        self._forget(first - self.highest - 1)
        self.highest = first + count - 1
        start = first % self._width
        straight = min(count, self._width - start)
        self._ring[start : start + straight] = b"\1" * straight
        self._ring[: count - straight] = b"\1" * (count - straight)
        return True

    def _advance(self, sequence: int) -> None:
        """Let the window end at `sequence`, which the caller marks as received."""
        self._forget(sequence - self.highest - 1)
        self.highest = sequence

    def _forget(self, passed: int) -> None:
        """What falls out of the window when it moves over so many numbers that were not received."""
        if passed >= self._width:
            self._ring = bytearray(self._width)
        elif passed:
            self._clear(self.highest + 1, passed)

    def _clear(self, first: int, count: int) -> None:
        start = first % self._width
        straight = min(count, self._width - start)
        self._ring[start : start + straight] = bytes(straight)
        self._ring[: count - straight] = bytes(count - straight)
