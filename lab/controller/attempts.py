"""How often somebody may be refused before nobody listens any more. Pure: times are seconds of whatever clock the caller has."""

from __future__ import annotations

from collections import OrderedDict, deque

# Our choices: so many refusals in so many seconds, and how many sources are remembered.
MOST, WITHIN = 10, 60.0
MOST_SOURCES = 4096


class TooManyAttempts(Exception):
    """`wait` is in how many seconds the next attempt is looked at."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"too many attempts; the next one is looked at in {wait:.0f} s")
        self.wait = wait


class Attempts:
    """The refusals of late, by the address that they went to."""

    def __init__(self) -> None:
        self._refused: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, source: str, *, now: float) -> None:
        """Raises TooManyAttempts."""
        refused = self._refused.get(source, ())
        recent = [when for when in refused if now - when < WITHIN]
        if len(recent) >= MOST:
            raise TooManyAttempts(recent[0] + WITHIN - now)

    def refused(self, source: str, *, now: float) -> None:
        self._refused.setdefault(source, deque(maxlen=MOST)).append(now)
        self._refused.move_to_end(source)
        while len(self._refused) > MOST_SOURCES:
            self._refused.popitem(last=False)
