"""An instance type's cores, as processors that a dataplane may run on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from lab.emulation.emulation import Emulation
from lab.emulation.processors import confine
from lab.scenario import Scenario
from scenarios import vcpe_ping
from tests.emulation.lab_process import in_lab

THERE = frozenset(os.sched_getaffinity(0))
SEVERAL = pytest.mark.skipif(len(THERE) < 2, reason="there is one processor only")


@pytest.fixture
def pid() -> Iterator[int]:
    """A process that waits."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()


@SEVERAL
def test_a_process_runs_on_so_many_and_others_on_others(pid: int) -> None:
    chosen = []
    for number in range(2):
        confine(pid, 1, number=number)
        chosen.append(frozenset(os.sched_getaffinity(pid)))
    assert [len(processors) for processors in chosen] == [1, 1]
    assert chosen[0] | chosen[1] <= THERE
    assert chosen[0] != chosen[1]


@pytest.mark.parametrize("more", [0, 1, 100])
def test_as_many_as_there_are_or_more_is_no_limit(pid: int, more: int) -> None:
    confine(pid, len(THERE) + more, number=0)
    assert os.sched_getaffinity(pid) == THERE


@SEVERAL
def test_a_process_that_has_ended_is_not_looked_for() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    confine(process.pid, 1, number=0)


def _affinities(skip: tuple[str, ...]) -> list[int]:
    """On how many processors the dataplanes of the vCPE and of the point of presence may run."""
    emulation = Emulation(Scenario.of(vcpe_ping).topology(skip, b"processors"))
    try:
        pids = emulation.tunnel_pids()
        names = {node.label: node.name for node in emulation.topology.nodes}
        return [len(os.sched_getaffinity(pids[names[label]])) for label in ("vcpe", "ccn-singapore")]
    finally:
        emulation.close()


@SEVERAL
@pytest.mark.emulation
@pytest.mark.requirement("S0-032")
def test_a_small_vcpe_has_one_core_and_its_point_of_presence_all() -> None:
    assert in_lab(lambda: _affinities(("2.2",))) == [1, len(THERE)]
