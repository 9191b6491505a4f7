"""The scenarios of bandwidth and of the data plan: walked, and with packets that are really limited and counted."""

from __future__ import annotations

from types import ModuleType

import pytest

from lab.listener import Listener
from lab.scenario import Scenario
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from scenarios import app_bandwidth, app_data_plan
from tests.supervisor.command import saglab_process


@pytest.mark.parametrize("module", [app_bandwidth, app_data_plan], ids=["bandwidth", "data-plan"])
def test_walked_packets_arrive(module: ModuleType) -> None:
    run = run_scenario(Scenario.of(module), skip=(), backend=SimulationBackend(), listener=Listener())
    assert run.passed


@pytest.mark.emulation
@pytest.mark.requirement("S2-017", "S2-018", "S2-020", "S2-021", "S2-148")
def test_data_plan_is_used_up_by_real_packets() -> None:
    said = saglab_process("run", "app-data-plan")
    assert "traffic of li.lei.01 this month  5,000,000,336 bytes, 336 beyond the data plan" in said
    assert "traffic of li.lei.01 this month  672 bytes, 0 beyond the data plan" in said


@pytest.mark.emulation
@pytest.mark.long
@pytest.mark.requirement("S2-077", "S2-078", "S2-079", "S2-202")
def test_bandwidth_is_held_both_ways() -> None:
    assert "passed in" in saglab_process("run", "app-bandwidth")
