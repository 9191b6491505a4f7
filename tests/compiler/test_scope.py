"""A part of the clouds, compiled alone, is the same as in the whole."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import scenarios.vcpe_ping
from lab.cloud import Cloud
from lab.compiler import compile_topology, part_around
from lab.compiler.names import INTERNET
from lab.scenario import Scenario
from lab.session import Lab
from lab.topology import NodeKind

big_cloud = runpy.run_path(str(Path(__file__).parents[2] / "bench/big_cloud.py"))["big_cloud"]


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    made: Cloud = big_cloud(400)
    return made


def test_a_part_is_the_same_alone_as_in_the_whole(cloud: Cloud) -> None:
    whole = compile_topology(cloud)
    for machine in [node for node in whole.nodes if node.kind in (NodeKind.HOST, NodeKind.GATEWAY)][::7]:
        part = compile_topology(cloud, part_around(cloud, [machine.resource]))
        assert machine.name in part.by_name
        assert all(node == whole.by_name[node.name] for node in part.nodes if node.name != INTERNET)
        assert set(part.by_name[INTERNET].tables[0].routes) <= set(whole.by_name[INTERNET].tables[0].routes)
        assert all(far in part.by_name for link in part.links for far in (link.a[0], link.b[0]))
        assert len(part.nodes) < len(whole.nodes)


def test_everything_of_the_scenario_is_one_part() -> None:
    lab = Lab()
    scenario = Scenario.of(scenarios.vcpe_ping)
    scenario.run(lab)
    whole = lab.compile()
    for node in whole.nodes:
        if node.kind not in (NodeKind.INTERNET, NodeKind.CONTROLLER):
            assert compile_topology(lab.cloud, part_around(lab.cloud, [node.resource])) == whole


def test_what_is_not_joined_is_not_in_the_part() -> None:
    lab = Lab(skip=["3.3.4"])
    Scenario.of(scenarios.vcpe_ping).run(lab)
    ecs = next(node for node in lab.compile().nodes if node.label == "ecs")
    part = compile_topology(lab.cloud, part_around(lab.cloud, [ecs.resource]))
    assert {node.kind for node in part.nodes} == {NodeKind.INTERNET, NodeKind.VPC, NodeKind.HOST}


def test_an_unknown_resource_has_no_part(cloud: Cloud) -> None:
    assert part_around(cloud, ["i-unknown"]) == frozenset()
