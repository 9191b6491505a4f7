"""The scenario of peak bandwidth, and how a measurement counts. Figures are a bench's: no test waits for one."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from lab.listener import Listener
from lab.report.machine import to_json, to_junit
from lab.results import Echo, FlowRecord, RunResult
from lab.scenario import Scenario
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend
from lab.topology import Topology
from scenarios import vcpe_bandwidth

SCENARIO = Scenario.of(vcpe_bandwidth)


class Measuring(SimulationBackend):
    """Measures `share` of the bandwidth of the first tunnel, and keeps what it was asked."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share
        self.asked: list[tuple[str, float]] = []

    def apply(self, topology: Topology) -> None:
        super().apply(topology)
        self._bandwidth = next(peer.bandwidth for node in topology.nodes for tunnel in node.services for peer in tunnel.peers)

    def flow(self, echo: Echo, protocol: str, *, rate: float, seconds: float) -> float:  # type: ignore[override]
        self.asked.append((protocol, rate))
        return self._share * self._bandwidth


@pytest.mark.requirement("S0-021")
@pytest.mark.parametrize(
    ("share", "failed"),
    [
        pytest.param(1.0, [], id="as bought"),
        pytest.param(0.96, ["udp"], id="as TCP may fare, and UDP may not"),
        pytest.param(1.1, ["tcp", "udp"], id="more"),
        pytest.param(0.5, ["tcp", "udp"], id="less"),
    ],
)
def test_what_arrives_is_what_was_bought_or_the_run_fails(share: float, failed: list[str]) -> None:
    backend = Measuring(share)
    result = run_scenario(SCENARIO, skip=(), backend=backend, listener=Listener())
    assert result.passed is (not failed)
    assert sorted({flow.protocol for flow in result.flows if not flow.passed}) == failed
    assert [flow.expected / 1e6 for flow in result.flows] == [10] * 4 + [100] * 4 + [300] * 4
    assert all(rate > flow.expected for (_, rate), flow in zip(backend.asked, result.flows, strict=True))


def test_in_a_simulation_nothing_is_measured_and_nothing_fails() -> None:
    result = run_scenario(SCENARIO, skip=(), backend=SimulationBackend(), listener=Listener())
    assert result.passed
    assert {flow.measured for flow in result.flows} == {None}


SLOW = FlowRecord("2", "app", "ecs", "udp", 100e6, 0.03, 90e6)


def test_json_and_junit() -> None:
    run = RunResult("mine", flows=[SLOW])
    (said,) = json.loads(to_json(run))["flows"]
    assert (said["passed"], said["measured"], said["expected"]) == (False, 90_000_000, 100e6)
    (suite,) = ElementTree.fromstring(to_junit(run))  # noqa: S314 - our own
    failure = suite[0].find("failure")
    assert failure is not None
    assert failure.get("message") == "90.0 Mbit/s, 100 Mbit/s within 3% expected"
