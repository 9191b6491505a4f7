"""DNS of the SAG app: what a laptop learns of names, and what each step left out does."""

from __future__ import annotations

import pytest

from lab.listener import Listener
from lab.results import StepResult
from lab.scenario import Scenario
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from scenarios import app_dns
from tests.scenarios.effects import effects
from tests.supervisor.command import saglab_process

SCENARIO = Scenario.of(app_dns)


@pytest.mark.requirement("S2-035", "S2-037", "S2-038", "S2-097")
@pytest.mark.parametrize("step", [step for step in SCENARIO.steps if step.without], ids=lambda step: step.number)
def test_a_step_left_out_does_what_it_declares(step: StepResult) -> None:
    run = run_scenario(SCENARIO, skip=[step.number], backend=SimulationBackend(), listener=Listener())
    assert effects(run) == set(step.without)
    assert not run.passed


@pytest.mark.emulation
@pytest.mark.requirement("S2-037", "S2-038", "S2-097", "S2-192")
def test_real_servers_answer() -> None:
    said = saglab_process("run", SCENARIO.name)
    assert said.count("db.corp.example on laptop  172.16.1.10") == 1
    assert said.count("www.example.com on laptop  nothing") == 1
    assert said.count("www.example.com on laptop  198.51.100.3") == 2
