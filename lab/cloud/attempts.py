"""How often a password may be guessed: so many times within a while of the lab's clock.

Of a refused call nothing stays in the state, so this is kept beside it: whoever keeps the state is told of each account's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from lab.cloud.errors import CloudError

# Our choice. The lab's clock stands still until it is moved, so the way out is named in the refusal.
MOST = 5
WITHIN = timedelta(minutes=15)

Failed = Mapping[str, Sequence[datetime]]
"""When log-ons have failed, by the account that they were for, or by the name where there is no such account."""

KeepFailed = Callable[[str, Sequence[datetime]], None]
"""Told of an account's failures that count, empty when there are none (any more)."""


def _keep_nothing(_one: str, _failed: Sequence[datetime]) -> None: ...


class Attempts:
    """Failed log-ons."""

    def __init__(self) -> None:
        self._failed: dict[str, Sequence[datetime]] = {}
        self._keep: KeepFailed = _keep_nothing

    def keep_with(self, keep: KeepFailed, failed: Failed | None = None) -> None:
        """From here on, tell of each change; `failed` is what was told before."""
        self._failed.update(failed or {})
        self._keep = keep

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

    def note(self, wanted: Sequence[str], now: datetime, *, are_accounts: bool) -> None:
        """A log-on failed. What is over is forgotten, so that names that nobody has do not pile up.

        Those are not told of: what somebody typed for a name may be a password.
        """
        for one in [one for one, failed in self._failed.items() if failed[-1] <= now - WITHIN]:
            self.forget(one)
        for one in wanted:
            failed = [*self._failed.get(one, ()), now][-MOST:]
            if are_accounts:
                self._keep(one, failed)
            self._failed[one] = failed

    def forget(self, one: str) -> None:
        """The password was right, or is another one now."""
        if self._failed.pop(one, None) is not None:
            self._keep(one, ())
