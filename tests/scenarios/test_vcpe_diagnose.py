"""Ten broken set-ups: each step's ping dies, and the diagnosis names that step's cause and no other."""

from __future__ import annotations

from functools import cache

import pytest

from lab.diagnosis import Check
from lab.listener import Listener
from lab.results import RunResult
from lab.scenario import Scenario
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from scenarios import vcpe_diagnose

SCENARIO = Scenario.of(vcpe_diagnose)

# What the first error of each step must say, and the call that it must advise.
CAUSES = {
    "1": (Check.SUBSCRIPTION, "the subscription ended", "alibaba.renew_instance("),
    "2": (Check.KEY, "with a key that is not its own", "launch the machine anew"),
    "3": (Check.CCN, "bound to no CCN", "alibaba.bind_smart_access_gateway("),
    "4": (Check.TUNNEL, "dies at aws: the route table has no route", "a route"),
    "5": (Check.CEN, "no VPC is attached", "alibaba.attach_cen_child_instance("),
    "6": (Check.CONFLICTS, "overlaps 10.0.0.0/16", "another CIDR block"),
    "7": (Check.ROUTES, "hold nothing of 10.0.0.0/16", "alibaba.modify_smart_access_gateway("),
    "8": (Check.SECURITY_GROUPS, "ECS_SG_RULES_MISMATCH", "alibaba.authorize_security_group("),
    "9": (Check.ROUTES, "NO_ROUTE_TO_DESTINATION", "aws.create_route("),
    "10": (Check.SOURCE_DEST_CHECK, "ENI_SOURCE_DEST_CHECK_RESTRICTION", "source_dest_check=False"),
}


@cache
def simulated() -> RunResult:
    return run_scenario(SCENARIO, skip=(), backend=SimulationBackend(), listener=Listener())


def test_the_run_passes_and_shows_ten_set_ups() -> None:
    result = simulated()
    assert result.passed, result.error
    assert [record.step for record in result.diagnoses] == ["0", *CAUSES, "11"]
    assert [record.found for record in result.diagnoses if record.step in ("0", "11")] == [(), ()]


@pytest.mark.parametrize(("step", "cause"), CAUSES.items(), ids=CAUSES.keys())
def test_a_broken_set_up_is_found_by_its_cause(step: str, cause: tuple[Check, str, str]) -> None:
    (record,) = (record for record in simulated().diagnoses if record.step == step)
    check, finding, advice = cause
    assert {found.check for found in record.found} == {check}
    assert finding in record.found[0].finding
    assert advice in record.found[0].advice


def test_a_diagnosis_that_finds_something_else_fails_its_step() -> None:
    def run(lab: vcpe_diagnose.Lab) -> None:
        gateway = lab.alibaba.create_smart_access_gateway(name="mine").gateways[0]
        with lab.step("1", "ask"):
            lab.expect_diagnosis(gateway, Check.MTU)

    result = run_scenario(
        Scenario("mine", "Mine", "Mine.", run), skip=(), backend=SimulationBackend(), listener=Listener()
    )
    assert not result.passed
    assert [(step.number, step.outcome) for step in result.steps] == [("1", "failed")]


@pytest.mark.long
@pytest.mark.emulation
def test_the_same_with_real_packets() -> None:
    from tests.supervisor.command import saglab_process

    assert "passed in" in saglab_process("run", SCENARIO.name)
