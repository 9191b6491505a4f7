"""Whatever of a dataplane is killed, `heal` brings it and its tunnel back, with new keys."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from lab.errors import MachineError
from tests.emulation.lab_process import LabProcess, all_results
from tests.emulation.scenario_lab import ScenarioLab, scenario_lab

pytestmark = pytest.mark.emulation

ECS = "192.168.1.10"
ENDS = "vcpe", "ccn-singapore"
WITHIN = 20.0  # seconds; a busy machine may take its time


@dataclass(frozen=True)
class Case:
    """`kills` finds what is killed in turn, by the process id of a node's dataplane."""

    id: str
    node: str
    kills: tuple[Callable[[int], int], ...]


def _agent(pid: int) -> int:
    return pid


def _worker(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def _warm_parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))


CASES = (
    Case("the agent of the end that speaks first", "vcpe", (_agent,)),
    Case("the worker of the end that waits", "ccn-singapore", (_worker,)),
    Case("the parent of both, then an agent", "vcpe", (_warm_parent, _agent)),
)


@dataclass(frozen=True)
class Observed:
    """`healed` is what `heal` returned, as labels: while all lived, after the death, and once more."""

    healed: list[list[str]]
    refusal: str  # what the dead one's tunnels say
    vpn: list[str]
    answered: bool
    spis: tuple[set[int], set[int]]  # before and after
    pids: tuple[dict[str, int], dict[str, int]]


def _observe(case: Case) -> Observed:
    with scenario_lab() as lab:
        healed, pids, spis = [_heal(lab)], _pids(lab), _spis(lab)
        _strike(pids[case.node], case)
        refusal = _refusal(lab)
        healed += [_heal(lab), _heal(lab)]
        (tunnel,) = lab.emulation.topology.footings
        vpn = [end.status for end in lab.emulation.vpn_ends(tunnel, within=WITHIN)]
        answered = lab.ping("app", ECS).status == 0
        return Observed(healed, refusal, vpn, answered, (spis, _spis(lab)), (pids, _pids(lab)))


def _strike(pid: int, case: Case) -> None:
    """Kill, and wait until the dataplane `pid` has ended: an agent ends when its worker has."""
    dataplane = os.pidfd_open(pid)
    for victim in [find(pid) for find in case.kills]:
        os.kill(victim, signal.SIGKILL)
    assert select.select([dataplane], [], [], WITHIN)[0]
    os.close(dataplane)


def _heal(lab: ScenarioLab) -> list[str]:
    nodes = lab.emulation.heal().dataplanes
    return [label for label in ENDS if lab.node(label) in nodes]


def _pids(lab: ScenarioLab) -> dict[str, int]:
    return {label: lab.emulation.tunnel_pids()[lab.node(label)] for label in ENDS}


def _spis(lab: ScenarioLab) -> set[int]:
    peers = [peer for status in lab.emulation.tunnel_status().values() for peer in status["peers"].values()]
    return {peer[direction] for peer in peers for direction in ("spi_in", "spi_out")}


def _refusal(lab: ScenarioLab) -> str:
    try:
        lab.emulation.tunnel_status()
    except MachineError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def observations() -> dict[str, Observed]:
    return all_results({case.id: partial(_observe, case) for case in CASES}, LabProcess)


@pytest.fixture(params=CASES, ids=lambda case: case.id)
def case(request: pytest.FixtureRequest) -> Case:
    found = request.param
    assert isinstance(found, Case)
    return found


@pytest.fixture
def observed(observations: dict[str, Observed], case: Case) -> Observed:
    return observations[case.id]


def test_the_dead_one_is_healed_and_nothing_else(observed: Observed, case: Case) -> None:
    assert observed.healed == [[], [case.node], []]


def test_its_death_is_said(observed: Observed) -> None:
    assert "does not do status" in observed.refusal


def test_the_tunnel_is_back_and_packets_pass(observed: Observed) -> None:
    assert observed.vpn == ["Normal", "Normal"]
    assert observed.answered


def test_with_new_keys(observed: Observed) -> None:
    before, after = observed.spis
    assert len(before) == len(after) == 2
    assert not before & after


def test_the_other_end_went_on(observed: Observed, case: Case) -> None:
    before, after = observed.pids
    assert {label for label in ENDS if before[label] != after[label]} == {case.node}
