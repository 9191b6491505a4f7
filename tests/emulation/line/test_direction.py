"""One direction of a line: what becomes of frames, by numbers. No network."""

from __future__ import annotations

import itertools
from dataclasses import replace
from statistics import median

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab.emulation.line.direction import HELD_AT_MOST, LONGEST_QUEUE, OVERTAKEN_BY, Direction
from lab.impairments import Impairments

FRAMES = 6_000
INTERVAL = 1e-3  # seconds between two frames
LENGTH = 1250  # bytes, 10,000 bits
BEGAN = 1000.0


def pushed(impairments: Impairments, *, seed: str = "seed", frames: int = FRAMES, interval: float = INTERVAL) -> Direction:
    """A direction that so many frames have gone into; each holds its number."""
    direction = Direction(impairments, seed, BEGAN)
    for number in range(frames):
        direction.push(number.to_bytes(4, "big"), LENGTH, BEGAN + number * interval)
    return direction


def delivered(direction: Direction) -> list[tuple[int, float]]:
    """Everything that comes out in the end: the frame's number, and how long after it went in."""
    out = []
    while (due := direction.deadline()) is not None:
        for frame in direction.pop(due):
            number = int.from_bytes(frame, "big")
            out.append((number, due - BEGAN - number * INTERVAL))
    return out


def numbers(direction: Direction) -> list[int]:
    return [number for number, _ in delivered(direction)]


def test_a_line_that_does_nothing_delivers_at_once_and_in_order() -> None:
    direction = Direction(Impairments(), "seed", BEGAN)
    for number in range(100):
        frame = number.to_bytes(4, "big")
        direction.push(frame, LENGTH, BEGAN)
        assert list(direction.pop(BEGAN)) == [frame]
    assert direction.deadline() is None


def test_nothing_is_delivered_before_it_is_due() -> None:
    direction = pushed(Impairments(delay=0.02), frames=1)
    assert direction.deadline() == BEGAN + 0.02
    assert list(direction.pop(BEGAN + 0.0199)) == []
    assert len(list(direction.pop(BEGAN + 0.02))) == 1


SHARES = [0.001, 0.01, 0.1, 0.5]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("what", ["loss", "duplicate", "reorder"])
def test_shares_are_within_three_sigma_of_the_binomial(what: str, share: float) -> None:
    direction = pushed(replace(Impairments(), **{what: share}))
    came = numbers(direction)
    counters = direction.counters
    happened = {"loss": counters.lost, "duplicate": counters.duplicated, "reorder": counters.reordered}
    sigma = (FRAMES * share * (1 - share)) ** 0.5
    assert abs(happened.pop(what) - FRAMES * share) < 3 * sigma
    assert set(happened.values()) == {0}
    assert len(came) == FRAMES - counters.lost + counters.duplicated
    assert len(set(came)) == FRAMES - counters.lost


def test_a_reordered_frame_is_overtaken_by_one_to_three() -> None:
    direction = pushed(Impairments(delay=0.01, reorder=0.01))
    came = numbers(direction)
    places = {number: place for place, number in enumerate(came)}
    near = {number: range(number + 1, min(number + 10, FRAMES)) for number in places}
    overtakers = (sum(places[later] < place for later in near[number]) for number, place in places.items())
    late = [count for count in overtakers if count]
    assert set(late) == set(range(1, OVERTAKEN_BY + 1))
    assert len(late) == direction.counters.reordered


def test_a_reordered_frame_that_nobody_follows_is_not_kept() -> None:
    direction = pushed(Impairments(delay=0.02, reorder=1.0), frames=1)
    assert delivered(direction) == [(0, pytest.approx(0.02 + HELD_AT_MOST))]


@pytest.mark.parametrize(("delay", "jitter"), [(0.02, 0.005), (0.22, 0.001), (0.01, 0.01)])
def test_jitter_is_even_handed_bounded_and_keeps_the_order(delay: float, jitter: float) -> None:
    came = delivered(pushed(Impairments(delay=delay, jitter=jitter)))
    delays = [taken for _, taken in came]
    assert [number for number, _ in came] == list(range(FRAMES))
    assert delay - jitter <= min(delays) + 1e-9
    assert max(delays) <= delay + jitter + 1e-9
    assert max(delays) - min(delays) > 1.5 * jitter
    assert abs(median(delays) - delay) < jitter / 4


def test_a_rate_spaces_frames_out_and_its_queue_ends() -> None:
    at_once = FRAMES // 10
    direction = pushed(Impairments(rate=10e6), frames=at_once, interval=0)
    dues = []
    while (due := direction.deadline()) is not None:
        dues.extend([due] * len(list(direction.pop(due))))
    gaps = [after - before for before, after in itertools.pairwise(dues)]
    assert gaps == pytest.approx([1e-3] * len(gaps))
    assert len(dues) == pytest.approx(LONGEST_QUEUE / 1e-3, abs=2)
    assert direction.counters.queue_full == at_once - len(dues)


@pytest.mark.parametrize(
    ("impairments", "cause"),
    [
        pytest.param(Impairments(down=True), "down", id="down"),
        pytest.param(Impairments(mtu=LENGTH - 15), "too_big", id="too-big-by-a-byte"),
        pytest.param(Impairments(loss=1.0), "lost", id="lost"),
    ],
)
def test_what_never_arrives_is_counted_under_its_cause(impairments: Impairments, cause: str) -> None:
    direction = pushed(impairments, frames=10)
    assert delivered(direction) == []
    assert getattr(direction.counters, cause) == direction.counters.arrived == 10


def test_a_packet_as_large_as_the_mtu_passes() -> None:
    assert numbers(pushed(Impairments(mtu=LENGTH - 14), frames=1)) == [0]


ALL = Impairments(delay=0.02, jitter=0.01, loss=0.05, duplicate=0.05, reorder=0.05, rate=200e6)


def test_a_seed_repeats_everything() -> None:
    assert delivered(pushed(ALL)) == delivered(pushed(ALL))


def test_another_seed_is_another_line() -> None:
    assert delivered(pushed(ALL)) != delivered(pushed(ALL, seed="another"))


@pytest.mark.parametrize("change", [{"duplicate": 0.0}, {"reorder": 0.5}, {"delay": 0.1}, {"rate": None}])
def test_which_frames_are_lost_depends_on_the_loss_alone(change: dict[str, float]) -> None:
    wanted = replace(ALL, rate=10e9)  # whose queue never fills
    assert set(numbers(pushed(wanted))) == set(numbers(pushed(replace(wanted, **change))))


def test_a_change_applies_from_the_next_frame_on() -> None:
    direction = pushed(Impairments(delay=0.05), frames=2)
    direction.impairments = Impairments(down=True)
    direction.push(b"\0\0\0\2", LENGTH, BEGAN + 1)
    assert numbers(direction) == [0, 1]


@given(
    st.builds(
        Impairments,
        delay=st.floats(0, 0.1),
        jitter=st.floats(0, 0.1),
        loss=st.floats(0, 1),
        duplicate=st.floats(0, 1),
        reorder=st.floats(0, 1),
        rate=st.none() | st.floats(1e5, 1e9),
        mtu=st.none() | st.sampled_from([LENGTH - 15, LENGTH - 14]),
        down=st.booleans(),
    ),
    st.lists(st.floats(0, 0.01), max_size=50),
)
@example(Impairments(jitter=5e-324), [0.0078125])
def test_every_frame_is_delivered_or_counted(impairments: Impairments, gaps: list[float]) -> None:
    direction = Direction(impairments, "seed", BEGAN)
    for now in itertools.accumulate(gaps, initial=BEGAN):
        direction.push(b"frame", LENGTH, now)
        list(direction.pop(now))
    while (due := direction.deadline()) is not None:
        list(direction.pop(due))
    counters = direction.counters
    dropped = counters.lost + counters.queue_full + counters.too_big + counters.down
    assert counters.arrived == len(gaps) + 1
    assert counters.delivered == counters.arrived - dropped + counters.duplicated
