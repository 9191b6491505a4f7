"""Compiling grows with the network, not with its square."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.compiler import compile_topology
from lab.simulation import Probe, Simulation
from lab.topology import NodeKind

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "bench/big_cloud.py"))
big_cloud, CCNS, HOSTS_PER_VPC = (BENCH[name] for name in ("big_cloud", "CCNS", "HOSTS_PER_VPC"))


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions are called: a measure of work that no busy machine changes."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture(scope="module")
def clouds():
    return big_cloud(1000), big_cloud(4000)


def test_the_generated_cloud_is_as_described(clouds) -> None:
    kinds = [node.kind for node in compile_topology(clouds[0]).nodes]
    assert kinds.count(NodeKind.HOST) == 1000
    assert kinds.count(NodeKind.VPC) == 1000 // HOSTS_PER_VPC
    assert kinds.count(NodeKind.CEN) == kinds.count(NodeKind.GATEWAY) == 5
    assert [node.kind for node in compile_topology(clouds[1]).nodes].count(NodeKind.CCN) == CCNS


def test_four_times_the_endpoints_take_four_times_the_work(clouds) -> None:
    small, large = (calls_of(lambda cloud=cloud: compile_topology(cloud)) for cloud in clouds)
    assert large < 4.4 * small


def test_the_generated_cloud_works(clouds) -> None:
    topology = compile_topology(clouds[0])
    nodes = {node.label: node for node in topology.nodes}
    host, ecs = nodes["aws-0-0"], nodes["alibaba-0-0"]
    probe = Probe(host.interfaces[0].addresses[0].ip, ecs.interfaces[0].addresses[0].ip, "icmp")
    exchange = Simulation(topology).exchange(probe, host.name)
    assert (exchange.request.reason, exchange.reply and exchange.reply.reason) == (None, None)
    assert exchange.reply is not None
