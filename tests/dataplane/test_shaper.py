"""The shaper: a rate that is kept, whatever comes and whenever it is looked at."""

from __future__ import annotations

import pytest

from dataplane.shaper import BURST, LEAST_ROOM, PATIENCE, Held, Shaper
from dataplane.virtio import Offload

RATE = 1_000_000.0  # bytes a second


def packet(size: int, number: int = 0) -> Held:
    return Held(bytearray(number.to_bytes(4, "big")), Offload(), size)


def offer(shaper: Shaper, size: int, count: int, now: float = 0.0) -> int:
    """Offer packets at one moment. Returns how many went at once; the others wait, as far as there is room."""
    passed = 0
    for number in range(count):
        if shaper.may_pass(size, now):
            passed += 1
        else:
            shaper.hold(packet(size, number))
    return passed


def test_after_a_rest_a_burst_goes_at_once() -> None:
    shaper = Shaper(RATE)
    assert offer(shaper, 1000, 50) == BURST * RATE // 1000 + 1  # the last one overdraws
    assert offer(Shaper(RATE), 1000, 50, now=1e6) == BURST * RATE // 1000 + 1


@pytest.mark.parametrize("size", [64, 1000, 65000])
@pytest.mark.parametrize("every", [0.001, 0.009, 0.05], ids=["looked at often", "seldom", "hardly"])
def test_the_rate_is_kept_whatever_the_size_and_however_late_it_is_looked_at(size: int, every: float) -> None:
    """Always more is offered than goes."""
    shaper, sent, now, seconds = Shaper(RATE), 0, 0.0, 5.0
    while now < seconds:
        while shaper.hold(packet(size)):
            pass
        sent += sum(held.size for held in shaper.release(now))
        now += every
    assert sent == pytest.approx(RATE * seconds, rel=0.03)


def test_what_waits_goes_in_its_order_when_it_is_due() -> None:
    shaper = Shaper(RATE)
    offer(shaper, 1000, 20)
    due = shaper.due()
    assert due is not None
    assert list(shaper.release(due - 1e-4)) == []
    assert [int.from_bytes(held.packet, "big") for held in shaper.release(due)] == [11]
    assert [int.from_bytes(held.packet, "big") for held in shaper.release(due + 0.003)] == [12, 13, 14]
    assert shaper.backlog == 5 * 1000


def test_nobody_overtakes_what_waits() -> None:
    shaper = Shaper(RATE)
    offer(shaper, 1000, 12)
    assert shaper.backlog
    assert not shaper.may_pass(10, 5.0)


def test_no_more_waits_than_may() -> None:
    shaper = Shaper(RATE)
    held = 0
    while shaper.hold(packet(1000)):
        held += 1
    assert held == PATIENCE * RATE // 1000
    slow = Shaper(1000.0)
    assert slow.hold(packet(LEAST_ROOM))
    assert not slow.hold(packet(1))


def test_while_nothing_waits_nothing_is_due() -> None:
    shaper = Shaper(RATE)
    assert shaper.due() is None
    offer(shaper, 1000, 12)
    list(shaper.release(10.0))
    assert shaper.due() is None


def test_another_rate_holds_for_what_waits_already() -> None:
    shaper = Shaper(RATE)
    offer(shaper, 1000, 60)
    due = shaper.due()
    shaper.rate = 10 * RATE
    sooner = shaper.due()
    assert due is not None
    assert sooner is not None
    assert sooner < due
    assert len(list(shaper.release(0.004))) == 40
