"""The life of a tunnel between strongSwan and us, in the document's network: opened, renewed, ended, opened again, refused.

What each lab proves it returns, one word or line for each thing; the tests compare.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dataplane.errors import DropReason
from dataplane.suites import SUITES
from lab.emulation.emulation import Emulation
from lab.emulation.tunnel_end import TunnelEnd
from lab.status import NORMAL
from lab.topology import NodeKind, Topology
from scenarios import ccn_strongswan, vcpe_strongswan
from tests.emulation.lab_process import LabProcess, all_results
from tests.emulation.scenario_lab import ScenarioLab, scenario_lab, topology
from tests.steady_ping import SteadyPing

pytestmark = [pytest.mark.emulation, pytest.mark.judge("strongSwan")]

SCENARIOS = {"vcpe": vcpe_strongswan, "ccn": ccn_strongswan}
ECS, APP = "192.168.1.10", "10.0.1.10"
VCPE, PRESENCE = "vcpe", "ccn-singapore"
WITHIN = 60.0  # seconds for what takes milliseconds on an idle machine
NOTICED_WITHIN = 60.0  # seconds; silence, and questions without an answer: for strongSwan 10 and 31.5 of them
WRONG = b"another key"

# Our dataplane may look for the path's MTU through keys that charon has agreed to and not yet installed. No echo is lost by it.
OVERTAKING = DropReason.UNKNOWN_SPI

Words = list[str]
Status = dict[str, Any]


class Ends:
    """Both ends of the only tunnel of a lab, by the names that the scenario gave their nodes."""

    def __init__(self, lab: ScenarioLab) -> None:
        self.lab = lab
        nodes = lab.emulation.topology.nodes
        (self.peer,) = {peer.name: peer for node in nodes for service in node.services for peer in service.peers}.values()
        self.tunnel = self.peer.name
        processes = lab.emulation.tunnel_ends(self.tunnel)
        self.by_label: dict[str, TunnelEnd] = {label: processes[lab.node(label)] for label in (VCPE, PRESENCE)}

    def status(self, label: str) -> Status:
        found: Status = self.by_label[label].status()["peers"][self.tunnel]
        return found

    def agree(self) -> bool:
        """Both know the same associations."""
        ours, theirs = self.status(VCPE), self.status(PRESENCE)
        return (ours["spi_in"], ours["spi_out"], ours["ike"]["spi_i"]) == (
            theirs["spi_out"],
            theirs["spi_in"],
            theirs["ike"]["spi_i"],
        )

    def told(self) -> Words:
        return [f"{end.status} {end.reason}".strip() for end in self.lab.emulation.vpn_ends(self.tunnel, within=WITHIN)]


def until(what: str, condition: Callable[[], bool], within: float = WITHIN) -> None:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)


# The labs


def live(scenario: ModuleType, cipher: str, directory: Path) -> Words:
    """Echoes both ways; each end renews each kind of keys under a running ping."""
    with scenario_lab(cipher, scenario=scenario) as lab:
        ends = Ends(lab)
        words = [*ends.told(), *(ends.status(label)["cipher"] for label in (VCPE, PRESENCE))]
        words += [lab.ping(*way, echoes=4).counts for way in (("app", ECS), ("ecs", APP))]
        steady = SteadyPing(directory / "ping.log", ECS, lab.machine("app").entry())
        for label in (VCPE, PRESENCE):
            for what in ("child", "ike"):
                renew(ends, label, what)
                steady.more(10)
        words.append(steady.end())
        return words + [f"{packets} at {label}: {reason}" for label, reason, packets in lab.drops() if reason != OVERTAKING]


def renew(ends: Ends, label: str, what: str) -> None:
    """Let an end replace its child or its IKE association, and wait until both use the new one alone."""

    def key() -> object:
        status = ends.status(label)
        return status["spi_out"] if what == "child" else status["ike"]["spi_i"]

    before = key()
    ends.by_label[label].rekey(ends.tunnel, what)
    until(f"{label}'s new {what}", lambda: key() != before and ends.agree())


def end_and_begin(scenario: ModuleType, deleting: str) -> Words:
    """One end deletes the tunnel, and the other hears of it; then they begin anew as a lab lets them, who waits first."""
    with scenario_lab(scenario=scenario) as lab:
        ends = Ends(lab)
        other = PRESENCE if deleting == VCPE else VCPE
        ends.by_label[deleting].remove_peer(ends.tunnel)
        until("the other end to hear of it", lambda: ends.status(other)["vpn_status"] != NORMAL)
        lost = lab.ping("app", ECS).counts
        ends.by_label[other].remove_peer(ends.tunnel)
        for label in (PRESENCE, VCPE):
            (peer,) = lab.emulation.topology.by_name[lab.node(label)].services[0].peers
            ends.by_label[label].add_peer(peer)
        return [lost, *ends.told(), lab.ping("app", ECS, echoes=4).counts]


def refuse(scenario: ModuleType) -> Words:
    """The vCPE was given another key."""
    emulation = Emulation(with_wrong_key(topology(scenario)))
    try:
        lab = ScenarioLab(emulation)
        told = Ends(lab).told()
        lab.drops()  # what was dropped while it came up
        for source, destination in (("app", ECS), ("ecs", APP)):
            lab.ping(source, destination)
        return [*told, *sorted(f"{packets} at {label}: {reason}" for label, reason, packets in lab.drops())]
    finally:
        emulation.close()


def with_wrong_key(network: Topology) -> Topology:
    (vcpe,) = [node for node in network.nodes if node.kind is NodeKind.GATEWAY]
    (service,) = vcpe.services
    (peer,) = service.peers
    peer = replace(peer, authentication=replace(peer.authentication, key=WRONG))
    wrong = replace(vcpe, services=(replace(service, peers=(peer,)),))
    return replace(network, nodes=tuple(wrong if node is vcpe else node for node in network.nodes))


def vanish(scenario: ModuleType, dying: str) -> Words:
    """An end is killed: it can not take leave, and the other has to ask."""
    with scenario_lab(scenario=scenario) as lab:
        ends = Ends(lab)
        other = PRESENCE if dying == VCPE else VCPE
        lab.machine(dying).run("kill", "-9", str(ends.by_label[dying].pid))

        def noticed() -> bool:
            lab.ping("app", ECS)  # our dataplane asks when somebody waits for an answer
            return bool(ends.status(other)["vpn_status"] != NORMAL)

        until("the other end to notice", noticed, NOTICED_WITHIN)
        return [str(ends.status(other)["ike"]["failure"])]


# The tests

Lives = dict[tuple[str, ...], Words]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Lives:
    """Every lab but the slow ones, by what happens, where strongSwan runs, and with which cipher or who ends it."""
    labs: dict[tuple[str, ...], Callable[[], Words]] = {}
    for name, scenario in SCENARIOS.items():
        for cipher in SUITES:
            labs["live", name, cipher] = partial(live, scenario, cipher, tmp_path_factory.mktemp("live"))
        for deleting in (VCPE, PRESENCE):
            labs["end", name, deleting] = partial(end_and_begin, scenario, deleting)
        labs["refuse", name] = partial(refuse, scenario)
    return all_results(labs, LabProcess)


@pytest.mark.parametrize("cipher", SUITES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_it_carries_packets_and_keeps_them_through_every_rekey(lives: Lives, name: str, cipher: str) -> None:
    echoes = ["4 of 4", "4 of 4"]
    assert lives["live", name, cipher] == ["Normal", "Normal", cipher, cipher, *echoes, "0 lost, 0 twice"]


@pytest.mark.parametrize("deleting", [VCPE, PRESENCE])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_delete_is_honoured_and_a_peer_taken_back(lives: Lives, name: str, deleting: str) -> None:
    assert lives["end", name, deleting] == ["0 of 2", "Normal", "Normal", "4 of 4"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_wrong_key_is_told_at_both_ends(lives: Lives, name: str) -> None:
    drops = [f"2 at {label}: AUTHENTICATION_FAILED" for label in (PRESENCE, VCPE)]
    assert lives["refuse", name] == ["Abnormal AUTHENTICATION_FAILED"] * 2 + drops


@pytest.mark.long
def test_a_killed_end_is_missed() -> None:
    labs = {(name, dying): partial(vanish, scenario, dying) for name, scenario in SCENARIOS.items() for dying in (VCPE, PRESENCE)}
    assert all_results(labs, LabProcess) == {key: ["NO_ANSWER"] for key in labs}
