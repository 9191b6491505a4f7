"""The SAG app as chapter 2 of the document has it: what is shown, and what each step left out does."""

from __future__ import annotations

import pytest

from lab.listener import Listener
from lab.results import Dies, Refused, RunResult, Shows, StepResult
from lab.scenario import Scenario
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from scenarios import app_get_started
from tests.supervisor.command import saglab_process

SCENARIO = Scenario.of(app_get_started)


def effects(run: RunResult) -> set[object]:
    """What a run shows to be otherwise than it was to be."""
    dies = {
        Dies(ping.source, ping.destination, str(blame.drop.place.reason))
        for ping in run.pings
        if not ping.passed
        for blame in ping.drops
    }
    refused = {Refused(step.number, refusal.code) for step in run.steps for refusal in step.refusals}
    return dies | refused | {Shows(record.terminal, record.shown) for record in run.apps if not record.passed}


@pytest.mark.requirement("S2-007", "S2-009", "S2-025", "S2-046", "S2-048", "S2-190", "S2-191")
@pytest.mark.parametrize("step", SCENARIO.steps, ids=lambda step: step.number)
def test_a_step_left_out_does_what_it_declares(step: StepResult) -> None:
    run = run_scenario(SCENARIO, skip=[step.number], backend=SimulationBackend(), listener=Listener())
    assert effects(run) == set(step.without)
    assert not run.passed


@pytest.mark.requirement("S2-007", "S2-041", "S2-045", "S2-188", "S2-191")
def test_all_steps_lead_to_the_private_network() -> None:
    run = run_scenario(SCENARIO, skip=(), backend=SimulationBackend(), listener=Listener())
    assert run.passed
    assert [record.shown for record in run.apps] == ["Connected to Intranet"]


@pytest.mark.emulation
@pytest.mark.requirement("S2-007", "S2-041", "S2-045", "S2-188", "S2-191")
def test_real_packets_arrive() -> None:
    said = saglab_process("run", SCENARIO.name)
    assert "app of laptop shows  Connected to Intranet" in said
    assert said.count("4 of 4 echoes") == 2


@pytest.mark.emulation
@pytest.mark.requirement("S2-025")
def test_the_controller_refuses_over_tls_what_the_simulation_refuses() -> None:
    said = saglab_process("run", SCENARIO.name, "--skip", "2", status=1)
    assert "App.NetworkNotConfigured" in said
    assert said.count("0 of 4 echoes") == 2
