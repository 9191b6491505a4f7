"""What comes up when, against a dictionary that is searched whole."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from dataplane.agenda import SLACK, Agenda

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("plan"), st.integers(0, 5), st.integers(0, 30)),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("take"), st.just(0), st.integers(0, 30)),
    ),
    max_size=40,
)


@given(STEPS)
def test_agenda_against_a_dictionary(steps: list[tuple[str, int, int]]) -> None:
    agenda, planned = Agenda[int](), dict[int, float]()
    for step, item, time in steps:
        if step == "plan":
            agenda.plan(item, time)
            planned[item] = min(time, planned.get(item, time))
        elif step == "cancel":
            agenda.cancel(item)
            planned.pop(item, None)
        else:
            due = {each for each, when in planned.items() if when <= time}
            taken = agenda.take(time)
            assert sorted(taken, key=lambda each: planned[each]) == taken
            assert set(taken) == due
            planned = {each: when for each, when in planned.items() if each not in due}
        assert (agenda.next(), len(agenda)) == (min(planned.values(), default=inf), len(planned))


def test_what_is_planned_earlier_and_earlier_leaves_little_behind() -> None:
    agenda = Agenda[str]()
    for time in range(10_000, 0, -1):
        agenda.plan("item", time)
    assert len(agenda._entries) <= SLACK + 2
    assert agenda.take(1) == ["item"]
