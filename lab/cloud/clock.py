"""The lab's clock: tests and teachers move it forward, and what falls due on the way happens in its order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from lab.cloud.errors import CloudError
from lab.cloud.lab_time import Calendar, Due, LabTime, after_months
from lab.cloud.operation import Provider, State, operation

# Our choice, months: longer than any subscription, and short enough for what is renewed each month meanwhile.
FURTHEST = 120


class Clock(Provider):
    """No provider's, so an extension of ours. Moving it is a call like any other: journalled, kept, undone when it fails."""

    PROVIDER: ClassVar[str] = "clock"

    def __init__(self, state: State, calendars: Sequence[Calendar]) -> None:
        super().__init__(state)
        self._calendars = calendars

    def describe_time(self) -> datetime:
        """The time in the lab, in UTC."""
        return self._now

    @operation
    def move_forward(self, *, months: int = 0, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0) -> datetime:
        """Let time pass, up to ten years a call. Subscriptions end, or are renewed, at the moment they are due.

        Returns the new time. Raises InvalidParameter for no time, a negative one, or too long a one.
        """
        steps = (months, days, hours, minutes, seconds)
        if min(steps) < 0 or not any(steps):
            raise CloudError("InvalidParameter", f"the clock goes forward only, not by {steps} months, days, hours, … seconds")
        until = self._later(months, _span(days, hours, minutes, seconds))
        while dues := self._next(until):
            self._set(dues[0].when)
            for due in dues:
                due.settle()
        self._set(until)
        return until

    def _later(self, months: int, rest: timedelta) -> datetime:
        furthest = after_months(self._now, FURTHEST)
        if months > FURTHEST or rest > furthest - self._now or after_months(self._now, months) + rest > furthest:
            raise CloudError("InvalidParameter", f"the clock goes forward by {FURTHEST} months at most in one call")
        return after_months(self._now, months) + rest

    def _next(self, until: datetime) -> list[Due]:
        """What is due first, and no later than `until`: several if they are due together."""
        dues = [due for calendar in self._calendars for due in calendar() if due.when <= until]
        first = min((due.when for due in dues), default=until)
        return [due for due in dues if due.when == first]

    def _set(self, now: datetime) -> None:
        self._store.put(LabTime(origin=self._origin("clock"), now=now))


def _span(days: int, hours: int, minutes: int, seconds: int) -> timedelta:
    """Raises InvalidParameter for more than a timedelta holds."""
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise CloudError("InvalidParameter", f"the clock goes forward by {FURTHEST} months at most in one call") from None
