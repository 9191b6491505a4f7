"""Data between two machines of a running network: what arrives is counted, also where nothing does."""

from __future__ import annotations

import pytest

from lab.results import Echo
from tests.emulation.lab_process import in_lab
from tests.emulation.scenario_lab import scenario_lab

pytestmark = pytest.mark.emulation

SHUT = "add table ip shut; add chain ip shut in { type filter hook input priority 0; policy drop; }"


def _arrived() -> dict[str, float]:
    with scenario_lab() as lab:
        app, ecs = (lab.emulation.topology.by_name[lab.node(name)] for name in ("app", "ecs"))
        way = Echo(app.name, *(node.interfaces[0].addresses[0].ip for node in (app, ecs)))
        arrived = {name: lab.emulation.flow(way, name, rate=1e6, seconds=0.2) for name in ("tcp", "udp")}
        lab.machine("ecs").run("nft", SHUT)
        return arrived | {"nothing": lab.emulation.flow(way, "udp", rate=1e6, seconds=0.2)}


def test_what_arrives_is_counted() -> None:
    arrived = in_lab(_arrived)
    assert arrived["tcp"] > 0
    assert arrived["udp"] > 0
    assert arrived["nothing"] == 0
