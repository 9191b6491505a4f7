"""A gateway: what is bought, its static routes, its CCN."""

from __future__ import annotations

import re
from ipaddress import IPv4Network

import pytest

from lab.cloud.alibaba import SmartAccessGateway


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.buy = w.alibaba.create_smart_access_gateway
    w.modify = w.alibaba.modify_smart_access_gateway
    w.bind = w.alibaba.bind_smart_access_gateway
    w.unbind = w.alibaba.unbind_smart_access_gateway
    w.state = lambda id: w.cloud.store.get(SmartAccessGateway, id)
    return w


@pytest.mark.requirement("S0-006", "S0-010")
def test_a_purchase_gives_an_order_and_an_instance_and_needs_no_name(w) -> None:
    purchase = w.buy()
    assert re.fullmatch(r"2\d{14}", purchase.order_id)
    gateway = w.alibaba.describe_smart_access_gateway_attribute(purchase.smart_ag_id)
    assert (gateway.name, gateway.order_id, gateway.status) == ("", purchase.order_id, "Ordered")
    assert gateway in w.alibaba.describe_smart_access_gateways()


@pytest.mark.requirement("S0-015", "S0-016")
def test_what_a_purchase_is_by_default(w) -> None:
    gateway = w.state(w.buy().smart_ag_id)
    assert (gateway.hardware_spec, gateway.cpe_version, gateway.ha_type) == ("sag-vcpe", "basic", "warm_backup")
    assert (gateway.region_id, gateway.routing_strategy, gateway.cidr_blocks) == ("ap-southeast-1", "static", ())
    assert (gateway.ccn_id, gateway.auto_renew, gateway.period) == (None, False, 1)


@pytest.mark.requirement("S0-017", "S0-020", "S0-028", "S0-036", "S0-038")
def test_a_gateway_is_a_pair_of_devices_with_credentials_of_their_own(w) -> None:
    gateway = w.alibaba.describe_smart_access_gateway_attribute(w.buy().smart_ag_id)
    assert gateway.id.startswith("sag-")  # the object in the console; serial numbers have no hyphen
    active, standby = gateway.devices
    assert (active.role, standby.role) == ("active", "standby")
    assert gateway.active_device == active
    for device in gateway.devices:
        assert re.fullmatch("sag[0-9a-z]{20}", device.serial_number)
        assert re.fullmatch("[0-9a-zA-Z]{40}", device.secret_key)
        assert device.secret_key not in repr(gateway)
    assert active.serial_number != standby.serial_number
    assert active.secret_key != standby.secret_key


@pytest.mark.requirement("S0-020", "S0-022")
@pytest.mark.parametrize("quantity", [1, 3])
def test_a_quantity_makes_as_many_gateways_each_with_a_pair(w, quantity) -> None:
    purchase = w.buy(quantity=quantity, name="vcpe")
    assert len(set(purchase.smart_ag_ids)) == quantity
    gateways = [w.state(id) for id in purchase.smart_ag_ids]
    assert len({device.serial_number for gateway in gateways for device in gateway.devices}) == 2 * quantity
    assert {gateway.order_id for gateway in gateways} == {purchase.order_id}


@pytest.mark.requirement("S0-008", "S0-027")
def test_a_gateway_is_listed_in_its_region_only(w) -> None:
    bought = w.buy("eu-central-1").smart_ag_id
    assert [it.id for it in w.alibaba.describe_smart_access_gateways("eu-central-1")] == [bought]
    assert bought not in [it.id for it in w.alibaba.describe_smart_access_gateways("ap-southeast-1")]


@pytest.mark.requirement("S0-009")
def test_the_area_is_independent_of_the_region_of_any_aws_vpc(w) -> None:
    vpc = w.cloud.aws.create_vpc("10.0.0.0/16", region="us-east-1")
    assert (w.state(w.sag).region_id, vpc.region) == ("ap-southeast-1", "us-east-1")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"max_bandwidth": 10}, id="least bandwidth"),
        pytest.param({"max_bandwidth": 1000}, id="most bandwidth"),
        *[pytest.param({"period": period}, id=f"{period} months") for period in (1, 9, 12, 24, 36)],
        pytest.param({"auto_renew": True}, id="renewed by itself"),
        *[pytest.param({"ha_type": mode}, id=mode) for mode in ("no_backup", "cold_backup", "warm_backup")],
    ],
)
def test_what_may_be_bought(w, given) -> None:
    gateway = w.state(w.buy(**given).smart_ag_id)
    assert {name: getattr(gateway, name) for name in given} == given


@pytest.mark.requirement("S0-045", "S0-046")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("10.0.0.0/16", ["10.0.0.0/16"], id="one"),
        pytest.param("10.0.0.0/16, 10.1.0.0/16", ["10.0.0.0/16", "10.1.0.0/16"], id="two in a text"),
        pytest.param([IPv4Network("10.0.0.0/8"), "9.9.9.9/32"], ["10.0.0.0/8", "9.9.9.9/32"], id="widest and narrowest"),
        pytest.param("10.0.0.0/16,10.0.0.0/16", ["10.0.0.0/16"], id="one twice"),
        pytest.param([f"10.{n}.0.0/16" for n in range(5)], [f"10.{n}.0.0/16" for n in range(5)], id="five"),
    ],
)
def test_static_routes_replace_those_before(w, given, expected) -> None:
    w.modify(w.spare, routing_strategy="static", cidr_block="172.31.0.0/16")
    w.modify(w.spare, cidr_block=given)
    gateway = w.state(w.spare)
    assert ([str(block) for block in gateway.cidr_blocks], gateway.routing_strategy) == (expected, "static")
    assert gateway.cidr_origin.operation == "alibaba.modify_smart_access_gateway"


def test_a_ticket_raises_the_number_of_static_routes(w, refused) -> None:
    fifty = [f"10.{n}.0.0/16" for n in range(50)]
    w.alibaba.raise_static_route_quota(w.sag, 50)
    w.modify(w.sag, cidr_block=fifty)
    assert len(w.state(w.sag).cidr_blocks) == 50
    refused(w.cloud, lambda: w.modify(w.sag, cidr_block=[*fifty, "11.0.0.0/8"]), "InvalidCidr")
    refused(w.cloud, lambda: w.modify(w.spare, cidr_block=fifty[:6]), "InvalidCidr")


def test_an_account_has_500_gateways(w, refused) -> None:
    owned = len(w.cloud.store.all(SmartAccessGateway))
    refused(w.cloud, lambda: w.buy(quantity=501 - owned), "SmartAccessGatewayAmountLimit")
    w.buy(quantity=500 - owned)
    refused(w.cloud, lambda: w.buy(), "SmartAccessGatewayAmountLimit")


def test_a_deleted_gateways_devices_are_nobodys(w, refused) -> None:
    w.bind(w.ccn, w.sag)
    refused(w.cloud, lambda: w.alibaba.delete_smart_access_gateway(w.sag), "SmartAccessGatewayAlreadyBound")
    serial = w.state(w.sag).active_device.serial_number
    w.unbind(w.ccn, w.sag)
    w.alibaba.delete_smart_access_gateway(w.sag)
    assert w.cloud.store.by(SmartAccessGateway, "serial_numbers", serial) == ()
    refused(w.cloud, lambda: w.alibaba.delete_smart_access_gateway(w.sag), "InvalidId.SMARTAG")


@pytest.mark.requirement("S0-045")
def test_the_method_of_advertising_is_read_back(w) -> None:
    w.modify(w.sag, routing_strategy="dynamic")
    assert (w.state(w.sag).routing_strategy, w.state(w.sag).cidr_blocks) == ("dynamic", ())
    w.modify(w.sag, routing_strategy="static")
    assert w.state(w.sag).routing_strategy == "static"


def test_a_new_name_changes_nothing_else(w) -> None:
    before = w.state(w.sag)
    w.modify(w.sag, name="new-name")
    after = w.state(w.sag)
    assert after.name == "new-name"
    assert (after.cidr_blocks, after.cidr_origin) == (before.cidr_blocks, before.cidr_origin)


def test_a_gateway_is_bound_and_unbound(w) -> None:
    w.bind(w.ccn, w.sag)
    assert (w.state(w.sag).ccn_id, w.state(w.sag).ccn_origin.operation) == (w.ccn, "alibaba.bind_smart_access_gateway")
    w.unbind(w.ccn, w.sag)
    assert (w.state(w.sag).ccn_id, w.state(w.sag).ccn_origin.operation) == (None, "alibaba.unbind_smart_access_gateway")
    w.bind(w.other_ccn, w.sag)
    assert w.state(w.sag).ccn_id == w.other_ccn


def test_mainland_china_is_one_area(w) -> None:
    gateway = w.buy("cn-hangzhou").smart_ag_id
    w.alibaba.activate_smart_access_gateway(gateway)
    network = w.alibaba.create_cloud_connect_network("ccn-sh", region_id="cn-shanghai")
    w.bind(network.id, gateway)
    assert w.state(gateway).ccn_id == network.id


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(
            lambda w: w.buy("Singapore"), "InvalidRegionId.NotFound", id="region", marks=pytest.mark.requirement("S0-008")
        ),
        pytest.param(lambda w: w.buy(hardware_spec="sag-100wm"), "InvalidParameter", id="type"),
        pytest.param(lambda w: w.buy(cpe_version="gold"), "InvalidParameter", id="edition"),
        pytest.param(lambda w: w.buy(ha_type="hot_backup"), "InvalidParameter", id="mode"),
        pytest.param(lambda w: w.buy(max_bandwidth=9), "InvalidParameter", id="9 Mbit/s"),
        pytest.param(lambda w: w.buy(max_bandwidth=1001), "InvalidParameter", id="1001 Mbit/s"),
        pytest.param(lambda w: w.buy(period=0), "InvalidParameter", id="0 months"),
        pytest.param(lambda w: w.buy(period=10), "InvalidParameter", id="10 months"),
        pytest.param(lambda w: w.buy(quantity=0), "InvalidParameter", id="none", marks=pytest.mark.requirement("S0-022")),
        pytest.param(lambda w: w.buy(quantity=-1), "InvalidParameter", id="minus 1", marks=pytest.mark.requirement("S0-022")),
        pytest.param(lambda w: w.alibaba.raise_static_route_quota(w.sag, 51), "InvalidParameter", id="quota of 51"),
        pytest.param(lambda w: w.alibaba.raise_static_route_quota(w.sag, 4), "InvalidParameter", id="quota below what is"),
        pytest.param(lambda w: w.alibaba.raise_static_route_quota("sag-0", 9), "InvalidId.SMARTAG", id="quota of unknown"),
        pytest.param(lambda w: w.modify("sag-0", name="gone"), "SAG.InstanceNoFound", id="modify unknown"),
        pytest.param(lambda w: w.modify(w.sag, name="-"), "InvalidName", id="modify name"),
        pytest.param(lambda w: w.modify(w.sag, routing_strategy="bgp"), "InvalidParameter", id="method"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block=""), "SAG.CidrEmpty", id="no block"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block=[]), "SAG.CidrEmpty", id="no block in a list"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block="10.0.0.0/16,"), "InvalidCidr", id="comma too many"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block="10.0.0.1/16"), "InvalidCidr", id="host bits"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block="10.0.0.0"), "InvalidCidr", id="no length"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block="10.0.0.0/7"), "InvalidCidr", id="host bits of /7"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block="0.0.0.0/0"), "InvalidCidr", id="wider than /8"),
        pytest.param(lambda w: w.modify(w.sag, cidr_block=[f"10.{n}.0.0/16" for n in range(6)]), "InvalidCidr", id="six"),
        pytest.param(
            lambda w: w.modify(w.sag, routing_strategy="dynamic", cidr_block="10.0.0.0/16"),
            "SAG.NotAllowConfigCidr",
            id="dynamic with a block",
        ),
        pytest.param(
            lambda w: w.bind("ccn-0", w.sag), "InvalidId.CCN", id="unknown ccn", marks=pytest.mark.requirement("S0-048")
        ),
        pytest.param(lambda w: w.bind(w.ccn, "sag-0"), "InvalidId.SMARTAG", id="unknown gateway"),
        pytest.param(lambda w: w.bind(w.ccn, w.ordered), "SmartAccessGatewayNotActivated", id="not activated"),
        pytest.param(lambda w: w.bind(w.ccn, w.tokyo), "InvalidId.CCN", id="another area"),
        pytest.param(lambda w: w.unbind(w.ccn, w.sag), "SmartAccessGatewayNotBind", id="unbind what is loose"),
        pytest.param(lambda w: w.unbind("ccn-0", w.sag), "InvalidId.CCN", id="unbind from unknown ccn"),
        pytest.param(lambda w: w.unbind(w.ccn, "sag-0"), "InvalidId.SMARTAG", id="unbind unknown gateway"),
    ],
)
def test_refused(w, refused, call, code) -> None:
    refused(w.cloud, lambda: call(w), code)


@pytest.mark.requirement("S0-049")
@pytest.mark.parametrize("again", ["ccn", "other_ccn"])
def test_a_second_ccn_is_refused_even_if_it_is_the_same(w, refused, again) -> None:
    w.bind(w.ccn, w.sag)
    error = refused(w.cloud, lambda: w.bind(getattr(w, again), w.sag), "SmartAccessGatewayAlreadyBound")
    assert w.ccn in error.message
    refused(w.cloud, lambda: w.unbind(w.other_ccn, w.sag), "SmartAccessGatewayNotBind")


@pytest.mark.parametrize(
    ("block", "code"),
    [
        pytest.param("10.0.0.0/16", "CidrConflict", id="equal"),
        pytest.param("10.0.5.0/24", "CidrConflict", id="inside"),
        pytest.param("10.0.0.0/8", "CidrConflict", id="around"),
        pytest.param("10.1.0.0/16", None, id="beside"),
    ],
)
def test_blocks_behind_gateways_of_one_ccn_may_not_overlap(w, refused, block, code) -> None:
    w.bind(w.ccn, w.sag)
    w.modify(w.spare, cidr_block=block)
    if code is None:
        w.bind(w.ccn, w.spare)
        assert w.state(w.spare).ccn_id == w.ccn
        return
    error = refused(w.cloud, lambda: w.bind(w.ccn, w.spare), code)
    assert all(part in error.message for part in (block, w.spare, "10.0.0.0/16", w.sag, w.ccn))
    w.bind(w.other_ccn, w.spare)


def test_a_bound_gateway_may_not_take_a_block_behind_another(w, refused) -> None:
    w.bind(w.ccn, w.sag)
    w.bind(w.ccn, w.spare)
    refused(w.cloud, lambda: w.modify(w.spare, cidr_block="10.0.5.0/24"), "CidrConflict")
    w.modify(w.sag, cidr_block="10.0.5.0/24")
    assert [str(block) for block in w.state(w.sag).cidr_blocks] == ["10.0.5.0/24"]


@pytest.mark.parametrize(
    ("protection_level", "block", "refusal"),
    [
        pytest.param("REDUCED", "192.168.0.0/16", True, id="reduced, equal"),
        pytest.param("REDUCED", "192.168.0.0/20", False, id="reduced, inside"),
        pytest.param("FULL", "192.168.0.0/20", True, id="full, inside"),
        pytest.param("FULL", "10.7.0.0/16", False, id="full, beside"),
    ],
)
def test_blocks_of_a_bound_gateway_keep_to_the_protection_level_of_the_cen(w, refused, protection_level, block, refusal) -> None:
    cen = w.alibaba.create_cen("strict", protection_level=protection_level, ccn_id=w.ccn)
    w.alibaba.attach_cen_child_instance(cen.id, w.vpc.id, "VPC")
    w.bind(w.ccn, w.sag)
    if refusal:
        refused(w.cloud, lambda: w.modify(w.sag, cidr_block=block), "CidrConflict")
    else:
        w.modify(w.sag, cidr_block=block)
        assert [str(it) for it in w.state(w.sag).cidr_blocks] == [block]
