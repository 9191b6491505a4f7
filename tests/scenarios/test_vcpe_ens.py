"""The vCPE on an ENS instance: the same steps lead to the same end, and each left out does what the scenario declares."""

from __future__ import annotations

import pytest

from lab.listener import Listener
from lab.results import Abnormal, Dies, Refused, StepResult
from lab.scenario import Scenario
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from scenarios import vcpe_ens
from tests.simulation.test_omissions import SEED, deaths
from tests.supervisor.command import saglab_process

SCENARIO = Scenario.of(vcpe_ens)


@pytest.mark.requirement("S0-002")
@pytest.mark.parametrize("step", [step for step in SCENARIO.steps if step.number != "4.4"], ids=lambda step: step.number)
def test_a_step_left_out_does_what_it_declares(step: StepResult) -> None:
    run = run_scenario(SCENARIO, skip=[step.number], backend=SimulationBackend(), listener=Listener())
    abnormal = {Abnormal(record.gateway, record.reason, record.kind) for record in run.statuses if not record.passed}
    refused = {Refused(each.number, refusal.code) for each in run.steps for refusal in each.refusals}
    assert {effect for effect in step.without if not isinstance(effect, Dies)} == abnormal | refused
    dies = {effect for effect in step.without if isinstance(effect, Dies)}
    assert deaths(SCENARIO.topology([step.number], SEED)) == dies
    assert run.passed is (not step.without)


@pytest.mark.emulation
@pytest.mark.requirement("S0-002")
def test_real_packets_arrive() -> None:
    said = saglab_process("run", SCENARIO.name)
    assert said.count("4 of 4 echoes") == 3
    for kind in ("VPN", "Control"):
        assert f"{kind} Status of vcpe-singapore  Normal" in said


@pytest.mark.emulation
def test_groups_of_ens_instances_stop_real_packets() -> None:
    said = saglab_process("run", SCENARIO.name, "--skip", "2.4.edge", "--skip", "4.3", status=1)
    assert "app → ecs: 4 packets died at edge, security group, inbound of vcpe: ECS_SG_RULES_MISMATCH" in said
    assert "ecs → app: 4 packets died at edge, security group, inbound of app: ECS_SG_RULES_MISMATCH" in said
    assert "vcpe 10.0.2.10 → ecs 192.168.1.10  4 of 4 echoes" in said
