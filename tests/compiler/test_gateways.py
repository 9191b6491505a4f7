"""Gateways in service: pairs of devices, arrears, and several gateways on one CCN, in one region or more.

a 192.168.1.10 ── vpc ── cen ── ccn ══ vcpe of each site 10.N.0.10, on an edge node with host 10.N.0.20
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from lab.cloud import Cloud
from lab.cloud.alibaba import ENS_LINUX, ENS_SAG_VCPE, SmartAccessGateway
from lab.compiler import compile_topology
from lab.simulation import Simulation
from lab.topology import NodeKind, TunnelPeer

BOTH = "there and back"
SINGAPORE, HANGZHOU, SHANGHAI, FRANKFURT = "ap-southeast-1", "cn-hangzhou", "cn-shanghai", "eu-central-1"
ALIBABA = "192.168.0.0/16"
ACTIVE_ACTIVE, ACTIVE_STANDBY = "warm_backup", "cold_backup"


@dataclass
class Site:
    """An edge node behind a gateway: `machines` are those of its devices, in the order in which these were bought."""

    sag: str
    block: str
    network: str
    machines: list[str]
    host: str


class World:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.alibaba = cloud, cloud.alibaba
        self.ccn = self.alibaba.create_cloud_connect_network().id

    def site(self, number: int, *, mode: str = "no_backup", region: str = SINGAPORE, ccn: str = "", routes: str = "") -> Site:
        """10.`number`.0.0/16 with a vCPE for each device at .10 and .11, and a host at .20 whose `routes` lead to the first."""
        alibaba, block = self.alibaba, f"10.{number}.0.0/16"
        gateway = alibaba.create_smart_access_gateway(region, ha_type=mode).gateways[0]
        alibaba.activate_smart_access_gateway(gateway.id)
        alibaba.modify_smart_access_gateway(gateway.id, cidr_block=block)
        alibaba.bind_smart_access_gateway(ccn or self.ccn, gateway.id)
        network = alibaba.create_ens_network(block).id
        machines = []
        for rank, device in enumerate(gateway.devices):
            machine = alibaba.run_ens_instances(
                ENS_SAG_VCPE,
                network_id=network,
                private_ip_address=f"10.{number}.0.{10 + rank}",
                user_data=json.dumps({"sn": device.serial_number, "key": device.secret_key}),
            )
            alibaba.modify_ens_instance_attribute(machine.id, source_dest_check=False)
            machines.append(machine.id)
        host = alibaba.run_ens_instances(
            ENS_LINUX, network_id=network, private_ip_address=f"10.{number}.0.20", public_ip_identification=False
        )
        for destination in filter(None, routes.split()):
            alibaba.create_ens_route_entry(network, destination, machines[0])
        return Site(gateway.id, block, network, machines, host.id)

    def join(self) -> str:
        """A CEN with the CCN and a VPC with a host 192.168.1.10, whose id is returned."""
        vpc = self.alibaba.create_vpc(ALIBABA)
        switch, group = self.alibaba.create_vswitch(vpc.id, "192.168.1.0/24"), self.alibaba.create_security_group(vpc.id)
        self.alibaba.authorize_security_group(group.id, source_cidr_ip="10.0.0.0/8")
        self.cen = self.alibaba.create_cen(ccn_id=self.ccn).id
        self.alibaba.attach_cen_child_instance(self.cen, vpc.id, "VPC")
        return str(self.alibaba.run_instances(switch.id, group.id, private_ip_address="192.168.1.10").id)

    def repoint(self, site: Site, machine: str) -> None:
        """What a customer's script does after a switch: the route to the machine of the active device."""
        self.alibaba.delete_ens_route_entry(site.network, ALIBABA)
        self.alibaba.create_ens_route_entry(site.network, ALIBABA, machine)

    def peers(self) -> list[TunnelPeer]:
        services = compile_topology(self.cloud).node_of(self.ccn).services
        return [peer for tunnel in services for peer in tunnel.peers]

    def normal(self, tunnel: str) -> bool:
        ends = Simulation(compile_topology(self.cloud)).vpn_ends(tunnel)
        return bool(ends) and not any(end.reason for end in ends)


@pytest.fixture
def w(cloud: Cloud) -> World:
    return World(cloud)


# Pairs


@pytest.mark.requirement("S0-017")
def test_both_devices_of_an_active_active_pair_connect_and_the_routes_follow_the_active_one(w: World) -> None:
    site = w.site(1, mode=ACTIVE_ACTIVE)
    _, standby = w.cloud.store.get(SmartAccessGateway, site.sag).devices
    assert [(peer.name, [str(it) for it in peer.prefixes]) for peer in w.peers()] == [
        (site.sag, [site.block]),
        (standby.serial_number, []),
    ]
    assert w.normal(site.sag)
    assert w.normal(standby.serial_number)
    w.alibaba.switch_smart_access_gateway_device(site.sag)
    assert [(peer.name, peer.leads, [str(it) for it in peer.prefixes]) for peer in w.peers()] == [
        (standby.serial_number, site.sag, [site.block]),
        (site.sag, "", []),
    ]
    assert w.normal(site.sag)


def test_of_an_active_standby_pair_the_active_one_connects(w: World, fate) -> None:
    site = w.site(1, mode=ACTIVE_STANDBY, routes=ALIBABA)
    ecs = w.join()
    assert [peer.name for peer in w.peers()] == [site.sag]
    assert fate(site.host, "192.168.1.10") == BOTH
    w.repoint(site, site.machines[1])
    assert fate(site.host, "192.168.1.10") == "there: SAG_DEVICE_STANDBY"
    w.alibaba.switch_smart_access_gateway_device(site.sag)
    assert fate(site.host, "192.168.1.10") == fate(ecs, "10.1.0.20") == BOTH


@pytest.mark.requirement("S0-018")
@pytest.mark.parametrize(
    ("mode", "after_the_fault"),
    [
        pytest.param(ACTIVE_ACTIVE, BOTH, id="fails over by itself"),
        pytest.param(ACTIVE_STANDBY, "there: SAG_DEVICE_STANDBY", id="is switched by hand"),
    ],
)
def test_the_standby_device_takes_over_from_one_that_fails(w: World, fate, mode, after_the_fault) -> None:
    site = w.site(1, mode=mode, routes=ALIBABA)
    ecs = w.join()
    assert fate(ecs, "10.1.0.20") == BOTH
    w.alibaba.stop_ens_instance(site.machines[0])
    assert fate(site.host, "192.168.1.10") == "there: BAD_STATE_ROUTE"
    w.repoint(site, site.machines[1])
    assert fate(site.host, "192.168.1.10") == after_the_fault
    if mode == ACTIVE_STANDBY:
        w.alibaba.switch_smart_access_gateway_device(site.sag)
    w.alibaba.start_ens_instance(site.machines[0])
    assert fate(site.host, "192.168.1.10") == fate(ecs, "10.1.0.20") == BOTH


def test_what_a_standby_device_sends_is_refused(w: World, fate) -> None:
    site = w.site(1, mode=ACTIVE_ACTIVE, routes=ALIBABA)
    w.join()
    w.repoint(site, site.machines[1])
    assert fate(site.host, "192.168.1.10") == "there: OUTSIDE_SELECTOR"


@pytest.mark.requirement("S0-019")
def test_a_pair_works_with_its_active_device_alone(w: World, fate) -> None:
    site = w.site(1, mode=ACTIVE_ACTIVE, routes=ALIBABA)
    ecs = w.join()
    w.alibaba.release_ens_instance(site.machines[1])
    assert w.normal(site.sag)
    assert fate(site.host, "192.168.1.10") == fate(ecs, "10.1.0.20") == BOTH


# Subscriptions


@pytest.mark.requirement("S0-023")
def test_a_gateway_in_arrears_serves_nobody_until_it_is_renewed(w: World, fate) -> None:
    site = w.site(1, routes=ALIBABA)
    ecs = w.join()
    w.cloud.clock.move_forward(months=1)
    assert w.peers() == []
    assert compile_topology(w.cloud).node_of(site.machines[0]).kind is NodeKind.GATEWAY
    assert fate(site.host, "192.168.1.10") == "there: SAG_OVERDUE_PAYMENT"
    assert fate(ecs, "10.1.0.20") == "there: NO_ROUTE_TO_DESTINATION"
    w.alibaba.renew_instance(site.sag, 1)
    assert fate(site.host, "192.168.1.10") == fate(ecs, "10.1.0.20") == BOTH


@pytest.mark.requirement("S0-047")
def test_what_is_behind_a_gateway_and_was_not_entered_stays_out_of_reach(w: World, fate) -> None:
    site = w.site(1, routes=ALIBABA)
    ecs = w.join()
    beyond = w.alibaba.run_ens_instances(
        ENS_LINUX, network_id=site.network, private_ip_address="10.1.9.20", public_ip_identification=False
    ).id
    assert fate(ecs, "10.1.9.20") == fate(beyond, "192.168.1.10") == BOTH
    w.alibaba.modify_smart_access_gateway(site.sag, cidr_block="10.1.0.0/24")
    assert fate(ecs, "10.1.0.20") == fate(site.host, "192.168.1.10") == BOTH
    assert fate(ecs, "10.1.9.20") == "there: NO_ROUTE_TO_DESTINATION"
    assert fate(beyond, "192.168.1.10") == "there: OUTSIDE_SELECTOR"


# A device that has never trusted its controller


@pytest.mark.requirement("S0-050")
def test_a_device_that_trusts_no_certificate_has_no_tunnel_until_it_does_and_keeps_it_then(w: World, fate) -> None:
    site = w.site(1, routes=ALIBABA)
    ecs, (vcpe,) = w.join(), site.machines

    def certify_and_let_expire() -> None:
        w.alibaba.issue_controller_certificate(days=1)
        w.cloud.clock.move_forward(days=2)

    certify_and_let_expire()
    assert fate(site.host, "192.168.1.10") == BOTH, "it was configured before"
    w.alibaba.stop_ens_instance(vcpe)
    w.alibaba.start_ens_instance(vcpe)
    assert fate(site.host, "192.168.1.10") == "there: SAG_DEVICE_NOT_CONFIGURED"
    assert fate(ecs, "10.1.0.20") == "there: PEER_NOT_HEARD"
    certify_and_let_expire()
    assert fate(site.host, "192.168.1.10") == fate(ecs, "10.1.0.20") == BOTH, "it called while the certificate was good"


# Several


def test_gateways_of_one_ccn_reach_each_other_without_a_cen(w: World, fate) -> None:
    sites = [w.site(number, routes=" ".join(f"10.{n}.0.0/16" for n in (1, 2, 3) if n != number)) for number in (1, 2, 3)]
    for site in sites:
        for number in (1, 2, 3):
            assert fate(site.host, f"10.{number}.0.20") == BOTH
    w.alibaba.unbind_smart_access_gateway(w.ccn, sites[1].sag)
    assert fate(sites[0].host, "10.2.0.20") == "there: NO_ROUTE_TO_DESTINATION"
    assert fate(sites[0].host, "10.3.0.20") == BOTH


def test_a_gateway_of_another_ccn_is_reached_through_their_cen(w: World, fate) -> None:
    """Both CCNs in one area; nothing is known of each other before both are in the CEN."""
    other = w.alibaba.create_cloud_connect_network().id
    here, there = w.site(1, routes="10.2.0.0/16"), w.site(2, ccn=other, routes="10.1.0.0/16")
    w.join()
    assert fate(here.host, "10.2.0.20") == "there: NO_ROUTE_TO_DESTINATION"
    w.alibaba.attach_ccn_instance_to_cen(other, w.cen)
    assert fate(here.host, "10.2.0.20") == fate(there.host, "10.1.0.20") == BOTH


@pytest.mark.parametrize(
    ("regions", "bandwidth", "expected"),
    [
        pytest.param((HANGZHOU, SHANGHAI), False, BOTH, id="two regions of one area"),
        pytest.param((SINGAPORE, FRANKFURT), False, "there: CEN_NO_BANDWIDTH_PLAN", id="two areas"),
        pytest.param((SINGAPORE, FRANKFURT), True, BOTH, id="two areas with bandwidth between them"),
    ],
)
def test_gateways_of_several_regions(w: World, fate, regions, bandwidth, expected) -> None:
    ccns = [w.alibaba.create_cloud_connect_network(region_id=region).id for region in regions]
    here, there = (
        w.site(number, region=region, ccn=ccn, routes=f"10.{3 - number}.0.0/16")
        for number, region, ccn in zip((1, 2), regions, ccns, strict=True)
    )
    cen = w.alibaba.create_cen().id
    for ccn in ccns:
        w.alibaba.attach_ccn_instance_to_cen(ccn, cen)
    if bandwidth:
        plan = w.alibaba.create_cen_bandwidth_package(10, "Asia-Pacific", "Europe")
        w.alibaba.associate_cen_bandwidth_package(cen, plan.id)
        w.alibaba.set_cen_inter_region_bandwidth_limit(cen, *regions, 10)
    assert fate(here.host, "10.2.0.20") == fate(there.host, "10.1.0.20") == expected


@pytest.mark.requirement("S0-061")
def test_a_rule_for_one_host_admits_no_other(w: World, fate) -> None:
    site = w.site(1, routes=ALIBABA)
    ecs = w.join()
    group = w.alibaba.describe_security_groups()[0]
    w.alibaba.revoke_security_group(group.id, source_cidr_ip="10.0.0.0/8")
    w.alibaba.authorize_security_group(group.id, source_cidr_ip="10.1.0.20/32")
    assert fate(site.host, "192.168.1.10") == BOTH
    assert fate(site.machines[0], "192.168.1.10") == "there: ECS_SG_RULES_MISMATCH"
    assert fate(ecs, "10.1.0.20") == BOTH
