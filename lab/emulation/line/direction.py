"""One direction of a line: frames go in, and come out when they are due. Performs no I/O and reads no clock.

What becomes of a frame depends on its number, the seed and the impairments; the delay, on the time since the line began.

    frame ── down, loss, too big ──► rate ──► delay, jitter ──► held back, doubled ──► due
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from lab.impairments import Impairments

ETHERNET_HEADER = 14  # bytes of a frame before its IP packet; IEEE 802.3

LONGEST_QUEUE = 0.1
"""Seconds that a frame may wait for those before it where there is a rate; then the queue is full. Our choice."""

OVERTAKEN_BY = 3
"""A frame that is held back is overtaken by one to so many later ones. Our choice: so little that TCP takes it for reordering."""

HELD_AT_MOST = 0.01
"""Seconds that a frame is held back when no later one comes. Our choice."""

_NO_JITTER = 1e-9
"""Seconds. Less is none: no clock here tells it, and the number of its cells since the beginning would grow beyond all bounds."""

_CELL = 4
"""The delay wanders from one random value to the next in so many times the jitter. Above 2 none overtakes another by it."""


@dataclass(slots=True)
class Counters:
    """Frames. One that arrived was delivered, is under way, or is counted under a cause; one duplicated is delivered twice."""

    arrived: int = 0
    delivered: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    queue_full: int = 0
    too_big: int = 0
    down: int = 0


@dataclass(slots=True)
class _Held:
    frame: bytes
    copies: int
    overtaken_by: int  # so many frames still
    until: float  # at the latest


class Direction:
    """`seed` and the times of all calls together decide everything. Times are in seconds of any clock that does not go back."""

    def __init__(self, impairments: Impairments, seed: str, now: float) -> None:
        self.impairments = impairments
        self.counters = Counters()
        self._seed = seed
        self._began = now
        self._random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._free_at = now  # when the frame before has left, where there is a rate
        self._order = itertools.count()  # of two frames due at one time the first comes first
        self._under_way: list[tuple[float, int, bytes]] = []  # a heap
        self._held: list[_Held] = []
        self._cell = (-1, 0.0, 0.0)  # number of the cell, and the random values at its ends

    def push(self, frame: bytes, length: int, now: float) -> None:
        """A frame of so many bytes on the wire arrives."""
        wanted, counters = self.impairments, self.counters
        # As many draws for each frame, whatever is wanted: a change of one impairment leaves the others' choices as they were.
        lost, doubled, held, behind = (self._random.random() for _ in range(4))
        counters.arrived += 1
        if wanted.down:
            counters.down += 1
        elif lost < wanted.loss:
            counters.lost += 1
        elif wanted.mtu is not None and length - ETHERNET_HEADER > wanted.mtu:
            counters.too_big += 1
        elif self._free_at - now > LONGEST_QUEUE:
            counters.queue_full += 1
        else:
            due = self._leaves(length, now) + self._latency(now)
            copies = 2 if doubled < wanted.duplicate else 1
            counters.duplicated += copies - 1
            if held < wanted.reorder:
                counters.reordered += 1
                self._held.append(_Held(frame, copies, 1 + int(behind * OVERTAKEN_BY), due + HELD_AT_MOST))
            else:
                self._send(frame, copies, due)
                self._overtake(due)

    def pop(self, now: float) -> Iterator[bytes]:
        """The frames that are due, in order."""
        for held in [held for held in self._held if held.until <= now]:
            self._held.remove(held)
            self._send(held.frame, held.copies, held.until)
        while self._under_way and self._under_way[0][0] <= now:
            self.counters.delivered += 1
            yield heapq.heappop(self._under_way)[2]

    def deadline(self) -> float | None:
        """When a frame is due next. None when none is under way."""
        times = [held.until for held in self._held]
        if self._under_way:
            times.append(self._under_way[0][0])
        return min(times, default=None)

    def _leaves(self, length: int, now: float) -> float:
        """When a frame's last bit has left."""
        rate = self.impairments.rate
        if rate is None:
            return now
        self._free_at = max(now, self._free_at) + 8 * length / rate
        return self._free_at

    def _latency(self, now: float) -> float:
        """The delay at a time: it wanders in straight lines between random values, one at each end of a cell of time."""
        delay, jitter = self.impairments.delay, self.impairments.jitter
        if jitter < _NO_JITTER:
            return delay
        number, place = divmod((now - self._began) / (_CELL * jitter), 1)
        if self._cell[0] != number:
            self._cell = (int(number), self._wander(int(number)), self._wander(int(number) + 1))
        _, start, end = self._cell
        return delay + jitter * (start + (end - start) * place)

    def _wander(self, number: int) -> float:
        """From -1 to 1; the same for a number whenever it is asked for."""
        return Random(f"{self._seed} {number}").uniform(-1, 1)  # noqa: S311 - to be repeated, not to be secret

    def _send(self, frame: bytes, copies: int, due: float) -> None:
        for _ in range(copies):
            heapq.heappush(self._under_way, (due, next(self._order), frame))

    def _overtake(self, due: float) -> None:
        """A frame that is due then has passed those that are held back; one that enough have passed follows it."""
        for held in list(self._held):
            held.overtaken_by -= 1
            if held.overtaken_by == 0:
                self._held.remove(held)
                self._send(held.frame, held.copies, due)
