"""Accounts and enterprise codes, replayed: what is shown, and what each step left out does. Neither needs a packet."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cloud import password as passwords
from lab.listener import Listener
from lab.results import RunResult
from lab.scenario import Scenario
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from scenarios import app_accounts, app_enterprise_codes
from tests.cloud.alibaba.app.world import CHEAP
from tests.scenarios.effects import effects
from tests.supervisor.command import saglab_process

SCENARIOS = {scenario.name: scenario for scenario in map(Scenario.of, (app_accounts, app_enterprise_codes))}
STEPS = [(name, step.number) for name, scenario in SCENARIOS.items() for step in scenario.steps]


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", CHEAP)


def run(name: str, *skip: str) -> RunResult:
    return run_scenario(SCENARIOS[name], skip=skip, backend=SimulationBackend(), listener=Listener())


@pytest.mark.requirement("S2-103", "S2-106", "S2-110", "S2-113")
@pytest.mark.parametrize("name", SCENARIOS)
def test_it_passes_in_the_simulation(name: str) -> None:
    result = run(name)
    assert result.passed, result.error
    assert effects(result) == set()


@pytest.mark.parametrize(("name", "number"), STEPS, ids=[f"{name} {number}" for name, number in STEPS])
def test_a_step_left_out_does_what_it_declares(name: str, number: str) -> None:
    declared = next(step.without for step in SCENARIOS[name].steps if step.number == number)
    assert effects(run(name, number)) == set(declared)


@pytest.mark.requirement("S2-177", "S2-181", "S2-197")
@pytest.mark.parametrize(
    ("name", "check"),
    [("app-accounts", "client_user.check_bandwidth"), ("app-enterprise-codes", "enterprise_code.parse_code")],
)
def test_what_was_expected_to_be_refused_and_is_not_fails_the_run(name: str, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"lab.cloud.alibaba.app.{check}", lambda text, *_: text.upper() if isinstance(text, str) else None)
    result = run(name)
    assert not result.passed
    assert any(record.found == "no refusal" for record in result.facts)


@pytest.mark.emulation
@pytest.mark.requirement("S2-069", "S2-086", "S2-106", "S2-150", "S2-168", "S2-196")
@pytest.mark.parametrize("name", SCENARIOS)
def test_it_passes_on_a_network_with_mail_over_smtp_and_log_ons_over_tls(name: str) -> None:
    said = saglab_process("run", name)
    assert "passed in" in said
    assert "App.LogOnFailed" in said


@pytest.mark.emulation
def test_no_password_is_in_what_a_run_writes(tmp_path: Path) -> None:
    said = saglab_process("run", "app-accounts", "--json", "-", "--report", str(tmp_path))
    assert '"passed": true' in said
    said += "".join(file.read_text() for file in tmp_path.iterdir())
    assert [word for word in (app_accounts.PASSWORD, app_accounts.NEW) if word in said] == []
