"""A scenario with steps left out: exactly those that matter are named, and doing them lets the packet pass."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import pytest

from lab.cli import find_scenario
from lab.explanation import Explanation, Question, Replay, explain_scenario
from lab.results import Dies, StepResult

SCENARIO = find_scenario("vcpe-ping")
PINGS = [("app", "ecs"), ("ecs", "app"), ("vcpe", "ecs")]
ESSENTIAL = ["2.3.address", "2.4.aws", "2.5", "3.1", "3.2", "3.3", "3.3.4", "3.3.5", "4.2", "4.3"]


@cache
def replay(*left_out: str) -> Replay:
    return Replay(SCENARIO, left_out)


def explain(left_out: tuple[str, ...], source: str, destination: str) -> Explanation:
    return explain_scenario(replay(*left_out), Question(source, destination))


def steps_of(explanation: Explanation) -> list[str]:
    return [fix.step for fix in explanation.fixes]


def declared(step: StepResult, source: str, destination: str) -> str:
    """The reason for which a ping dies without a step, as the scenario declares it; empty when it does not."""
    reasons = [e.reason for e in step.without if isinstance(e, Dies) and (e.source, e.destination) == (source, destination)]
    return str(reasons[0]) if reasons else ""


@pytest.mark.requirement("S0-037", "S0-039", "S0-040", "S0-041", "S0-044", "S0-051", "S0-054", "S0-060", "S0-063", "S0-067")
@pytest.mark.parametrize("step", SCENARIO.steps, ids=lambda step: step.number)
def test_one_step_left_out(step: StepResult) -> None:
    for source, destination in PINGS:
        reason = declared(step, source, destination)
        explanation = explain((step.number,), source, destination)
        assert explanation.reaches is not bool(reason), (source, destination)
        assert steps_of(explanation) == ([step.number] if reason else [])
        assert explanation.solved
        assert [fix.answers for fix in explanation.fixes] == (
            [explanation.death.cause.code if explanation.death.cause else reason] if reason and explanation.death else []
        )
        if explanation.death is not None:
            assert explanation.death.code == reason


@pytest.mark.parametrize("pair", list(combinations(ESSENTIAL, 2)), ids=lambda pair: " and ".join(pair))
def test_two_steps_left_out(pair: tuple[str, str]) -> None:
    """What matters alone matters together, and nothing else does."""
    by_number = {step.number: step for step in SCENARIO.steps}
    for source, destination in PINGS[:2]:
        explanation = explain(pair, source, destination)
        assert steps_of(explanation) == [step for step in pair if declared(by_number[step], source, destination)]
        assert explanation.solved
        assert replay_passes(pair, explanation)


def replay_passes(left_out: tuple[str, ...], before: Explanation) -> bool:
    """Whether the packet passes once the proposed steps are done."""
    remaining = tuple(step for step in left_out if step not in steps_of(before))
    return explain(remaining, before.question.source, before.question.destination).reaches


def test_everything_left_out() -> None:
    """From nothing but VPCs and machines: every step that the ping needs, in the document's order, and none that it does not."""
    outermost = ("1", "2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "3.3.4", "3.3.5", "4.1", "4.2", "4.3", "4.4")
    explanation = explain(outermost, "app", "ecs")
    assert steps_of(explanation) == ["1", "2.1", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "3.3.4", "3.3.5", "4.2"]
    assert explanation.solved


def test_a_step_is_given_with_the_calls_it_makes() -> None:
    fix = explain(("2.5",), "app", "ecs").fixes[0]
    assert fix.title == "Disable the source/destination check of the vCPE"
    assert [call.operation for call in fix.calls] == ["aws.modify_network_interface_attribute"]
    assert "source_dest_check=False" in str(fix.calls[0])


def test_a_step_with_parts_has_the_calls_of_its_parts() -> None:
    fix = explain(("2.4",), "app", "ecs").fixes[0]
    assert [call.operation for call in fix.calls] == ["aws.authorize_security_group_ingress"] * 2


def test_steps_that_get_it_further_are_told_where_nothing_gets_it_there() -> None:
    explanation = explain(("2.5", "4.3"), "app", "192.168.1.77")
    assert steps_of(explanation) == ["2.5"]
    assert not explanation.solved
    assert explanation.remaining is not None
    assert explanation.remaining.code == "NO_POSSIBLE_DESTINATION"


def test_where_no_step_helps_calls_do() -> None:
    """Nothing in the document lets the gateway ping app: its group admits SSH from AWS, and all of Alibaba Cloud."""
    explanation = explain(("2.5",), "vcpe", "app")
    assert steps_of(explanation) == [""]
    assert [call.operation for call in explanation.fixes[0].calls] == ["aws.authorize_security_group_ingress"]
    assert explanation.solved


def test_every_consulted_thing_knows_its_step() -> None:
    explanation = explain((), "app", "ecs")
    assert explanation.forward is not None
    found = {(station.label, line.kind, line.step) for station in explanation.forward.stations for line in station.consulted}
    assert {
        ("aws", "route table", "4.2"),
        ("aws", "destination check", "2.5"),
        ("aws", "security group, inbound", "2.4.aws"),
        ("ccn-singapore", "tunnel", "3.1"),
        ("alibaba", "security group, inbound", "3.3.5"),
    } <= found
