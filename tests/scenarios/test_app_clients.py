"""The scenarios in which clients of the SAG app connect: what is shown, what arrives, and what each step left out does."""

from __future__ import annotations

import pytest

from lab.cloud import password as passwords
from lab.cloud.password import Cost
from lab.listener import Listener
from lab.scenario import Scenario
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from scenarios import app_get_started, app_roaming, app_to_aws
from tests.scenarios.effects import effects
from tests.supervisor.command import saglab_process

GET_STARTED, ROAMING, TO_AWS = map(Scenario.of, (app_get_started, app_roaming, app_to_aws))
SCENARIOS = {scenario.name: scenario for scenario in (GET_STARTED, ROAMING, TO_AWS)}
OMISSIONS = [(name, step.number) for name, scenario in SCENARIOS.items() for step in scenario.steps]

# What a run says, and how often.
SAID = {
    "app-get-started": {"shows  Connected to Intranet": 1, "4 of 4 echoes": 2},
    "app-roaming": {"shows  Connected to Intranet": 2, "App.LogOnFailed": 1, "4 of 4 echoes": 2, "0 of 4 echoes": 2},
    "app-to-aws": {"shows  Connected to Intranet": 1, "4 of 4 echoes": 2, "0 of 4 echoes": 1},
}


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", Cost(memory=8, passes=1, lanes=1))


@pytest.mark.requirement(
    *("S2-007", "S2-009", "S2-025", "S2-026", "S2-027", "S2-028", "S2-046", "S2-048", "S2-115", "S2-120", "S2-190", "S2-191")
)
@pytest.mark.parametrize(("name", "step"), OMISSIONS, ids=[" ".join(omission) for omission in OMISSIONS])
def test_a_step_left_out_does_what_it_declares(name: str, step: str) -> None:
    scenario = SCENARIOS[name]
    run = run_scenario(scenario, skip=[step], backend=SimulationBackend(), listener=Listener())
    declared = next(each.without for each in scenario.steps if each.number == step)
    assert effects(run) == set(declared)
    assert run.passed is (not declared)


@pytest.mark.requirement("S2-002", "S2-007", "S2-026", "S2-028", "S2-045", "S2-115", "S2-120", "S2-121", "S2-188", "S2-191")
@pytest.mark.parametrize("name", SCENARIOS)
def test_all_steps_lead_to_the_private_network(name: str) -> None:
    assert run_scenario(SCENARIOS[name], skip=(), backend=SimulationBackend(), listener=Listener()).passed


@pytest.mark.emulation
@pytest.mark.requirement("S2-002", "S2-007", "S2-026", "S2-028", "S2-045", "S2-115", "S2-117", "S2-120", "S2-188", "S2-191")
@pytest.mark.parametrize("name", SCENARIOS)
def test_real_packets_arrive(name: str) -> None:
    said = saglab_process("run", name)
    assert {text: said.count(text) for text in SAID[name]} == SAID[name]


@pytest.mark.emulation
@pytest.mark.requirement("S2-025")
def test_the_controller_refuses_over_tls_what_the_simulation_refuses() -> None:
    said = saglab_process("run", "app-get-started", "--skip", "2", status=1)
    assert "App.NetworkNotConfigured" in said
    assert said.count("0 of 4 echoes") == 2
