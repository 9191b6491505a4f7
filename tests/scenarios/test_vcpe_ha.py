"""The pair that stands in for each other, simulated and with real packets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.backend import Backend
from lab.emulation.tunnels import DEFAULT_CIPHER
from lab.listener import Listener
from lab.results import RunResult
from lab.scenario import Scenario
from lab.supervisor.backend import EmulationBackend
from lab.supervisor.options import NetworkOptions
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from scenarios import vcpe_ha
from tests.emulation.lab_process import in_lab

SCENARIO = Scenario.of(vcpe_ha)


def run(backend: Backend) -> RunResult:
    return run_scenario(SCENARIO, skip=(), backend=backend, listener=Listener())


def simulated() -> RunResult:
    return run(SimulationBackend())


def emulated() -> RunResult:
    def inside() -> RunResult:
        backend = EmulationBackend(NetworkOptions(DEFAULT_CIPHER), lambda _text: None)
        try:
            return run(backend)
        finally:
            backend.close()

    return in_lab(inside)


@pytest.mark.requirement("S0-017", "S0-018")
@pytest.mark.parametrize("result", [simulated, pytest.param(emulated, marks=pytest.mark.emulation)], ids=lambda run: run.__name__)
def test_the_other_device_takes_over_and_the_first_comes_back(result: Callable[[], RunResult]) -> None:
    found = result()
    assert not found.error
    assert [(event.event, event.came) for event in found.events] == [
        ("DeviceOffline", True),
        ("AccessGatewayFailover", True),
        ("DeviceOnline", True),
        ("DeviceSwitched", True),
    ]
    assert [ping.result.received for ping in found.pings] == [4] * 6
    assert [status.status for status in found.statuses] == ["Normal"] * 3
    assert found.passed


def test_without_the_customers_script_the_route_stays_where_it_was() -> None:
    """Simulated: the packets go to the device that is the standby now, which the point of presence takes nothing from."""
    result = run_scenario(SCENARIO, skip=["4.2"], backend=SimulationBackend(), listener=Listener())
    assert not any(ping.passed for ping in result.pings)
