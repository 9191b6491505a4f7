"""Publishing routes to a CEN, and the routes that cannot be taken."""

from __future__ import annotations

import pytest

from lab.cloud import CloudError
from lab.cloud.alibaba import RouteTable
from lab.cloud.alibaba.propagation import ROUTES, vpc_routes

SINGAPORE = "ap-southeast-1"
CUSTOM = "10.9.0.0/16"


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    table = w.vpc.route_table_id
    w.alibaba.attach_cen_child_instance(w.cen, w.vpc.id, "VPC")
    w.alibaba.attach_cen_child_instance(w.cen, w.other_vpc.id, "VPC")
    w.alibaba.create_route_entry(table, CUSTOM, "Instance", w.ecs.id)
    w.key = (w.cen, w.vpc.id, "VPC", SINGAPORE, table)
    w.publish = lambda block, *key: w.alibaba.publish_route_entries(*(key or w.key), block)
    w.withdraw = lambda block, *key: w.alibaba.withdraw_published_route_entries(*(key or w.key), block)
    w.status = lambda: [
        (str(it.destination), it.route_type, it.publish_status) for it in w.alibaba.describe_published_route_entries(*w.key)
    ]
    w.learned = lambda vpc=w.other_vpc: [str(route.destination) for route in vpc_routes(w.cloud.store, vpc.id)]
    w.conflicts = lambda vpc=w.other_vpc: [
        (str(it.destination), it.instance_id, it.region_id, str(it.status))
        for it in w.alibaba.describe_route_conflict(vpc.id, "VPC", SINGAPORE)
    ]
    return w


OWN, HIDDEN = ("192.168.0.0/16", "System", "Published"), ("192.168.0.0/16", "System", "NonPublished")


@pytest.mark.parametrize(
    ("calls", "status", "learned"),
    [
        pytest.param([], [OWN, (CUSTOM, "Custom", "NonPublished")], ["192.168.0.0/16"], id="system routes only"),
        pytest.param(
            [("publish", CUSTOM)], [OWN, (CUSTOM, "Custom", "Published")], ["192.168.0.0/16", CUSTOM], id="custom published"
        ),
        pytest.param([("publish", CUSTOM)] * 2, [OWN, (CUSTOM, "Custom", "Published")], ["192.168.0.0/16", CUSTOM], id="twice"),
        pytest.param(
            [("publish", CUSTOM), ("withdraw", CUSTOM)],
            [OWN, (CUSTOM, "Custom", "NonPublished")],
            ["192.168.0.0/16"],
            id="custom withdrawn",
        ),
        pytest.param(
            [("withdraw", "192.168.0.0/16")], [HIDDEN, (CUSTOM, "Custom", "NonPublished")], [], id="system route withdrawn"
        ),
        pytest.param(
            [("withdraw", "192.168.0.0/16"), ("publish", "192.168.0.0/16")],
            [OWN, (CUSTOM, "Custom", "NonPublished")],
            ["192.168.0.0/16"],
            id="system route published again",
        ),
    ],
)
def test_what_is_published_is_learned(w, calls, status, learned) -> None:
    for name, block in calls:
        getattr(w, name)(block)
    assert w.status() == status
    assert w.learned() == learned


def test_a_published_routes_origin_is_the_call_that_published_it(w) -> None:
    w.publish(CUSTOM)
    route = vpc_routes(w.cloud.store, w.other_vpc.id)[-1]
    assert (route.next_hop_id, route.next_hop_type, route.child_instance_id) == (w.vpc.id, "VPC", w.vpc.id)
    assert (route.origin.resource, route.origin.operation) == (w.vpc.route_table_id, "alibaba.publish_route_entries")


@pytest.mark.parametrize(
    "goes",
    [
        pytest.param(lambda w: w.alibaba.delete_route_entry(w.vpc.route_table_id, CUSTOM), id="the route"),
        pytest.param(lambda w: w.alibaba.detach_cen_child_instance(w.cen, w.vpc.id, "VPC"), id="the attachment"),
    ],
)
def test_a_publication_goes_with(w, goes) -> None:
    w.publish(CUSTOM)
    goes(w)
    assert CUSTOM not in w.learned()
    assert all(route.publish_origin is None for route in w.cloud.store.get(RouteTable, w.vpc.route_table_id).routes)


def enter(w, block: str) -> None:
    """A custom route in the other VPC."""
    group = w.alibaba.run_instances(w.other_switch.id, w.other_group.id)
    w.alibaba.create_route_entry(w.other_vpc.route_table_id, block, "Instance", group.id)


@pytest.mark.parametrize(
    ("block", "arranged", "status"),
    [
        pytest.param(CUSTOM, lambda w: enter(w, CUSTOM), "conflict", id="a custom route to the same destination"),
        pytest.param("172.16.0.0/12", lambda w: None, "conflict", id="the VPC's own block"),
        pytest.param("172.16.1.0/24", lambda w: None, "conflict", id="a vSwitch's block"),
        pytest.param("100.64.1.0/24", lambda w: None, "prohibited", id="the provider's own block"),
        pytest.param("224.0.0.0/8", lambda w: None, "prohibited", id="multicast"),
    ],
)
def test_a_route_that_cannot_be_taken_is_listed_and_not_learned(w, block, arranged, status) -> None:
    arranged(w)
    if block != CUSTOM:
        w.alibaba.create_route_entry(w.vpc.route_table_id, block, "Instance", w.ecs.id)
    w.publish(block)
    assert w.conflicts() == [(block, w.vpc.id, SINGAPORE, status)]
    assert block not in w.learned()


def test_overlap_without_equality_is_no_conflict(w) -> None:
    enter(w, "10.9.1.0/24")
    w.publish(CUSTOM)
    assert w.conflicts() == []
    assert CUSTOM in w.learned()


def test_what_announces_itself_comes_before_what_is_published(w) -> None:
    """A published route to another VPC's block loses, whichever of the two is attached first."""
    third = w.alibaba.create_vpc(CUSTOM)
    w.publish(CUSTOM)
    w.alibaba.attach_cen_child_instance(w.cen, third.id, "VPC")
    (taken,) = [route for route in vpc_routes(w.cloud.store, w.other_vpc.id) if str(route.destination) == CUSTOM]
    assert taken.next_hop_id == third.id
    lost = [(str(it.destination), it.next_hop_id, it.status) for it in w.alibaba.describe_cen_region_domain_route_entries(w.cen)]
    assert (CUSTOM, w.vpc.id, "conflict") in lost


def test_routes_beyond_the_number_a_network_takes_overflow(w) -> None:
    for number in range(ROUTES):
        block = f"11.{number}.0.0/16"
        w.alibaba.create_route_entry(w.vpc.route_table_id, block, "Instance", w.ecs.id)
        w.publish(block)
    assert len(w.learned()) == ROUTES
    assert w.conflicts() == [(f"11.{ROUTES - 1}.0.0/16", w.vpc.id, SINGAPORE, "overflow")]


def test_a_ccn_has_conflicts_too(w) -> None:
    w.alibaba.create_route_entry(w.vpc.route_table_id, "10.0.0.0/16", "Instance", w.ecs.id)
    w.publish("10.0.0.0/16")
    w.alibaba.bind_smart_access_gateway(w.ccn, w.sag)
    w.alibaba.attach_ccn_instance_to_cen(w.ccn, w.cen)
    (conflict,) = w.alibaba.describe_route_conflict(w.ccn, "CCN", SINGAPORE)
    assert (str(conflict.destination), conflict.instance_id, conflict.status) == ("10.0.0.0/16", w.vpc.id, "conflict")


@pytest.mark.parametrize("call", ["publish", "withdraw"])
@pytest.mark.parametrize(
    ("change", "block", "code"),
    [
        pytest.param({0: "cen-0"}, CUSTOM, "ParameterCenInstanceId", id="cen"),
        pytest.param({1: "vpc-0"}, CUSTOM, "ParameterInstanceId", id="vpc"),
        pytest.param({2: "CCN"}, CUSTOM, "InvalidParameter", id="type"),
        pytest.param({3: "cn-hangzhou"}, CUSTOM, "ParameterInstanceId", id="region"),
        pytest.param({4: "vtb-0"}, CUSTOM, "InvalidRouteTableId.NotFound", id="table"),
        pytest.param({0: "other"}, CUSTOM, "ParameterInstanceId", id="not attached"),
        pytest.param({4: "foreign"}, CUSTOM, "InvalidRouteTableId.NotFound", id="another VPC's table"),
        pytest.param({}, "10.9.0.1/16", "InvalidCidrBlock.Malformed", id="host bits"),
        pytest.param({}, "10.8.0.0/16", "InvalidRouteEntry.NotFound", id="no such route"),
    ],
)
def test_refused(w, refused, call, change, block, code) -> None:
    named = {"other": w.other_cen, "foreign": w.other_vpc.route_table_id}
    key = [named.get(change.get(position, value), change.get(position, value)) for position, value in enumerate(w.key)]
    refused(w.cloud, lambda: getattr(w, call)(block, *key), code)


def test_the_conflicts_of_what_does_not_exist(w) -> None:
    with pytest.raises(CloudError, match="ParameterInstanceId"):
        w.alibaba.describe_route_conflict("vpc-0", "VPC", SINGAPORE)
