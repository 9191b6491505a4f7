"""The servers of PrivateZone as a part of the network: who reaches them, and what they know."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.cloud.alibaba.private_zone import SERVERS
from lab.compiler import compile_topology
from lab.simulation import Probe, Simulation
from lab.topology import Name
from tests.compiler.app_cloud import REGION, AppCloud, app_cloud

DNS = 53


@pytest.fixture
def w() -> AppCloud:
    w = app_cloud()
    w.connect()
    return w


def vpc_of(w: AppCloud) -> str:
    (vpc,) = w.cloud.alibaba.describe_vpcs(REGION)
    return vpc.id


def bound(w: AppCloud) -> None:
    zone = w.cloud.alibaba.add_zone("corp.example")
    for rr in ("db", "@", "*"):
        w.cloud.alibaba.add_zone_record(zone.id, rr=rr, value="192.168.1.10")
    w.cloud.alibaba.bind_zone_vpc(zone.id, (vpc_of(w),))


def routed(w: AppCloud) -> None:
    (cen,) = w.cloud.alibaba.describe_cens()
    w.cloud.alibaba.route_private_zone_in_cen_to_vpc(
        cen.id, host_vpc_id=vpc_of(w), host_region_id=REGION, access_region_id=REGION
    )


def asked(w: AppCloud, source: str) -> list[bool]:
    """Whether each server's answer comes back to a machine."""
    topology = compile_topology(w.cloud)
    node = topology.node_of(source)
    probes = [Probe(node.own_address, server, "udp", source_port=40000, destination_port=DNS) for server in SERVERS]
    walks = [Simulation(topology).exchange(probe, source) for probe in probes]
    return [walk.reply is not None and walk.reply.delivered_to is not None for walk in walks]


REACH = {
    "nothing": ((), False, False),
    "a zone for the VPC": ((bound,), True, False),
    "a route across the CEN": ((routed,), True, True),
    "both": ((bound, routed), True, True),
}


@pytest.mark.requirement("S2-038")
@pytest.mark.parametrize(("prepare", "ecs", "laptop"), REACH.values(), ids=REACH.keys())
def test_who_reaches_the_servers(w: AppCloud, prepare, ecs: bool, laptop: bool) -> None:
    for one in prepare:
        one(w)
    assert asked(w, w.ecs.id) == [ecs] * 2
    assert asked(w, w.laptop.id) == [laptop] * 2


def test_servers_know_the_zones_of_their_vpc(w: AppCloud) -> None:
    bound(w)
    w.cloud.alibaba.add_zone("elsewhere.example")
    service = compile_topology(w.cloud).by_name[f"dns-{vpc_of(w)}"].name_service
    assert service is not None
    assert (service.addresses, service.zones) == (SERVERS, ("corp.example",))
    address = IPv4Address("192.168.1.10")
    assert service.names == tuple(Name(name, address, 60) for name in ("db.corp.example", "corp.example", "*.corp.example"))
