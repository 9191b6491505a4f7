"""CCN and CEN: creating, binding, detaching."""

from __future__ import annotations

import pytest

from lab.cloud.alibaba import Cen, CloudConnectNetwork


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.attach = w.alibaba.attach_cen_child_instance
    w.detach = w.alibaba.detach_cen_child_instance
    w.attach_ccn = w.alibaba.attach_ccn_instance_to_cen
    w.children = lambda cen: [(it.child_instance_id, it.child_instance_type) for it in w.cloud.store.get(Cen, cen).attachments]
    w.network = lambda: w.cloud.store.get(CloudConnectNetwork, w.ccn)
    return w


@pytest.mark.requirement("S0-055")
@pytest.mark.parametrize(
    "bind",
    [
        pytest.param(lambda w: w.attach_ccn(w.ccn, w.cen), id="by the gateway's API"),
        pytest.param(lambda w: w.attach(w.cen, w.ccn, "CCN"), id="by the CEN's API"),
    ],
)
@pytest.mark.parametrize(
    "loosen",
    [
        pytest.param(lambda w: w.alibaba.detach_ccn_instance_from_cen(w.ccn, w.cen), id="by the gateway's API"),
        pytest.param(lambda w: w.detach(w.cen, w.ccn, "CCN"), id="by the CEN's API"),
    ],
)
def test_a_ccn_is_bound_to_an_existing_cen_and_loosened(w, bind, loosen) -> None:
    bind(w)
    assert (w.network().cen_id, w.children(w.cen)) == (w.cen, [(w.ccn, "CCN")])
    origin = w.network().cen_origin
    assert (origin.resource, origin.number) == (w.ccn, len(w.cloud.journal))
    loosen(w)
    assert (w.network().cen_id, w.children(w.cen)) == (None, [])
    bind(w)
    assert w.network().cen_id == w.cen


@pytest.mark.requirement("S0-056")
def test_a_cen_is_created_and_bound_in_one_act(w) -> None:
    calls = len(w.cloud.journal)
    cen = w.alibaba.create_cen("new-cen", ccn_id=w.ccn)
    assert len(w.cloud.journal) == calls + 1
    assert (cen.child_instance_ids, w.network().cen_id) == ((w.ccn,), cen.id)
    assert cen.attachments[0].origin.operation == w.network().cen_origin.operation == "alibaba.create_cen"


def test_vpcs_of_several_regions_are_attached(w) -> None:
    tokyo = w.alibaba.create_vpc("10.20.0.0/16", region_id="ap-northeast-1")
    w.attach(w.cen, w.vpc.id, "VPC", "ap-southeast-1")
    w.attach(w.cen, tokyo.id, "VPC", child_instance_region_id="ap-northeast-1")
    assert w.children(w.cen) == [(w.vpc.id, "VPC"), (tokyo.id, "VPC")]
    w.detach(w.cen, w.vpc.id, "VPC")
    assert w.children(w.cen) == [(tokyo.id, "VPC")]
    w.attach(w.other_cen, w.vpc.id, "VPC")


@pytest.mark.parametrize(
    ("protection_level", "block", "refusal"),
    [
        pytest.param("REDUCED", "192.168.0.0/16", True, id="reduced, equal"),
        pytest.param("REDUCED", "192.168.0.0/17", False, id="reduced, inside"),
        pytest.param("REDUCED", "192.0.0.0/8", False, id="reduced, around"),
        pytest.param("FULL", "192.168.0.0/16", True, id="full, equal"),
        pytest.param("FULL", "192.168.0.0/17", True, id="full, inside"),
        pytest.param("FULL", "10.0.0.0/8", False, id="full, beside"),
    ],
)
def test_the_protection_level_decides_what_may_live_together(w, refused, protection_level, block, refusal) -> None:
    cen = w.alibaba.create_cen("level", protection_level=protection_level)
    w.attach(cen.id, w.vpc.id, "VPC")
    vpc = w.alibaba.create_vpc(block)
    if refusal:
        error = refused(w.cloud, lambda: w.attach(cen.id, vpc.id, "VPC"), "CidrConflict")
        assert all(part in error.message for part in (block, vpc.id, "192.168.0.0/16", w.vpc.id, cen.id))
    else:
        w.attach(cen.id, vpc.id, "VPC")
        assert len(w.children(cen.id)) == 2


def test_a_ccn_whose_gateways_conflict_with_the_cen_is_refused(w, refused) -> None:
    w.alibaba.modify_smart_access_gateway(w.sag, cidr_block="192.168.0.0/16")
    w.alibaba.bind_smart_access_gateway(w.ccn, w.sag)
    w.attach(w.cen, w.vpc.id, "VPC")
    refused(w.cloud, lambda: w.attach_ccn(w.ccn, w.cen), "CidrConflict")
    refused(w.cloud, lambda: w.attach(w.cen, w.ccn, "CCN"), "CidrConflict")
    w.attach_ccn(w.ccn, w.other_cen)
    refused(w.cloud, lambda: w.detach(w.cen, w.ccn, "CCN"), "ParameterInstanceId")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(
            lambda w: w.alibaba.create_cloud_connect_network("ccn-3", region_id="mars"),
            "InvalidRegionId.NotFound",
            id="region",
        ),
        pytest.param(lambda w: w.alibaba.delete_cloud_connect_network("ccn-0"), "InvalidId.CCN", id="delete unknown ccn"),
        pytest.param(lambda w: w.alibaba.delete_cloud_connect_network(w.bound_ccn), "AlreadyBound.CEN", id="delete bound ccn"),
        pytest.param(
            lambda w: w.alibaba.delete_cloud_connect_network(w.full_ccn), "AlreadyBound.SMARTAG", id="delete ccn with a gateway"
        ),
        pytest.param(lambda w: w.attach_ccn("ccn-0", w.cen), "InvalidId.CCN", id="bind unknown ccn"),
        pytest.param(
            lambda w: w.attach_ccn(w.ccn, "cen-0"),
            "ParameterCenInstanceId",
            id="bind to unknown cen",
            marks=pytest.mark.requirement("S0-055"),
        ),
        pytest.param(lambda w: w.attach_ccn(w.bound_ccn, w.other_cen), "AlreadyBound.CEN", id="bind to a second cen"),
        pytest.param(lambda w: w.attach_ccn(w.bound_ccn, w.cen), "AlreadyBound.CEN", id="bind twice"),
        pytest.param(
            lambda w: w.attach_ccn(w.sag, w.cen), "InvalidId.CCN", id="bind a gateway", marks=pytest.mark.requirement("S0-053")
        ),
        pytest.param(
            lambda w: w.attach(w.cen, w.sag, "CCN"),
            "ParameterInstanceId",
            id="attach a gateway as a ccn",
            marks=pytest.mark.requirement("S0-053"),
        ),
        pytest.param(
            lambda w: w.attach(w.cen, w.sag, "SAG"),
            "InvalidParameter",
            id="attach a gateway as itself",
            marks=pytest.mark.requirement("S0-053"),
        ),
        pytest.param(lambda w: w.alibaba.create_cen("new", ccn_id="ccn-0"), "InvalidId.CCN", id="create for unknown ccn"),
        pytest.param(lambda w: w.alibaba.create_cen("new", ccn_id=w.bound_ccn), "AlreadyBound.CEN", id="create for bound ccn"),
        pytest.param(lambda w: w.alibaba.create_cen("new", protection_level="NONE"), "InvalidParameter", id="level"),
        pytest.param(lambda w: w.alibaba.delete_cen("cen-0"), "ParameterCenInstanceId", id="delete unknown cen"),
        pytest.param(lambda w: w.alibaba.delete_cen(w.cen), "InvalidOperation.CenInstanceStatus", id="delete cen in use"),
        pytest.param(
            lambda w: w.attach("cen-0", w.vpc.id, "VPC"),
            "ParameterCenInstanceId",
            id="attach to unknown",
            marks=pytest.mark.requirement("S0-001"),
        ),
        pytest.param(
            lambda w: w.attach(w.cen, "vpc-0", "VPC"),
            "ParameterInstanceId",
            id="attach unknown",
            marks=pytest.mark.requirement("S0-001"),
        ),
        pytest.param(lambda w: w.attach(w.cen, w.vpc.id, "CCN"), "ParameterInstanceId", id="attach a vpc as a ccn"),
        pytest.param(lambda w: w.attach(w.cen, w.vpc.id, "VPC", "cn-hangzhou"), "ParameterInstanceId", id="other region"),
        pytest.param(lambda w: w.detach(w.cen, w.vpc.id, "VPC", "cn-hangzhou"), "ParameterInstanceId", id="detach, region"),
        pytest.param(
            lambda w: w.attach(w.other_cen, w.in_cen.id, "VPC"), "InvalidOperation.ChildInstanceAlreadyAttached", id="second cen"
        ),
        pytest.param(
            lambda w: w.attach(w.cen, w.in_cen.id, "VPC"), "InvalidOperation.ChildInstanceAlreadyAttached", id="attach twice"
        ),
        pytest.param(
            lambda w: w.attach(w.other_cen, w.bound_ccn, "CCN"), "InvalidOperation.ChildInstanceAlreadyAttached", id="ccn, second"
        ),
        pytest.param(lambda w: w.detach(w.cen, w.vpc.id, "VPC"), "ParameterInstanceId", id="detach what is loose"),
        pytest.param(lambda w: w.detach("cen-0", w.vpc.id, "VPC"), "ParameterCenInstanceId", id="detach from unknown"),
        pytest.param(
            lambda w: w.alibaba.detach_ccn_instance_from_cen(w.ccn, w.cen), "ParameterInstanceId", id="detach a loose ccn"
        ),
        pytest.param(
            lambda w: w.alibaba.detach_ccn_instance_from_cen(w.bound_ccn, w.other_cen),
            "ParameterInstanceId",
            id="detach elsewhere",
        ),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.in_cen = w.other_vpc
    w.attach(w.cen, w.in_cen.id, "VPC")
    w.bound_ccn, w.full_ccn = (w.alibaba.create_cloud_connect_network(name).id for name in ("bound", "full"))
    w.attach_ccn(w.bound_ccn, w.cen)
    w.alibaba.bind_smart_access_gateway(w.full_ccn, w.sag)
    refused(w.cloud, lambda: call(w), code)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"name": "renamed"}, ("renamed", "REDUCED"), id="name"),
        pytest.param({"protection_level": "FULL"}, ("cen-1", "FULL"), id="level"),
        pytest.param({"name": "both", "protection_level": "FULL"}, ("both", "FULL"), id="both"),
    ],
)
def test_a_cen_is_modified(w, given, expected) -> None:
    w.attach(w.cen, w.vpc.id, "VPC")
    w.attach(w.cen, w.other_vpc.id, "VPC")
    w.alibaba.modify_cen_attribute(w.cen, **given)
    cen = w.cloud.store.get(Cen, w.cen)
    assert (cen.name, cen.protection_level) == expected


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({"name": "1"}, "InvalidName", id="name"),
        pytest.param({"protection_level": "NONE"}, "InvalidParameter", id="level"),
        pytest.param({"name": "kept-back", "protection_level": "FULL"}, "CidrConflict", id="full, while blocks overlap"),
        pytest.param({"cen_id": "cen-0"}, "ParameterCenInstanceId", id="unknown"),
    ],
)
def test_modifying_refused(w, refused, given, code) -> None:
    w.attach(w.cen, w.vpc.id, "VPC")
    w.attach(w.cen, w.alibaba.create_vpc("192.168.0.0/17").id, "VPC")
    refused(w.cloud, lambda: w.alibaba.modify_cen_attribute(**{"cen_id": w.cen} | given), code)


def test_an_account_has_ten_ccns(w, refused) -> None:
    for _ in range(8):
        last = w.alibaba.create_cloud_connect_network()
    refused(w.cloud, lambda: w.alibaba.create_cloud_connect_network(), "CcnAmountLimit")
    presences = [it.point_of_presence for it in w.cloud.store.all(CloudConnectNetwork)]
    assert len(set(presences)) == 10
    w.alibaba.delete_cloud_connect_network(last.id)
    assert w.alibaba.create_cloud_connect_network().point_of_presence == last.point_of_presence


def test_names_are_optional(w) -> None:
    assert (w.alibaba.create_cen().name, w.alibaba.create_cloud_connect_network().name) == ("", "")


def test_what_nothing_needs_is_deleted(w) -> None:
    w.alibaba.delete_cen(w.cen)
    w.alibaba.delete_cloud_connect_network(w.ccn)
    assert [cen.id for cen in w.alibaba.describe_cens()] == [w.other_cen]
    assert [network.id for network in w.alibaba.describe_cloud_connect_networks()] == [w.other_ccn]
