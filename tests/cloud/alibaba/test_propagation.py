"""Which routes become known where."""

from __future__ import annotations

import pytest

from lab.cloud import CloudError
from lab.cloud.alibaba.propagation import ccn_routes, cen_routes, gateway_routes, vpc_routes
from lab.cloud.store import UnknownRecord


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.modify = w.alibaba.modify_smart_access_gateway
    w.bind = lambda gateway=w.sag, ccn=w.ccn: w.alibaba.bind_smart_access_gateway(ccn, gateway)
    w.join = lambda ccn=w.ccn: w.alibaba.attach_ccn_instance_to_cen(ccn, w.cen)
    w.attach = lambda vpc=w.vpc: w.alibaba.attach_cen_child_instance(w.cen, vpc.id, "VPC")
    return w


def found(routes) -> list[tuple[str, str, str]]:
    return [(str(route.destination), route.next_hop_type, route.next_hop_id) for route in routes]


def everywhere(w) -> dict[str, list[str]]:
    """What is known to gateway, CCN, CEN and VPC, as destinations."""
    store = w.cloud.store
    views = {
        "gateway": gateway_routes(store, w.sag),
        "ccn": ccn_routes(store, w.ccn),
        "cen": cen_routes(store, w.cen),
        "vpc": vpc_routes(store, w.vpc.id),
    }
    return {name: [str(route.destination) for route in routes] for name, routes in views.items()}


AWS, VPC = "10.0.0.0/16", "192.168.0.0/16"


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        pytest.param("", {"gateway": [], "ccn": [], "cen": [], "vpc": []}, id="nothing tied"),
        pytest.param(
            "bind", {"gateway": [], "ccn": [AWS], "cen": [], "vpc": []}, id="only 3.2", marks=pytest.mark.requirement("S0-054")
        ),
        pytest.param(
            "bind attach",
            {"gateway": [], "ccn": [AWS], "cen": [VPC], "vpc": []},
            id="without the CEN's CCN",
            marks=pytest.mark.requirement("S0-054"),
        ),
        pytest.param(
            "bind join",
            {"gateway": [], "ccn": [AWS], "cen": [AWS], "vpc": []},
            id="without the VPC's attachment",
            marks=pytest.mark.requirement("S0-059"),
        ),
        pytest.param("join attach", {"gateway": [], "ccn": [VPC], "cen": [VPC], "vpc": []}, id="without the gateway"),
        pytest.param(
            "bind join attach",
            {"gateway": [VPC], "ccn": [AWS, VPC], "cen": [AWS, VPC], "vpc": [AWS]},
            id="all",
            marks=pytest.mark.requirement("S0-052"),
        ),
        pytest.param(
            "attach join bind",
            {"gateway": [VPC], "ccn": [VPC, AWS], "cen": [VPC, AWS], "vpc": [AWS]},
            id="all, in the other order",
            marks=pytest.mark.requirement("S0-052"),
        ),
    ],
)
def test_routes_follow_from_what_is_tied_together(w, calls, expected) -> None:
    for call in calls.split():
        getattr(w, call)()
    assert everywhere(w) == expected


@pytest.mark.requirement("S0-046", "S0-047")
@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param("10.0.1.0/24", ["10.0.1.0/24"], id="one subnet only"),
        pytest.param("10.0.1.0/24,10.0.2.0/24", ["10.0.1.0/24", "10.0.2.0/24"], id="two"),
        pytest.param(None, [], id="none"),
    ],
)
def test_only_what_was_entered_is_advertised(w, blocks, expected) -> None:
    w.modify(w.sag, routing_strategy="dynamic")
    if blocks:
        w.modify(w.sag, routing_strategy="static", cidr_block=blocks)
    w.bind()
    w.join()
    w.attach()
    assert everywhere(w)["vpc"] == expected
    assert everywhere(w)["gateway"] == [VPC]


def test_a_routes_next_hop_is_what_it_lies_behind_and_its_origin_the_call_that_announced_it(w) -> None:
    w.modify(w.sag, cidr_block=AWS)
    w.bind()
    w.join()
    w.attach()
    by_vpc, by_gateway = w.alibaba.describe_cen_region_domain_route_entries(w.cen)[::-1]
    assert found([by_vpc, by_gateway]) == [(VPC, "VPC", w.vpc.id), (AWS, "SAG", w.sag)]
    assert (by_vpc.origin.resource, by_vpc.origin.operation) == (w.cen, "alibaba.attach_cen_child_instance")
    assert (by_gateway.origin.resource, by_gateway.origin.operation) == (w.sag, "alibaba.modify_smart_access_gateway")


def test_everyone_learns_from_everyone_and_nobody_from_himself(w) -> None:
    w.modify(w.spare, cidr_block="10.1.0.0/16")
    for call in (w.bind, w.join, w.attach):
        call()
    w.bind(w.spare, w.other_ccn)
    w.join(w.other_ccn)
    w.attach(w.other_vpc)
    everything = {AWS, "10.1.0.0/16", VPC, "172.16.0.0/12"}
    routes = {
        AWS: w.alibaba.describe_sag_route_list(w.sag),
        "10.1.0.0/16": w.alibaba.describe_sag_route_list(w.spare),
        VPC: w.alibaba.describe_cen_child_instance_route_entries(w.cen, w.vpc.id, "VPC"),
        "172.16.0.0/12": w.alibaba.describe_cen_child_instance_route_entries(w.cen, w.other_vpc.id, "VPC"),
    }
    for own, learned in routes.items():
        assert {str(route.destination) for route in learned} == everything - {own}
    through_ccn = w.alibaba.describe_cen_child_instance_route_entries(w.cen, w.ccn, "CCN")
    assert {str(route.destination) for route in through_ccn} == everything


def test_gateways_of_one_ccn_learn_from_each_other_without_a_cen(w) -> None:
    w.modify(w.spare, cidr_block="10.1.0.0/16")
    w.bind()
    w.bind(w.spare)
    assert found(w.alibaba.describe_sag_route_list(w.sag)) == [("10.1.0.0/16", "SAG", w.spare)]
    assert found(w.alibaba.describe_sag_route_list(w.spare)) == [(AWS, "SAG", w.sag)]


@pytest.mark.parametrize(
    ("undo", "expected"),
    [
        pytest.param(lambda w: w.alibaba.unbind_smart_access_gateway(w.ccn, w.sag), ([], []), id="unbound"),
        pytest.param(lambda w: w.alibaba.detach_ccn_instance_from_cen(w.ccn, w.cen), ([], []), id="ccn detached"),
        pytest.param(lambda w: w.alibaba.detach_cen_child_instance(w.cen, w.vpc.id, "VPC"), ([], []), id="vpc detached"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block="10.5.0.0/16"), ([VPC], ["10.5.0.0/16"]), id="block changed"),
    ],
)
def test_routes_go_with_what_made_them_known(w, undo, expected) -> None:
    w.bind()
    w.join()
    w.attach()
    undo(w)
    assert (everywhere(w)["gateway"], everywhere(w)["vpc"]) == expected


@pytest.mark.parametrize("view", [gateway_routes, ccn_routes, cen_routes, vpc_routes])
def test_routes_of_what_does_not_exist(w, view) -> None:
    with pytest.raises(UnknownRecord):
        view(w.cloud.store, "x-0")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.alibaba.describe_sag_route_list("sag-0"), "InvalidId.SMARTAG", id="gateway"),
        pytest.param(lambda w: w.alibaba.describe_cen_region_domain_route_entries("cen-0"), "ParameterCenInstanceId", id="cen"),
        pytest.param(
            lambda w: w.alibaba.describe_cen_child_instance_route_entries(w.cen, w.vpc.id, "VPC"),
            "ParameterInstanceId",
            id="vpc that is not attached",
        ),
    ],
)
def test_views_refused(w, call, code) -> None:
    with pytest.raises(CloudError) as caught:
        call(w)
    assert caught.value.code == code
