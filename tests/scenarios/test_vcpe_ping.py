"""The scenario without any network: its steps, what the cloud says of it, and what a wrong script is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Address
from types import ModuleType

import pytest

from dataplane.meters import Reading
from lab import CloudError, Lab
from lab.drops import Drop
from lab.errors import UsageError
from lab.listener import Listener
from lab.logon import AppAnswer, AppRequest, Serve
from lab.results import Outcome, PingResult
from lab.scenario import Scenario
from lab.status import StatusEnd
from lab.supervisor.run import run_scenario
from lab.topology import Topology
from scenarios import vcpe_ping

SCENARIO = Scenario.of(vcpe_ping)
STEPS = {step.number: step for step in SCENARIO.steps}
DOCUMENT = ["1", "2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "3.3.4", "3.3.5", "4.1", "4.2", "4.3", "4.4"]


class Answering:
    """A backend on which every ping is answered and every tunnel open; it keeps the networks it was given."""

    def __init__(self, received: int = 4, reason: str = "") -> None:
        self.received = received
        self.reason = reason
        self.applied: list[Topology] = []

    def apply(self, topology: Topology) -> None:
        self.applied.append(topology)

    def ping(self, node: str, source: IPv4Address, destination: IPv4Address, *, count: int) -> PingResult:
        return PingResult(count, self.received, 1.0)

    def vpn_ends(self, tunnel: str, *, within: float) -> list[StatusEnd]:
        return [StatusEnd(footing.node, self.reason) for footing in self.applied[-1].footings.get(tunnel, ())]

    def control_ends(self, device: str, *, within: float) -> list[StatusEnd]:
        return [StatusEnd(node.name) for node in self.applied[-1].nodes if node.phone is not None and node.phone.name == device]

    def fail(self, node: str) -> None:
        raise NotImplementedError(node)

    def ask_apps(self, requests: Mapping[str, AppRequest], serve: Serve) -> Mapping[str, AppAnswer]:
        return {}

    def device_news(self) -> list[tuple[str, bool]]:
        return []

    def new_drops(self, *, lost: int = 0) -> list[Drop]:
        return []

    def meters(self) -> dict[str, Reading]:
        return {}


@pytest.mark.requirement("S0-005")
def test_steps_stand_in_the_documents_order() -> None:
    assert [number for number in STEPS if number in DOCUMENT] == DOCUMENT
    assert set(STEPS) - set(DOCUMENT) == {"2.3.key", "2.3.address", "2.4.aws", "2.4.alibaba"}
    assert all(step.title for step in STEPS.values())


def test_text_opens_with_the_map_and_title() -> None:
    assert SCENARIO.name == "vcpe-ping"
    assert SCENARIO.title == "A host in AWS pings a host in Alibaba Cloud through a SAG vCPE"
    assert "══ ESP in UDP ══" in SCENARIO.text


def test_the_network_is_built_at_the_first_question_and_changed_for_the_pings() -> None:
    backend = Answering()
    result = run_scenario(SCENARIO, skip=(), backend=backend, listener=Listener())
    assert result.passed
    assert [len(topology.nodes) for topology in backend.applied] == [8, 9]  # the CEN comes after both statuses are Normal
    assert [(record.kind, record.step, record.status, len(record.ends)) for record in result.statuses] == [
        ("VPN Status", "3.2", "Normal", 2),
        ("Control Status", "3.2", "Normal", 1),
    ]
    assert len(result.pings) == 3


@pytest.mark.requirement("S0-050")
def test_a_vpn_status_that_does_not_become_normal_fails_the_run_and_its_step() -> None:
    result = run_scenario(SCENARIO, skip=(), backend=Answering(reason="NO_ANSWER"), listener=Listener())
    assert not result.passed
    assert [step.number for step in result.steps if step.outcome is Outcome.FAILED] == ["3.2"]
    assert [(record.status, record.reason) for record in result.statuses] == [("Abnormal", "NO_ANSWER"), ("Normal", "")]


@pytest.mark.requirement("S0-050")
def test_a_gateway_that_is_no_machines_has_no_tunnel_does_not_report_and_is_abnormal() -> None:
    def run(lab: Lab) -> None:
        order = lab.alibaba.create_smart_access_gateway(name="mine")
        with lab.step("1", "ask"):
            lab.expect_vpn_status(order.gateways[0], "Abnormal")
            lab.expect_control_status(order.gateways[0], "Abnormal")

    result = run_scenario(scenario_of("Mine.", run=run), skip=(), backend=Answering(), listener=Listener())
    assert [(record.gateway, record.status, record.reason, record.passed) for record in result.statuses] == [
        ("mine", "Abnormal", "NO_TUNNEL", True),
        ("mine", "Abnormal", "NOT_REPORTING", True),
    ]


def test_one_echo_lost_fails_the_run_and_its_step() -> None:
    result = run_scenario(SCENARIO, skip=(), backend=Answering(received=3), listener=Listener())
    assert not result.passed
    assert [step.number for step in result.steps if step.outcome is Outcome.FAILED] == ["4.4"]


def test_without_the_ping_nothing_is_shown_and_so_the_run_does_not_pass() -> None:
    backend = Answering()
    result = run_scenario(SCENARIO, skip=["4.4"], backend=backend, listener=Listener())
    assert (result.passed, result.pings, len(backend.applied)) == (False, [], 1)


def test_what_needs_a_step_left_out_is_not_possible_and_the_run_goes_on() -> None:
    result = run_scenario(SCENARIO, skip=["3.2"], backend=Answering(), listener=Listener())
    outcomes = {step.number: step.outcome for step in result.steps}
    assert (outcomes["3.2"], outcomes["3.3"], outcomes["3.3.4"]) == (
        Outcome.LEFT_OUT,
        Outcome.NOT_POSSIBLE,
        Outcome.NOT_POSSIBLE,
    )
    assert outcomes["4.4"] is Outcome.DONE
    assert not result.passed  # not all of it was done, though every echo came back


def test_a_step_left_out_takes_its_parts_with_it() -> None:
    result = run_scenario(SCENARIO, skip=["2.4"], backend=Answering(), listener=Listener())
    assert [step.number for step in result.left_out] == ["2.4", "2.4.aws", "2.4.alibaba"]


@pytest.mark.parametrize("numbers", [["9.9"], ["2.5", "nonsense"], [""]])
def test_unknown_steps_are_refused_with_those_there_are(numbers: list[str]) -> None:
    with pytest.raises(UsageError, match=r"it has 1, 2\.1"):
        SCENARIO.check_steps(numbers)


@pytest.mark.parametrize("skip", [(), ("2.5",), ("3.2",), ("1",)], ids=str)
def test_every_identifier_is_the_same_whatever_is_left_out(skip: tuple[str, ...]) -> None:
    """So that a step left out can be found by comparing the two networks."""
    seed = b"tests of scenarios"
    full, without = SCENARIO.topology((), seed), SCENARIO.topology(skip, seed)
    assert {node.name for node in without.nodes} <= {node.name for node in full.nodes}


# A script of one's own


def scenario_of(text: str, **names: object) -> Scenario:
    module = ModuleType("mine")
    module.__doc__ = text
    vars(module).update(names)
    return Scenario.of(module)


def test_a_module_without_run_or_text_is_no_scenario() -> None:
    for module in (ModuleType("empty"), ModuleType("scenarios")):
        with pytest.raises(UsageError, match="is no scenario"):
            Scenario.of(module)


def test_two_steps_of_one_number_are_refused() -> None:
    def run(lab: Lab) -> None:
        for _ in range(2):
            with lab.step("1", "once"):
                pass

    with pytest.raises(UsageError, match="two steps 1"):
        run_scenario(scenario_of("Mine.", run=run), skip=(), backend=Answering(), listener=Listener())


def test_a_call_that_the_cloud_refuses_ends_the_run_with_its_code() -> None:
    def run(lab: Lab) -> None:
        with lab.step("1", "a subnet of no VPC"):
            lab.aws.create_subnet("vpc-0", "10.0.0.0/24")
        raise AssertionError("not reached")

    result = run_scenario(scenario_of("Mine.", run=run), skip=(), backend=Answering(), listener=Listener())
    assert not result.passed
    assert "InvalidVpcID.NotFound" in result.error
    assert [(step.outcome, step.refusals[0].code) for step in result.steps] == [(Outcome.NOT_POSSIBLE, "InvalidVpcID.NotFound")]


def test_a_ping_from_a_machine_that_does_not_run_is_told() -> None:
    def run(lab: Lab) -> None:
        vpc = lab.aws.create_vpc("10.0.0.0/16")
        subnet = lab.aws.create_subnet(vpc.id, "10.0.1.0/24")
        image = lab.aws.describe_images(name="al2023-*")[0]
        one, other = (lab.aws.run_instances(image.id, subnet.id, name=name) for name in ("one", "other"))
        lab.aws.terminate_instances(other.id)
        with lab.step("1", "ping"):
            lab.expect_ping(one, other)

    result = run_scenario(scenario_of("Mine.", run=run), skip=(), backend=Answering(), listener=Listener())
    (ping,) = result.pings
    assert (ping.result.sent, ping.passed, result.passed) == (0, False, False)
    assert "does not run" in ping.problem


def test_the_users_own_error_is_not_swallowed() -> None:
    def run(lab: Lab) -> None:
        json.loads("{")

    with pytest.raises(json.JSONDecodeError):
        run_scenario(scenario_of("Mine.", run=run), skip=(), backend=Answering(), listener=Listener())


def test_a_refusal_may_be_caught_by_the_script() -> None:
    def run(lab: Lab) -> None:
        with pytest.raises(CloudError, match=r"InvalidVpcID\.NotFound"):
            lab.aws.create_subnet("vpc-0", "10.0.0.0/24")

    assert run_scenario(scenario_of("Mine.", run=run), skip=(), backend=Answering(), listener=Listener()).error == ""
