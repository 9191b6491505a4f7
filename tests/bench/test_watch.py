"""What the host disturbs is measured again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from testbed.watch import ATTEMPTS, Watch


def taken(*shares: int) -> Iterator[tuple[int, int]]:
    """The readings around measurements during which the host takes so many of 100 ticks each."""
    stolen = 0
    for number, share in enumerate(shares):
        yield stolen, 100 * number
        stolen += share
        yield stolen, 100 * (number + 1)


@pytest.mark.parametrize(
    ("shares", "counts", "worst"),
    [
        ((0,), 1, 0.0),
        ((20, 2), 2, 0.02),
        ((20, 40, 0, 0), 3, 0.0),
        ((20, 10, 30, 40, 50, 60), 2, 0.1),
    ],
    ids=["quiet", "again", "until it is quiet", "never quiet: the least disturbed"],
)
def test_what_was_disturbed_is_repeated(shares: Sequence[int], counts: int, worst: float) -> None:
    readings, numbers = taken(*shares), iter(range(1, ATTEMPTS + 1))
    watch = Watch(lambda: next(readings))
    assert watch.take(lambda: next(numbers)) == counts
    assert watch.worst == pytest.approx(worst)


def test_the_worst_of_all_measurements_is_told() -> None:
    readings = taken(2, 1)
    watch = Watch(lambda: next(readings))
    for _ in range(2):
        watch.take(lambda: None)
    assert watch.worst == pytest.approx(0.02)


def test_of_this_machine() -> None:
    watch = Watch()
    watch.take(lambda: sum(range(10**6)))
    assert 0 <= watch.worst <= 1
