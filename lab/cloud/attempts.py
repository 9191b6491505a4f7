"""How often a password may be guessed: so many times within a while of the lab's clock.

Of a refused call nothing stays in the state, so this is kept beside it, in memory: a supervisor that is started anew begins at 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from lab.cloud.errors import CloudError

# Our choice. The lab's clock stands still until it is moved, so the way out is named in the refusal.
MOST = 5
WITHIN = timedelta(minutes=15)


class Attempts:
    """Failed log-ons, by the account that they were for, or by the name where there is no such account."""

    def __init__(self) -> None:
        self._failed: dict[str, list[datetime]] = {}

    def check(self, wanted: Sequence[str], now: datetime) -> None:
        """Raises App.TooManyAttempts."""
        for one in wanted:
            recent = [when for when in self._failed.get(one, ()) if when > now - WITHIN]
            if len(recent) >= MOST:
                again = recent[0] + WITHIN
                raise CloudError(
                    "App.TooManyAttempts",
                    f"the password was wrong {MOST} times; try again after {again:%Y-%m-%d %H:%M} by the lab's clock, or ask the "
                    "administrator to reset the password",
                )

    def note(self, wanted: Sequence[str], now: datetime) -> None:
        for one in wanted:
            self._failed[one] = [*self._failed.get(one, ()), now][-MOST:]

    def forget(self, one: str) -> None:
        """The password was right, or is another one now."""
        self._failed.pop(one, None)
