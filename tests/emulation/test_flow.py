"""Data between two machines of a running network: something arrives, and is counted."""

from __future__ import annotations

import pytest

from lab.results import Echo
from tests.emulation.lab_process import in_lab
from tests.emulation.scenario_lab import scenario_lab

pytestmark = pytest.mark.emulation


def _arrived() -> dict[str, float]:
    with scenario_lab() as lab:
        source, destination = (lab.emulation.topology.by_name[lab.node(name)] for name in ("app", "ecs"))
        way = Echo(source.name, *(node.interfaces[0].addresses[0].ip for node in (source, destination)))
        return {name: lab.emulation.flow(way, name, rate=1e6, seconds=0.2) for name in ("tcp", "udp")}


def test_tcp_and_udp_arrive() -> None:
    arrived = in_lab(_arrived)
    assert arrived["tcp"] > 0
    assert arrived["udp"] > 0
