"""The replay window against a model that remembers everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.errors import Replayed
from dataplane.replay import WIDTH, ReplayWindow


class Model:
    """A set of all numbers ever seen, with the rule spelt out."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.seen: set[int] = set()

    def accepts(self, sequence: int) -> bool:
        highest = max(self.seen, default=0)
        if sequence < 1 or sequence in self.seen or sequence <= highest - self.width:
            return False
        self.seen.add(sequence)
        return True


def accepts(window: ReplayWindow, sequence: int) -> bool:
    try:
        window.accept(sequence)
    except Replayed:
        return False
    return True


def near_the_edges(width: int) -> st.SearchStrategy[int]:
    """Steps from the highest number so far: about the width, about its double, and small ones."""
    edges = [-2 * width, -width - 1, -width, -width + 1, -1, 0, 1, 2, width - 1, width, width + 1, 2 * width, 5 * width]
    return st.sampled_from(edges) | st.integers(-width, width)


@given(st.data(), st.sampled_from([1, 2, 8, 64]))
def test_window_agrees_with_the_model(data: st.DataObject, width: int) -> None:
    window, model = ReplayWindow(width), Model(width)
    for step in data.draw(st.lists(near_the_edges(width), max_size=60)):
        sequence = max(0, window.highest + step)
        assert accepts(window, sequence) == model.accepts(sequence), sequence


@given(st.data(), st.sampled_from([1, 2, 8, 64]))
def test_runs_are_accepted_whole_or_not_at_all(data: st.DataObject, width: int) -> None:
    """A run is taken only if every number of it would be, one after another; what was not taken is told one by one."""
    window, model = ReplayWindow(width), Model(width)
    for step in data.draw(st.lists(near_the_edges(width), max_size=30)):
        first, count = max(1, window.highest + step), data.draw(st.integers(1, width + 1))
        run = list(range(first, first + count))
        if window.accept_run(run):
            assert all(model.accepts(sequence) for sequence in run)
        else:
            assert [accepts(window, sequence) for sequence in run] == [model.accepts(sequence) for sequence in run]


def test_numbers_with_a_gap_are_no_run() -> None:
    assert not ReplayWindow().accept_run([1, 2, 4])


@pytest.mark.parametrize(
    ("before", "sequence", "accepted"),
    [
        pytest.param([], 0, False, id="zero-is-never-sent"),
        pytest.param([], 1, True, id="first"),
        pytest.param([1], 1, False, id="twice"),
        pytest.param([5], 3, True, id="late"),
        pytest.param([5, 3], 3, False, id="late-twice"),
        pytest.param([WIDTH + 1], 2, True, id="last-place-of-the-window"),
        pytest.param([WIDTH + 1], 1, False, id="just-behind-the-window"),
        pytest.param([1, 2, WIDTH + 1], 2, False, id="not-forgotten-when-moving"),
        pytest.param([1, WIDTH + 2], WIDTH + 1, True, id="slot-of-a-forgotten-number-is-free"),
        pytest.param([7, 2**32 - 1], 2**32 - 1, False, id="last-number-twice"),
    ],
)
def test_edges_at_the_real_width(before: list[int], sequence: int, accepted: bool) -> None:
    window = ReplayWindow()
    for number in before:
        window.accept(number)
    assert accepts(window, sequence) is accepted
