"""What time it is in a lab. It stands still until somebody moves it forward (`lab.cloud.clock`)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from lab.cloud.record import Record
from lab.cloud.store import Store

# Our choice: every lab begins at the same moment, so that the same calls give the same state on any day.
START = datetime(2026, 1, 1, tzinfo=UTC)
_ID = "clock"


@dataclass(frozen=True, kw_only=True)
class LabTime(Record):
    """The one record of its kind; there is none while it is still `START`."""

    NOUN: ClassVar[str] = "clock"
    NOT_FOUND: ClassVar[str] = "InvalidClock.NotFound"

    id: str = _ID
    now: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """Something that happens by itself once the clock shows `when`."""

    when: datetime
    settle: Callable[[], None]


Calendar = Callable[[], Iterable[Due]]  # all that is to come, as things stand


def time_in(store: Store) -> datetime:
    """The time in a lab, in UTC."""
    record = store.find(LabTime, _ID)
    return START if record is None else record.now


def after_months(moment: datetime, months: int) -> datetime:
    """The same day so many months later, or the last of that month if it is shorter. Raises ValueError beyond the year 9999."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
