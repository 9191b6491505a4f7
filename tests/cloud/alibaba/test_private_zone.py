"""PrivateZone: zones, records, who may ask, and what is refused."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from lab.cloud.alibaba.private_zone import SERVERS
from lab.cloud.alibaba.propagation import ccn_routes, vpc_routes

HERE, THERE = "ap-southeast-1", "cn-shanghai"
TO_SERVERS = {IPv4Network(server) for server in SERVERS}


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.zone = w.alibaba.add_zone("Corp.Example").id
    w.add = lambda **record: w.alibaba.add_zone_record(w.zone, **{"rr": "db", "value": "192.168.1.10"} | record)
    w.alibaba.attach_cen_child_instance(w.cen, w.vpc.id, "VPC")
    w.alibaba.attach_cen_child_instance(w.cen, w.other_vpc.id, "VPC")
    w.alibaba.attach_ccn_instance_to_cen(w.ccn, w.cen)
    w.route = lambda **route: w.alibaba.route_private_zone_in_cen_to_vpc(
        w.cen, **{"host_vpc_id": w.vpc.id, "host_region_id": HERE, "access_region_id": HERE} | route
    )
    w.known = lambda routes: {route.destination for route in routes} & TO_SERVERS
    return w


def test_names_are_kept_in_lower_case(w) -> None:
    w.add(rr="DB.West")
    (zone,) = w.alibaba.describe_zones()
    assert (zone.zone_name, [record.rr for record in zone.records]) == ("corp.example", ["db.west"])


def test_record_is_added_and_taken_away(w) -> None:
    kept, gone = w.add(), w.add(value="192.168.1.11", ttl=5)
    w.alibaba.delete_zone_record(gone.record_id)
    assert w.alibaba.describe_zones()[0].records == (kept,)


@pytest.mark.requirement("S2-038")
def test_servers_are_known_to_the_ccn_as_long_as_the_route_is_there(w) -> None:
    assert w.known(ccn_routes(w.cloud.store, w.ccn)) == set()
    w.route()
    assert w.known(ccn_routes(w.cloud.store, w.ccn)) == TO_SERVERS
    assert w.known(vpc_routes(w.cloud.store, w.other_vpc.id)) == set()
    w.alibaba.unroute_private_zone_in_cen_to_vpc(w.cen, access_region_id=HERE)
    assert w.known(ccn_routes(w.cloud.store, w.ccn)) == set()


def test_servers_are_known_in_the_region_of_access_alone(w) -> None:
    w.route(access_region_id=THERE)
    assert w.known(ccn_routes(w.cloud.store, w.ccn)) == set()


def test_route_ends_with_the_attachment_of_its_host(w) -> None:
    w.route()
    w.alibaba.detach_cen_child_instance(w.cen, w.vpc.id, "VPC")
    assert w.alibaba.describe_cen_private_zone_routes(w.cen) == ()


REFUSED = {
    "a zone twice": (lambda w: w.alibaba.add_zone("corp.example"), "Zone.Exists"),
    "a zone that is no name": (lambda w: w.alibaba.add_zone("corp..example"), "Zone.Invalid.Name"),
    "a zone that begins with a dash": (lambda w: w.alibaba.add_zone("-corp.example"), "Zone.Invalid.Name"),
    "a zone that breaks a line": (lambda w: w.alibaba.add_zone("corp\nserver=8.8.8.8"), "Zone.Invalid.Name"),
    "a record of an unknown zone": (lambda w: w.alibaba.add_zone_record("pvtz-0", rr="a", value="10.0.0.1"), "Zone.NotExists"),
    "another type": (lambda w: w.add(type="AAAA"), "Record.Invalid.Type"),
    "a name that is none": (lambda w: w.add(rr="d b"), "Record.Invalid.Rr"),
    "a name that is too long": (lambda w: w.add(rr=".".join(["x" * 60] * 4)), "Record.Invalid.Rr"),
    "no address": (lambda w: w.add(value="192.168.1"), "Record.Invalid.Value"),
    "too short a life": (lambda w: w.add(ttl=4), "Record.Invalid.Ttl"),
    "the same record twice": (lambda w: (w.add(), w.add(ttl=90)), "Record.Exists"),
    "an unknown record": (lambda w: w.alibaba.delete_zone_record("rr-0"), "Record.NotExists"),
    "an unknown VPC": (lambda w: w.alibaba.bind_zone_vpc(w.zone, (w.vpc.id, "vpc-0")), "InvalidVpcId.NotFound"),
    "a host of another region": (lambda w: w.route(host_region_id=THERE), "ParameterInstanceId"),
    "a CCN for a host": (lambda w: w.route(host_vpc_id=w.ccn), "ParameterInstanceId"),
    "an unknown region": (lambda w: w.route(access_region_id="mars"), "InvalidRegionId.NotFound"),
    "no route to take away": (
        lambda w: w.alibaba.unroute_private_zone_in_cen_to_vpc(w.cen, access_region_id=HERE),
        "InvalidOperation.PrivateZoneNotExist",
    ),
}


@pytest.mark.parametrize(("call", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals(w, call, code: str) -> None:
    before = w.alibaba.describe_zones()
    with pytest.raises(Exception, match=code) as caught:
        call(w)
    assert caught.value.code == code
    if code != "Record.Exists":
        assert w.alibaba.describe_zones() == before


AFTERWARDS = {
    "the region asks already": (lambda w: w.route(), "InvalidOperation.PrivateZoneAlreadyExist"),
    "another host": (
        lambda w: w.route(host_vpc_id=w.other_vpc.id, access_region_id=THERE),
        "InvalidOperation.PrivateZoneAlreadyExist",
    ),
    "deleting a bound zone": (lambda w: w.alibaba.delete_zone(w.zone), "Zone.VpcExists"),
}


@pytest.mark.parametrize(("call", "code"), AFTERWARDS.values(), ids=AFTERWARDS.keys())
def test_refusals_once_it_serves(w, refused, call, code: str) -> None:
    w.route()
    w.alibaba.bind_zone_vpc(w.zone, (w.vpc.id,))
    refused(w.cloud, lambda: call(w), code)
