"""Every step of the document left out, with real packets: what is dropped and refused is what the scenario declares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

import pytest

from lab.drops import Drop, Filter
from lab.emulation.ping import ping
from lab.emulation.tunnels import DEFAULT_CIPHER
from lab.listener import Listener
from lab.reasons import Reason
from lab.results import Abnormal, Blame, Dies, Outcome, PingRecord, PingResult, Refused, RunResult
from lab.scenario import Scenario
from lab.supervisor.backend import EmulationBackend
from lab.supervisor.options import NetworkOptions
from lab.supervisor.run import run_scenario
from scenarios import vcpe_ping
from tests.emulation.lab_process import LabProcess, all_results

pytestmark = pytest.mark.emulation

SCENARIO = Scenario.of(vcpe_ping)
STEPS = {step.number: step for step in SCENARIO.steps}

ECHOES = 2

# 4.4 is the ping itself; it is tested without a network.
SKIPS: list[tuple[str, ...]] = [(), *((number,) for number in STEPS if number != "4.4"), ("2.5", "4.2", "4.3")]

# A vCPE without a public address still speaks to its point of presence; that is dropped at the internet gateway, ping or no ping.
OF_THE_TUNNEL_ITSELF = {("2.3.address",): {Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS}}


@dataclass(frozen=True)
class Observed:
    """What came of a run, and how many echo requests reached each machine, by its label."""

    run: RunResult
    requests: dict[str, int]

    def ping(self, source: str, destination: str) -> PingRecord:
        return next(ping for ping in self.run.pings if (ping.source, ping.destination) == (source, destination))


class QuickBackend(EmulationBackend):
    """The emulation with fewer echoes, all at once."""

    def ping(self, node: str, source: IPv4Address, destination: IPv4Address, *, count: int) -> PingResult:
        assert self.emulation is not None
        result = ping(self.emulation.machines[node], source, destination, count=ECHOES, interval=0)
        return PingResult(result.sent * count // ECHOES, result.received * count // ECHOES, result.rtt_ms)

    def new_drops(self, *, lost: int = 0) -> list[Drop]:
        """Of the two echoes that were really sent for what is told as four."""
        return super().new_drops(lost=min(lost, ECHOES))

    def requests(self) -> dict[str, int]:
        """Echo requests that reached each machine."""
        assert self.emulation is not None
        nodes = self.emulation.topology.by_name
        return {
            nodes[name].label: _icmp_in_echos(machine.run("cat", "/proc/net/snmp"))
            for name, machine in self.emulation.machines.items()
        }


def _icmp_in_echos(snmp: str) -> int:
    names, values = (line.split() for line in snmp.splitlines() if line.startswith("Icmp:"))
    return int(values[names.index("InEchos")])


def observe(skip: tuple[str, ...], scenario: Scenario = SCENARIO) -> Observed:
    """Inside a lab process: what comes of a run with these steps left out."""
    backend = QuickBackend(NetworkOptions(DEFAULT_CIPHER), progress=lambda _text: None)
    try:
        run = run_scenario(scenario, skip=skip, backend=backend, listener=Listener())
        return Observed(run, backend.requests())
    finally:
        backend.close()


@pytest.fixture(scope="module")
def matrix() -> dict[tuple[str, ...], Observed]:
    """Every omission, observed."""
    return all_results({skip: partial(observe, skip) for skip in SKIPS}, LabProcess)


def blames(observed: Observed) -> list[tuple[str, str, Blame]]:
    return [(ping.source, ping.destination, blame) for ping in observed.run.pings for blame in ping.drops]


@pytest.mark.requirement("S0-003", "S0-004", "S0-042", "S0-069")
def test_with_nothing_left_out_everything_arrives_and_nothing_drops(matrix: dict[tuple[str, ...], Observed]) -> None:
    run = matrix[()].run
    assert [(ping.source, ping.destination, ping.result.received) for ping in run.pings] == [
        ("app", "ecs", 4),
        ("ecs", "app", 4),
        ("vcpe", "ecs", 4),
    ]
    assert run.drops == []
    assert [step for step in run.steps if step.outcome is not Outcome.DONE] == []
    assert run.passed, run


@pytest.mark.requirement(
    "S0-030",
    "S0-037",
    "S0-039",
    "S0-040",
    "S0-041",
    "S0-044",
    "S0-046",
    "S0-051",
    "S0-054",
    "S0-059",
    "S0-060",
    "S0-063",
    "S0-065",
    "S0-069",
)
@pytest.mark.parametrize("step", [skip[0] for skip in SKIPS if len(skip) == 1])
def test_omission_does_what_the_scenario_declares(matrix: dict[tuple[str, ...], Observed], step: str) -> None:
    observed = matrix[(step,)]
    declared = STEPS[step].without
    dies = {effect for effect in declared if isinstance(effect, Dies)}
    expected_around = OF_THE_TUNNEL_ITSELF.get((step,), set())

    drops = {Dies(source, destination, blame.drop.place.reason) for source, destination, blame in blames(observed)}
    assert {drop for drop in drops if drop.reason not in expected_around} == dies
    failed = {(ping.source, ping.destination) for ping in observed.run.pings if not ping.passed}
    assert failed == {(effect.source, effect.destination) for effect in dies}
    refused = {Refused(later.number, refusal.code) for later in observed.run.steps for refusal in later.refusals}
    assert refused == {effect for effect in declared if isinstance(effect, Refused)}
    abnormal = {Abnormal(record.gateway, record.reason, record.kind) for record in observed.run.statuses if not record.passed}
    assert abnormal == {effect for effect in declared if isinstance(effect, Abnormal)}
    assert observed.run.passed == (not declared)


@pytest.mark.parametrize("step", [skip[0] for skip in SKIPS if len(skip) == 1])
def test_every_drop_is_put_down_to_the_step_left_out(matrix: dict[tuple[str, ...], Observed], step: str) -> None:
    run = matrix[(step,)].run
    assert all(step in blame.steps for blame in run.drops)
    assert {blame.drop.place.reason for blame in run.stray} <= OF_THE_TUNNEL_ITSELF.get((step,), set())


@pytest.mark.parametrize("step", [skip[0] for skip in SKIPS if len(skip) == 1])
def test_every_echo_lost_is_counted_once(matrix: dict[tuple[str, ...], Observed], step: str) -> None:
    for record in matrix[(step,)].run.pings:
        others = OF_THE_TUNNEL_ITSELF.get((step,), set())
        of_the_ping = [b.drop.packets for b in record.drops if b.drop.place.reason not in others]
        assert sum(of_the_ping) == (0 if record.passed else ECHOES), (record.source, record.destination, record.drops)


@pytest.mark.requirement("S0-051", "S0-054")
@pytest.mark.parametrize(("step", "status"), [("3.3", ["Normal"] * 2), ("3.3.4", ["Normal"] * 2), ("3.2", [])])
def test_both_statuses_need_the_ccn_and_not_the_cen(
    matrix: dict[tuple[str, ...], Observed], step: str, status: list[str]
) -> None:
    assert [record.status for record in matrix[(step,)].run.statuses] == status
    assert not matrix[(step,)].run.passed


@pytest.mark.requirement("S0-044")
def test_both_halves_of_the_check_drop_at_the_vcpes_interface(matrix: dict[tuple[str, ...], Observed]) -> None:
    found = {(source, blame.drop.place.filter, blame.machine) for source, _, blame in blames(matrix[("2.5",)])}
    assert found == {("app", Filter.DESTINATION_CHECK, "vcpe"), ("ecs", Filter.SOURCE_CHECK, "vcpe")}


@pytest.mark.requirement("S0-063")
def test_without_the_route_a_request_from_alibaba_arrives_and_its_reply_dies(matrix: dict[tuple[str, ...], Observed]) -> None:
    observed = matrix[("4.2",)]
    assert observed.requests["app"] == ECHOES
    assert [(b.node_label, b.drop.place.filter) for b in observed.ping("ecs", "app").drops] == [("aws", Filter.ROUTE)]


@pytest.mark.parametrize(
    ("step", "machine"), [("2.5", "app"), ("3.1", "app"), ("3.2", "app"), ("3.3", "app"), ("3.3.4", "app"), ("4.3", "app")]
)
def test_elsewhere_the_request_itself_dies(matrix: dict[tuple[str, ...], Observed], step: str, machine: str) -> None:
    assert matrix[(step,)].requests[machine] == 0


@pytest.mark.requirement("S0-040", "S0-060", "S0-065")
@pytest.mark.parametrize(
    ("step", "machine", "filter_", "passes"),
    [
        ("2.4.aws", "vcpe", Filter.INGRESS, ("ecs", "app")),
        ("3.3.5", "ecs", Filter.INGRESS, ("ecs", "app")),
        ("4.3", "app", Filter.INGRESS, ("app", "ecs")),
    ],
)
def test_a_group_refuses_what_starts_outside_and_lets_answers_in(
    matrix: dict[tuple[str, ...], Observed], step: str, machine: str, filter_: Filter, passes: tuple[str, str]
) -> None:
    observed = matrix[(step,)]
    assert {(blame.machine, blame.drop.place.filter) for _, _, blame in blames(observed)} == {(machine, filter_)}
    assert observed.ping(*passes).passed


@pytest.mark.requirement("S0-067")
def test_the_vcpe_itself_needs_neither_check_nor_route_nor_group(matrix: dict[tuple[str, ...], Observed]) -> None:
    observed = matrix[("2.5", "4.2", "4.3")]
    assert observed.ping("vcpe", "ecs").passed
    assert observed.ping("vcpe", "ecs").drops == []
    assert not observed.ping("app", "ecs").passed
    assert not observed.ping("ecs", "app").passed
