"""A lab in which strongSwan runs dies as any other: charon, its copy, its sockets and its /run go with it."""

from __future__ import annotations

from functools import partial

import pytest

from tests.emulation.host import on_host
from tests.emulation.lab_process import all_results
from tests.emulation.test_leaks import INT, KILL, Case, Outcome, die, its_group, the_command, when_running

pytestmark = [pytest.mark.emulation, pytest.mark.judge("strongSwan")]

CASES = [
    Case("kill -9 while charon starts", when_running("charon"), the_command(KILL), -KILL, scenario="vcpe-strongswan"),
    Case("kill -9 during the ping", when_running("fping"), the_command(KILL), -KILL, scenario="ccn-strongswan"),
    Case("ctrl-c during the ping", when_running("fping"), its_group(INT), 2, scenario="vcpe-strongswan"),
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """Every case, each on a host of its own."""
    return all_results({case.id: partial(die, case) for case in CASES}, on_host)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_nothing_is_left(outcomes: dict[str, Outcome], case: Case) -> None:
    assert outcomes[case.id].left == {}
    assert outcomes[case.id].status == case.status, outcomes[case.id].stderr


def test_there_was_a_charon_to_leave(outcomes: dict[str, Outcome]) -> None:
    during = outcomes["kill -9 during the ping"].during
    assert any("charon" in line for line in during["processes"][0]), during
