"""Bandwidth between two regions in the kernel: of packets that come all at once only some pass, and all when it is raised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab import Lab
from lab.cloud.alibaba.resources import Instance
from lab.emulation.emulation import Emulation
from lab.emulation.ping import ping
from lab.topology import Topology
from tests.emulation.lab_process import in_lab

pytestmark = pytest.mark.emulation

ECHOES, PAYLOAD = 20, 1000  # bytes
LITTLE = 40_000  # bit/s: five of these echoes in the first second


def _joined(lab: Lab) -> tuple[Instance, Instance]:
    """A machine in each of two regions of a CEN that has a share of 10 Mbit/s between them."""
    alibaba, machines = lab.alibaba, []
    cen = alibaba.create_cen("cen").id
    regions = ("ap-southeast-1", "ap-northeast-1")
    for number, region in enumerate(regions):
        vpc = alibaba.create_vpc(f"172.{16 + number}.0.0/16", region_id=region)
        switch = alibaba.create_vswitch(vpc.id, f"172.{16 + number}.1.0/24")
        group = alibaba.create_security_group(vpc.id)
        alibaba.authorize_security_group(group.id, source_cidr_ip="0.0.0.0/0")
        machines.append(alibaba.run_instances(switch.id, group.id))
        alibaba.attach_cen_child_instance(cen, vpc.id, "VPC", region)
    plan = alibaba.create_cen_bandwidth_package(10, "Asia-Pacific", "Asia-Pacific")
    alibaba.associate_cen_bandwidth_package(cen, plan.id)
    alibaba.set_cen_inter_region_bandwidth_limit(cen, *regions, 10)
    return machines[0], machines[1]


def _held_to(rate: int, topology: Topology) -> Topology:
    nodes = (replace(node, limits=tuple(replace(limit, rate=rate) for limit in node.limits)) for node in topology.nodes)
    return replace(topology, nodes=tuple(nodes))


def _answered() -> dict[str, tuple[int, set[str]]]:
    """How many echoes, sent all at once, are answered under each limit, and why the others were dropped."""
    lab = Lab()
    here, there = _joined(lab)
    topology = lab.compile()
    emulation = Emulation(_held_to(LITTLE, topology))
    found = {}
    for name, held in (("little", _held_to(LITTLE, topology)), ("enough", topology)):
        emulation.apply(held)
        emulation.new_drops()
        source, goal = topology.node_of(here.id), topology.node_of(there.id)
        way = (emulation.machines[source.name], source.own_address, goal.own_address)
        answered = ping(*way, count=ECHOES, size=PAYLOAD, interval=0).received
        found[name] = answered, {str(drop.place.reason) for drop in emulation.new_drops()}
    emulation.close()
    return found


def test_no_more_passes_than_was_shared_out() -> None:
    found = in_lab(_answered)
    answered, why = found["little"]
    assert 1 <= answered < ECHOES
    assert why == {"CEN_BANDWIDTH_EXCEEDED"}
    assert found["enough"] == (ECHOES, set())
