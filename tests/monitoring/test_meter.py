"""Counters of processes that come and go, as one that only grows."""

from __future__ import annotations

import pytest

from lab.monitoring import Counters, Device, Meter

VCPE = Device("sag-1", "sn-1")

CASES = {
    "grows": ([Counters(100, 10, 1, 2), Counters(150, 30, 1, 5)], [Counters(100, 10, 1, 2), Counters(50, 20, 0, 3)]),
    "stands still": ([Counters(100), Counters(100)], [Counters(100), Counters()]),
    "the process was started anew": ([Counters(100, 50), Counters(40, 50)], [Counters(100, 50), Counters(40, 0)]),
    "the other end was started anew": (
        [Counters(100, 0, 7, 9), Counters(120, 0, 8, 2)],
        [Counters(100, 0, 7, 9), Counters(20, 0, 1, 2)],
    ),
}


@pytest.mark.parametrize(("read", "grown"), CASES.values(), ids=CASES.keys())
def test_what_has_come_since_the_last_reading(read: list[Counters], grown: list[Counters]) -> None:
    meter = Meter()
    assert [meter.growth(VCPE, counters) for counters in read] == grown
    assert meter.totals == {VCPE: sum(grown, Counters())}


def test_devices_are_counted_each_by_itself() -> None:
    meter, other = Meter(), Device("sag-1", "sn-2")
    meter.growth(VCPE, Counters(100))
    assert meter.growth(other, Counters(30)) == Counters(30)
    assert meter.totals[VCPE] == Counters(100)
