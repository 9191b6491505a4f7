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
WITHIN = 60.0  # seconds; a busy machine may take its time


@dataclass(frozen=True)
class Case:
    """`victim` finds what is killed, by the process ids of all dataplanes. `dies` are the nodes that then lack one."""

    id: str
    victim: Callable[[dict[str, int]], int]
    dies: tuple[str, ...]


def _warm_parent(pids: dict[str, int]) -> int:
    """It is the agent of all."""
    status = Path(f"/proc/{pids['vcpe']}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))


CASES = (
    Case("the end that speaks first", lambda pids: pids["vcpe"], ("vcpe",)),
    Case("the end that waits", lambda pids: pids["ccn-singapore"], ("ccn-singapore",)),
    Case("the parent of both", _warm_parent, ENDS),
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
        _strike(pids, case)
        refusal = _refusal(lab)
        healed += [_heal(lab), _heal(lab)]
        (tunnel,) = lab.emulation.topology.footings
        vpn = [end.status for end in lab.emulation.vpn_ends(tunnel, within=WITHIN)]
        answered = lab.ping("app", ECS).status == 0
        return Observed(healed, refusal, vpn, answered, (spis, _spis(lab)), (pids, _pids(lab)))


def _strike(pids: dict[str, int], case: Case) -> None:
    """Kill, and wait until all have ended that cannot live any longer."""
    dying = [os.pidfd_open(pids[node]) for node in case.dies]
    os.kill(case.victim(pids), signal.SIGKILL)
    for pidfd in dying:
        assert select.select([pidfd], [], [], WITHIN)[0]
        os.close(pidfd)


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
    assert observed.healed == [[], list(case.dies), []]


def test_its_death_is_said(observed: Observed) -> None:
    assert "does not do status" in observed.refusal


def test_the_tunnel_is_back_and_packets_pass(observed: Observed) -> None:
    assert observed.vpn == ["Normal", "Normal"]
    assert observed.answered


def test_with_new_keys(observed: Observed) -> None:
    before, after = observed.spis
    assert len(before) == len(after) == 2
    assert not before & after


def test_every_other_process_went_on(observed: Observed, case: Case) -> None:
    before, after = observed.pids
    assert {label for label in ENDS if before[label] != after[label]} == set(case.dies)
