"""How far back is looked, and how finely."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime

from lab.errors import UsageError

# Our choices. Seconds that a bucket is long, and for how many seconds such buckets are kept: 720, 1440 and 4320 of them a device.
KEPT = {10: 2 * 3600, 60: 24 * 3600, 600: 30 * 24 * 3600}
MOST_POINTS = 720  # in one answer, where coarser buckets are kept, too

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(r"(\d{1,7})(s|min|h|d)")
_SHORTEST, _LONGEST = 60, max(KEPT.values())


@dataclass(frozen=True, slots=True)
class Window:
    """So many `seconds`, in buckets of `resolution` seconds, up to `end` (seconds since 1970), or, without one, up to now."""

    seconds: int
    resolution: int
    end: int | None = None

    @staticmethod
    def of(text: str) -> Window:
        """From "1h", "3h", "90min", "2d"; or from "2026-11-22T10:00/2026-11-22T11:30", by the machine's clock (ISO 8601).

        Raises UsageError for what is none, or shorter than a minute, or goes further back than is kept.
        """
        if "/" in text:
            return _between(text, time.time())
        match = _TEXT.fullmatch(text.strip())
        seconds = int(match[1]) * _UNITS[match[2]] if match else 0
        if not _SHORTEST <= seconds <= _LONGEST:
            raise UsageError(f"{text!r} is no window: give 1h, 3h, 6h, 12h, or from 1min to {_LONGEST // 86400}d")
        return Window(seconds, _resolution(seconds, seconds))


def _between(text: str, now: float) -> Window:
    """From two moments. Raises UsageError."""
    first, _, last = text.partition("/")
    try:
        start, end = (int(datetime.fromisoformat(moment.strip()).timestamp()) for moment in (first, last))
    except ValueError as error:
        raise UsageError(f"{text!r} is no window: {error}; give two moments such as 2026-11-22T10:00/2026-11-22T11:30") from error
    if end - start < _SHORTEST or not now - _LONGEST <= start:
        raise UsageError(f"{text!r} is no window: give at least a minute, forwards, of the last {_LONGEST // 86400} days")
    return Window(end - start, _resolution(end - start, int(now) - start), end)


def _resolution(seconds: int, back: int) -> int:
    """The finest whose buckets are kept for so far back, and are not too many in so many seconds; else the coarsest."""
    fine = (length for length, kept in KEPT.items() if back <= kept and seconds <= MOST_POINTS * length)
    return next(fine, max(KEPT))
