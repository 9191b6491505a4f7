"""A shaper (RFC 2475 §2.3.3.3): what is sent faster than a rate waits, and what would wait too long is dropped. Reads no clock.

    packets ──► bucket of bytes, filled at the rate ──► may go
                  └─ empty: a queue, first in, first out ─┘

A packet may go as long as the bucket is not overdrawn, and overdraws it by its whole size: so the rate is kept exactly in the
long run, whatever the sizes are, and a super-packet of 64 KB needs no bucket that holds one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from dataplane.virtio import Offload

BURST = 0.01
"""Seconds that the bucket holds while nothing waits: what may be sent at once after a rest. Our choice."""

PATIENCE = 0.1
"""Seconds that a packet waits at most. Our choice: TCP fills a line with it over half the world, and a call can still be held."""

LEAST_ROOM = 65536
"""Bytes that may wait at any rate: the largest packet."""

SMALL_ROOM = 16 * 1500
"""Bytes, where packets come cut to what a tunnel carries. Our choice: what TCP has under way on a slow line."""

_EVEN = -1.0  # bytes: less than what arithmetic with fractions may be off by


class Held(NamedTuple):
    """A packet of the TUN device that waits, for as many bytes as go into the tunnel for it."""

    packet: bytearray
    offload: Offload
    size: int


class Shaper:
    """`rate` is in bytes a second, and may be changed at any time. `now` is in seconds of a monotonic clock.

    `room` bytes may wait at any rate.
    """

    __slots__ = ("_backlog", "_filled_at", "_room", "_tokens", "_waiting", "rate")

    def __init__(self, rate: float, room: int = LEAST_ROOM) -> None:
        self.rate = rate
        self._room = room
        self._tokens = BURST * rate
        self._filled_at = float("-inf")
        self._waiting: deque[Held] = deque()
        self._backlog = 0

    @property
    def backlog(self) -> int:
        """Bytes that wait."""
        return self._backlog

    def may_pass(self, size: int, now: float) -> bool:
        """Whether a packet may go at once; if so, it is taken to have gone."""
        if self._waiting:
            return False
        self._fill(now)
        if self._tokens < _EVEN:
            return False
        self._tokens -= size
        return True

    def hold(self, held: Held) -> bool:
        """Let a packet wait. False when it would wait too long; then it is not held."""
        if self._backlog + held.size > max(PATIENCE * self.rate, self._room):
            return False
        self._waiting.append(held)
        self._backlog += held.size
        return True

    def release(self, now: float) -> Iterator[Held]:
        """Those that may go now, in their order."""
        self._fill(now)
        while self._waiting and self._tokens >= _EVEN:
            held = self._waiting.popleft()
            self._backlog -= held.size
            self._tokens -= held.size
            yield held

    def due(self) -> float | None:
        """When the next one may go, None while none waits."""
        if not self._waiting:
            return None
        return self._filled_at + max(0.0, -self._tokens) / self.rate

    def _fill(self, now: float) -> None:
        """While something waits, that nobody looked is no rest: what a busy machine misses is made up for."""
        most = PATIENCE if self._waiting else BURST
        self._tokens = min(most * self.rate, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
