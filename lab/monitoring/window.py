"""How far back is looked, and how finely."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.errors import UsageError

# Our choices. Seconds that a bucket is long, and for how many seconds such buckets are kept: 720, 1440 and 4320 of them a device.
KEPT = {10: 2 * 3600, 60: 24 * 3600, 600: 30 * 24 * 3600}
MOST_POINTS = 720  # in one answer, where coarser buckets are kept, too

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(r"(\d{1,7})(s|min|h|d)")
_SHORTEST, _LONGEST = 60, max(KEPT.values())


@dataclass(frozen=True, slots=True)
class Window:
    """The last `seconds`, in buckets of `resolution` seconds."""

    seconds: int
    resolution: int

    @staticmethod
    def of(text: str) -> Window:
        """From "1h", "3h", "90min", "2d". Raises UsageError for what is none, or shorter than a minute or longer than is kept."""
        match = _TEXT.fullmatch(text.strip())
        seconds = int(match[1]) * _UNITS[match[2]] if match else 0
        if not _SHORTEST <= seconds <= _LONGEST:
            raise UsageError(f"{text!r} is no window: give 1h, 3h, 6h, 12h, or from 1min to {_LONGEST // 86400}d")
        return Window(seconds, _resolution(seconds))


def _resolution(seconds: int) -> int:
    """The finest whose buckets are kept for so long, and are not too many; else the coarsest."""
    fine = (length for length, kept in KEPT.items() if seconds <= min(kept, MOST_POINTS * length))
    return next(fine, max(KEPT))
