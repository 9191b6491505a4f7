"""VPCs, vSwitches and custom routes."""

from __future__ import annotations

import pytest

from lab.cloud.alibaba import RouteTable, Vpc


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.vswitch = lambda block, **given: w.alibaba.create_vswitch(w.vpc.id, block, **given)
    w.route = lambda block, kind="Instance", hop=w.ecs.id: w.alibaba.create_route_entry(w.vpc.route_table_id, block, kind, hop)
    return w


@pytest.mark.parametrize("block", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/28", "47.1.0.0/16"])
def test_a_vpc_comes_with_a_route_table(cloud, block) -> None:
    vpc = cloud.alibaba.create_vpc(block, vpc_name="main", region_id="eu-central-1")
    assert (str(vpc.cidr_block), vpc.vpc_name, vpc.region_id) == (block, "main", "eu-central-1")
    table = cloud.store.get(RouteTable, vpc.route_table_id)
    assert (table.vpc_id, table.routes) == (vpc.id, ())
    assert cloud.alibaba.describe_vpcs("eu-central-1") == (vpc,)
    assert cloud.alibaba.describe_vpcs("ap-southeast-1") == ()


def test_a_vswitch_is_in_the_first_zone_unless_told(w) -> None:
    first, second = w.vswitch("192.168.2.0/24"), w.vswitch("192.168.3.0/29", zone_id="ap-southeast-1c", v_switch_name="s")
    assert (first.zone_id, second.zone_id, second.v_switch_name) == ("ap-southeast-1a", "ap-southeast-1c", "s")
    assert w.alibaba.describe_vswitches(w.vpc.id) == (w.switch, first, second)


@pytest.mark.parametrize(
    ("kind", "hop"),
    [
        pytest.param("Instance", lambda w: w.ecs.id, id="instance"),
        pytest.param("NetworkInterface", lambda w: w.ecs_eni, id="interface"),
    ],
)
def test_a_custom_route_is_added_and_deleted(w, kind, hop) -> None:
    w.route("10.0.0.0/16", kind, hop(w))
    (entry,) = w.cloud.store.get(RouteTable, w.vpc.route_table_id).routes
    assert (str(entry.destination), entry.next_hop_type, entry.next_hop_id) == ("10.0.0.0/16", kind, hop(w))
    assert (entry.origin.resource, entry.origin.operation) == (w.vpc.route_table_id, "alibaba.create_route_entry")
    w.alibaba.delete_route_entry(w.vpc.route_table_id, "10.0.0.0/16")
    assert w.cloud.store.get(RouteTable, w.vpc.route_table_id).routes == ()


def test_an_empty_vpc_is_deleted_with_its_route_table(w) -> None:
    empty = w.alibaba.create_vpc("10.0.0.0/16")
    switch = w.alibaba.create_vswitch(empty.id, "10.0.0.0/24")
    w.alibaba.delete_vswitch(switch.id)
    w.alibaba.delete_vpc(empty.id)
    assert w.cloud.store.find(Vpc, empty.id) is None
    assert w.cloud.store.find(RouteTable, empty.route_table_id) is None


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.alibaba.create_vpc("10.0.0.0/8", region_id="x"), "InvalidRegionId.NotFound", id="region"),
        pytest.param(lambda w: w.alibaba.create_vpc("8.0.0.0/7"), "InvalidCidrBlock.Malformed", id="vpc too wide"),
        pytest.param(lambda w: w.alibaba.create_vpc("10.0.0.0/29"), "InvalidCidrBlock.Malformed", id="vpc too narrow"),
        pytest.param(lambda w: w.alibaba.create_vpc("10.0.0.1/8"), "InvalidCidrBlock.Malformed", id="vpc with host bits"),
        pytest.param(lambda w: w.alibaba.create_vpc("100.64.0.0/16"), "InvalidCidrBlock.Malformed", id="vpc of the provider's"),
        pytest.param(lambda w: w.alibaba.create_vpc("224.0.0.0/8"), "InvalidCidrBlock.Malformed", id="vpc of multicast"),
        pytest.param(lambda w: w.alibaba.delete_vpc("vpc-0"), "InvalidVpcId.NotFound", id="delete unknown vpc"),
        pytest.param(lambda w: w.alibaba.delete_vpc(w.vpc.id), "DependencyViolation", id="delete vpc in use"),
        pytest.param(
            lambda w: w.alibaba.create_vswitch("vpc-0", "192.168.2.0/24"),
            "InvalidVpcId.NotFound",
            id="vswitch of unknown vpc",
            marks=pytest.mark.requirement("S0-001"),
        ),
        pytest.param(lambda w: w.vswitch("192.168.2.0/24", zone_id="mars-1a"), "InvalidZoneId.NotFound", id="zone"),
        pytest.param(lambda w: w.vswitch("192.168.2.0/24", zone_id="ap-southeast-1"), "InvalidZoneId.NotFound", id="region"),
        pytest.param(lambda w: w.vswitch("10.0.0.0/24"), "InvalidCidrBlock.Malformed", id="vswitch outside"),
        pytest.param(lambda w: w.vswitch("192.168.2.0/30"), "InvalidCidrBlock.Malformed", id="vswitch too narrow"),
        pytest.param(lambda w: w.vswitch("192.168.2.1/24"), "InvalidCidrBlock.Malformed", id="vswitch with host bits"),
        pytest.param(lambda w: w.vswitch("192.168.0.0/22"), "InvalidCidrBlock.Overlapped", id="vswitch around another"),
        pytest.param(lambda w: w.vswitch("192.168.1.0/24"), "InvalidCidrBlock.Overlapped", id="vswitch twice"),
        pytest.param(lambda w: w.alibaba.delete_vswitch("vsw-0"), "InvalidVSwitchId.NotFound", id="delete unknown vswitch"),
        pytest.param(lambda w: w.alibaba.delete_vswitch(w.switch.id), "DependencyViolation", id="delete vswitch in use"),
        pytest.param(
            lambda w: w.alibaba.create_route_entry("vtb-0", "10.0.0.0/8", "Instance", w.ecs.id),
            "InvalidRouteTableId.NotFound",
            id="route table",
        ),
        pytest.param(lambda w: w.route("10.0.0.1/8"), "InvalidCidrBlock.Malformed", id="route with host bits"),
        pytest.param(lambda w: w.route("10.0.0.0/8", "Router"), "InvalidNextHopType.NotSupport", id="next hop type"),
        pytest.param(lambda w: w.route("10.0.0.0/8", "Instance", "i-0"), "InvalidNexthop.NotFound", id="next hop"),
        pytest.param(lambda w: w.route("10.0.0.0/8", "Instance", w.ecs_eni), "InvalidNexthop.NotFound", id="wrong kind of hop"),
        pytest.param(lambda w: w.route("10.0.0.0/8", hop=w.other_ecs.id), "InvalidNexthop.NotFound", id="hop in another vpc"),
        pytest.param(lambda w: w.route("9.0.0.0/8"), "RouterEntryConflict.Duplicated", id="route twice"),
        pytest.param(lambda w: w.route("192.168.1.0/24"), "RouterEntryConflict.Duplicated", id="route to a vswitch"),
        pytest.param(
            lambda w: w.alibaba.delete_route_entry(w.vpc.route_table_id, "8.0.0.0/8"), "InvalidRouteEntry.NotFound", id="no route"
        ),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.other_ecs = w.alibaba.run_instances(w.other_switch.id, w.other_group.id)
    w.route("9.0.0.0/8")
    refused(w.cloud, lambda: call(w), code)


def test_a_vpc_in_a_cen_is_not_deleted(w, refused) -> None:
    vpc = w.alibaba.create_vpc("10.0.0.0/16")
    w.alibaba.attach_cen_child_instance(w.cen, vpc.id, "VPC")
    assert w.cen in refused(w.cloud, lambda: w.alibaba.delete_vpc(vpc.id), "DependencyViolation").message
