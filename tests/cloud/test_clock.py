"""The lab's clock: it moves when it is told to, and only forward."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lab.cloud import Cloud, Journal, Store, Supply
from lab.cloud.clock import Clock
from lab.cloud.errors import CloudError
from lab.cloud.lab_time import START, Due, after_months
from lab.cloud.operation import State


def test_a_new_lab_begins_at_the_same_moment_every_day(cloud: Cloud) -> None:
    assert cloud.clock.describe_time() == START == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        pytest.param([{"seconds": 1}], "2026-01-01T00:00:01", id="a second"),
        pytest.param([{"days": 1, "hours": 2, "minutes": 3}], "2026-01-02T02:03:00", id="several units"),
        pytest.param([{"months": 1}], "2026-02-01T00:00:00", id="a month"),
        pytest.param([{"days": 30}, {"months": 1}], "2026-02-28T00:00:00", id="a month from the 31st"),
        pytest.param([{"months": 120}], "2036-01-01T00:00:00", id="the furthest"),
    ],
)
def test_the_clock_moves_by_what_it_is_told(cloud: Cloud, moves, expected) -> None:
    told = [cloud.clock.move_forward(**move) for move in moves][-1]
    assert told == cloud.clock.describe_time() == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "move",
    [
        pytest.param({}, id="no time"),
        pytest.param({"days": -1}, id="back"),
        pytest.param({"months": 1, "days": -1}, id="forward and back"),
        pytest.param({"months": 121}, id="too far in months"),
        pytest.param({"months": 120, "seconds": 1}, id="too far by a second"),
        pytest.param({"days": 10**6}, id="too far in days"),
        pytest.param({"seconds": 10**30}, id="more than can be counted"),
        pytest.param({"months": 10**30}, id="more months than can be counted"),
    ],
)
def test_no_other_way_to_move(cloud: Cloud, refused, move) -> None:
    refused(cloud, lambda: cloud.clock.move_forward(**move), "InvalidParameter")
    assert cloud.clock.describe_time() == START


def test_moving_is_a_call_that_is_journalled_and_unknown_to_a_fork(cloud: Cloud) -> None:
    fork = cloud.fork()
    cloud.clock.move_forward(days=1)
    assert [(entry.call, entry.touched) for entry in cloud.journal] == [("clock.move_forward", ("clock",))]
    assert fork.clock.describe_time() == START


class Diary:
    """Notes when each of its appointments was kept; the one at `fails` cannot be."""

    def __init__(self, *months: int, fails: int = 0) -> None:
        self.waiting = list(months)
        self.kept: list[tuple[int, datetime]] = []
        self.fails = fails
        self.state = State(Store(), Journal(), Supply(b"diary"))
        self.clock = Clock(self.state, [self])

    def __call__(self) -> list[Due]:
        return [Due(after_months(START, month), lambda month=month: self.keep(month)) for month in self.waiting]

    def keep(self, month: int) -> None:
        if month == self.fails:
            raise CloudError("Diary", "this one cannot be kept")
        self.waiting.remove(month)
        self.kept.append((month, self.clock.describe_time()))


def test_what_is_due_happens_in_its_order_at_its_own_time() -> None:
    diary = Diary(3, 1, 5, 2, 1)
    diary.clock.move_forward(months=3)
    assert diary.kept == [(month, after_months(START, month)) for month in (1, 1, 2, 3)]
    assert diary.waiting == [5]


def test_time_that_cannot_pass_does_not() -> None:
    diary = Diary(1, 2, fails=2)
    with pytest.raises(CloudError, match="cannot be kept"):
        diary.clock.move_forward(months=3)
    assert diary.clock.describe_time() == START


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        pytest.param("2026-01-31", 1, "2026-02-28", id="a shorter month"),
        pytest.param("2028-01-31", 1, "2028-02-29", id="a leap year"),
        pytest.param("2026-12-15", 1, "2027-01-15", id="a new year"),
        pytest.param("2026-05-05", 24, "2028-05-05", id="two years"),
    ],
)
def test_months_later(day, months, expected) -> None:
    assert after_months(datetime.fromisoformat(day), months) == datetime.fromisoformat(expected)
