"""The network of an instance: CCN, private CIDR blocks, DNS; and the wizard that does it all."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from lab.cloud import CloudError
from lab.cloud.alibaba import Cen, CloudConnectNetwork, SagApp

BLOCKS = [f"172.16.{number}.0/24" for number in range(11)]


def app(w) -> SagApp:
    return w.alibaba.describe_smart_access_gateway_software(w.app)


@pytest.fixture
def fresh(w) -> str:
    """An instance without a network."""
    return w.alibaba.create_smart_access_gateway_software("cn-shanghai").smart_ag_id


@pytest.mark.requirement("S2-029", "S2-031", "S2-049", "S2-051")
def test_the_wizard_creates_and_binds_all_of_it_in_one_act(w, fresh) -> None:
    configured = w.alibaba.quick_configure_smart_access_gateway_software(
        fresh, ccn_name="ccn-new", cidr_blocks=["10.1.0.0/24"], cen_name="cen-new", dns_servers=["10.1.1.1", "10.1.1.2"]
    )
    ccn = w.cloud.store.get(CloudConnectNetwork, configured.ccn_id)
    cen = w.cloud.store.all(Cen)[-1]
    assert (ccn.name, ccn.region_id, ccn.cen_id) == ("ccn-new", "cn-shanghai", cen.id)
    assert (cen.name, cen.child_instance_ids) == ("cen-new", (ccn.id,))
    assert configured.dns == (IPv4Address("10.1.1.1"), IPv4Address("10.1.1.2"))


@pytest.mark.requirement("S2-030", "S2-050")
def test_the_wizard_takes_what_there_is(w, fresh) -> None:
    cen = w.alibaba.create_cen("cen-1").id
    given = {"ccn_id": w.ccn, "cidr_blocks": ["10.1.0.0/24"], "cen_id": cen}
    w.alibaba.quick_configure_smart_access_gateway_software(fresh, **given)
    assert w.cloud.store.get(CloudConnectNetwork, w.ccn).cen_id == cen


@pytest.mark.requirement("S2-049")
def test_the_cen_may_be_skipped(w, fresh) -> None:
    w.alibaba.quick_configure_smart_access_gateway_software(fresh, ccn_id=w.ccn, cidr_blocks=["10.1.0.0/24"])
    assert w.cloud.store.get(CloudConnectNetwork, w.ccn).cen_id is None
    assert w.user("after-skip", fresh).smart_ag_id == fresh


@pytest.mark.requirement("S2-043", "S2-044", "S2-101")
@pytest.mark.parametrize(("quick", "count"), [(True, 5), (False, 6), (False, 10)])
def test_as_many_blocks_as_the_page_has_room_for(w, fresh, quick: bool, count: int) -> None:
    alibaba = w.alibaba
    configure = (
        alibaba.quick_configure_smart_access_gateway_software
        if quick
        else alibaba.configure_smart_access_gateway_software_network
    )
    assert len(configure(fresh, ccn_id=w.ccn, cidr_blocks=BLOCKS[:count]).private_cidrs) == count


@pytest.mark.requirement("S2-093")
def test_what_is_not_given_stays(w) -> None:
    before = app(w)
    w.alibaba.configure_smart_access_gateway_software_network(w.app, dns_servers=["100.100.2.136", "100.100.2.138"])
    after = app(w)
    assert (after.private_cidrs, after.ccn_id, after.name) == (before.private_cidrs, before.ccn_id, before.name)
    assert (after.cidr_origin, after.ccn_origin) == (before.cidr_origin, before.ccn_origin)
    assert after.dns_origin.operation == "alibaba.configure_smart_access_gateway_software_network"


@pytest.mark.requirement("S2-035", "S2-036", "S2-095")
def test_dns_servers_are_set_and_taken_back(w) -> None:
    assert w.alibaba.describe_client_user_dns(w.app) == ()
    w.alibaba.modify_client_user_dns(w.app, ["9.9.9.9", "8.8.8.8"])
    assert w.alibaba.describe_client_user_dns(w.app) == (IPv4Address("9.9.9.9"), IPv4Address("8.8.8.8"))
    w.alibaba.modify_client_user_dns(w.app, [])
    assert w.alibaba.describe_client_user_dns(w.app) == ()


def test_who_has_an_address_of_a_block_that_is_gone_is_disconnected(w) -> None:
    w.user()
    session = w.connect()
    w.alibaba.configure_smart_access_gateway_software_network(w.app, cidr_blocks=["192.168.10.0/24", "10.1.0.0/24"])
    assert w.alibaba.describe_user_online_clients(w.app)[0].address == session.address
    w.alibaba.configure_smart_access_gateway_software_network(w.app, cidr_blocks=["10.1.0.0/24"])
    assert w.alibaba.describe_user_online_clients(w.app)[0].address is None
    assert w.alibaba.connect_app(session.id).address in IPv4Network("10.1.0.0/24")


@pytest.mark.requirement("S2-025")
def test_off_its_ccn_nobody_connects(w, refused) -> None:
    w.user()
    session = w.connect()
    w.alibaba.unbind_smart_access_gateway_software(w.ccn, w.app)
    assert w.alibaba.describe_user_online_clients(w.app)[0].connected is False
    error = refused(w.cloud, lambda: w.alibaba.connect_app(session.id), "App.NetworkNotConfigured")
    assert "a CCN is missing" in error.message
    w.alibaba.delete_cloud_connect_network(w.ccn)


@pytest.mark.requirement("S2-025", "S2-053")
def test_without_a_network_there_are_accounts_but_no_connections(w, fresh, refused) -> None:
    w.user("early-bird", fresh)
    session = w.log_on(user_name="early-bird", smart_ag_id=fresh)
    error = refused(w.cloud, lambda: w.alibaba.connect_app(session.id), "App.NetworkNotConfigured")
    assert "a CCN and a private CIDR block is missing" in error.message


@pytest.mark.requirement("S2-032", "S2-033", "S2-034", "S2-052")
@pytest.mark.parametrize("name", ["ab", "a" * 100, "a_b-1", "CCN"])
@pytest.mark.parametrize("field", ["ccn_name", "cen_name"])
def test_names_that_the_wizard_takes(w, fresh, field: str, name: str) -> None:
    given = {"ccn_id": w.ccn} if field == "cen_name" else {}
    w.alibaba.quick_configure_smart_access_gateway_software(fresh, cidr_blocks=["10.1.0.0/24"], **{field: name}, **given)


@pytest.mark.requirement("S2-031", "S2-032", "S2-033", "S2-034", "S2-051", "S2-052", "S2-103")
@pytest.mark.parametrize("name", ["", "a", "a" * 101, "a.b", "a b", "a@b", "1ab", "_ab", "-ab"])
@pytest.mark.parametrize("field", ["ccn_name", "cen_name"])
def test_names_that_the_wizard_refuses_and_then_it_does_nothing(w, fresh, refused, field: str, name: str) -> None:
    given = {"ccn_id": w.ccn} if field == "cen_name" else {}
    quick = w.alibaba.quick_configure_smart_access_gateway_software
    refused(w.cloud, lambda: quick(fresh, cidr_blocks=["10.1.0.0/24"], **{field: name}, **given), "InvalidName")


def _network(**given: object):  # type: ignore[no-untyped-def]
    return lambda w, fresh: w.alibaba.configure_smart_access_gateway_software_network(fresh, **{"ccn_id": w.ccn, **given})


def _quick(**given: object):  # type: ignore[no-untyped-def]
    return lambda w, fresh: w.alibaba.quick_configure_smart_access_gateway_software(fresh, **{"ccn_id": w.ccn, **given})


REFUSALS = [
    pytest.param(_quick(cidr_blocks=BLOCKS[:6]), "InvalidCidr", id="6 quick", marks=pytest.mark.requirement("S2-043", "S2-044")),
    pytest.param(_network(cidr_blocks=BLOCKS), "InvalidCidr", id="11 blocks", marks=pytest.mark.requirement("S2-044", "S2-101")),
    pytest.param(_network(cidr_blocks=[]), "InvalidCidr", id="no block"),
    pytest.param(_network(cidr_blocks=["10.1.0.1/24"]), "InvalidCidr", id="host bits"),
    pytest.param(_network(cidr_blocks=["10.1.0.0/31"]), "InvalidCidr", id="no room"),
    pytest.param(
        _network(cidr_blocks=["10.1.0.0/16", "10.1.2.0/24"]), "CidrConflict", id="nested", marks=pytest.mark.requirement("S2-042")
    ),
    pytest.param(
        _network(cidr_blocks=["10.1.0.0/24", "10.1.0.0/24"]), "CidrConflict", id="twice", marks=pytest.mark.requirement("S2-042")
    ),
    pytest.param(
        _network(cidr_blocks=["192.168.10.128/25"]),
        "CidrConflict",
        id="another instance's on the CCN",
        marks=pytest.mark.requirement("S2-102"),
    ),
    pytest.param(
        _network(cidr_blocks=["10.1.0.0/24"], ccn_id="ccn-0"),
        "InvalidId.CCN",
        id="unknown CCN",
        marks=pytest.mark.requirement("S2-030"),
    ),
    pytest.param(
        lambda w, fresh: _network(cidr_blocks=["10.1.0.0/24"], ccn_id=w.alibaba.create_cloud_connect_network("far").id)(w, fresh),
        "InvalidId.CCN",
        id="CCN of another area",
        marks=pytest.mark.requirement("S2-094"),
    ),
    pytest.param(_network(cidr_blocks=["10.1.0.0/24"], ccn_name="new"), "InvalidParameter", id="existing and new CCN"),
    pytest.param(_quick(cidr_blocks=["10.1.0.0/24"], cen_id="x", cen_name="new"), "InvalidParameter", id="existing and new CEN"),
    pytest.param(
        _quick(cidr_blocks=["10.1.0.0/24"], cen_id="cen-0"),
        "ParameterCenInstanceId",
        id="unknown CEN",
        marks=pytest.mark.requirement("S2-050"),
    ),
    pytest.param(_network(), "InvalidParameter", id="a CCN and no block"),
    pytest.param(_network(ccn_id=None, cidr_blocks=["10.1.0.0/24"]), "InvalidParameter", id="blocks and no CCN"),
    *(
        pytest.param(
            _network(cidr_blocks=["10.1.0.0/24"], dns_servers=servers),
            "InvalidDns",
            id=name,
            marks=pytest.mark.requirement("S2-095"),
        )
        for name, servers in {
            "no address": ["dns.example"],
            "three servers": ["1.1.1.1", "2.2.2.2", "3.3.3.3"],
            "one twice": ["1.1.1.1", "1.1.1.1"],
        }.items()
    ),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
def test_refused(w, fresh, call, code) -> None:
    before = w.cloud.store.get(SagApp, fresh)
    with pytest.raises(CloudError) as caught:
        call(w, fresh)
    assert caught.value.code == code, str(caught.value)
    assert w.cloud.store.get(SagApp, fresh) == before


@pytest.mark.requirement("S2-102")
def test_a_gateway_and_clients_on_one_ccn_may_not_overlap_whoever_comes_second(w, refused) -> None:
    gateway = w.alibaba.create_smart_access_gateway("cn-shanghai").smart_ag_id
    w.alibaba.activate_smart_access_gateway(gateway)
    w.alibaba.modify_smart_access_gateway(gateway, cidr_block="192.168.10.0/25")
    refused(w.cloud, lambda: w.alibaba.bind_smart_access_gateway(w.ccn, gateway), "CidrConflict")
    w.alibaba.modify_smart_access_gateway(gateway, cidr_block="10.0.0.0/16")
    w.alibaba.bind_smart_access_gateway(w.ccn, gateway)
    configure = w.alibaba.configure_smart_access_gateway_software_network
    refused(w.cloud, lambda: configure(w.app, cidr_blocks=["10.0.5.0/24"]), "CidrConflict")


@pytest.mark.requirement("S2-102")
def test_a_vpc_in_the_cen_may_not_have_the_clients_block(w, refused) -> None:
    cen = w.alibaba.create_cen("cen-1").id
    w.alibaba.attach_ccn_instance_to_cen(w.ccn, cen)
    vpc = w.alibaba.create_vpc("192.168.10.0/24", region_id="cn-shanghai")
    attach = w.alibaba.attach_cen_child_instance
    refused(w.cloud, lambda: attach(cen, vpc.id, "VPC", "cn-shanghai"), "CidrConflict")


def test_a_ccn_with_clients_is_not_deleted(w, refused) -> None:
    refused(w.cloud, lambda: w.alibaba.delete_cloud_connect_network(w.ccn), "AlreadyBound.SMARTAG")


def test_only_what_is_bound_is_unbound(w, refused) -> None:
    unbind, other = w.alibaba.unbind_smart_access_gateway_software, w.alibaba.create_cloud_connect_network("other").id
    refused(w.cloud, lambda: unbind(other, w.app), "SmartAccessGatewayNotBind")
    refused(w.cloud, lambda: unbind("ccn-0", w.app), "InvalidId.CCN")
    refused(w.cloud, lambda: unbind(w.ccn, "sag-0"), "InvalidId.SMARTAG")


def test_a_block_that_a_static_address_needs_stays(w, refused) -> None:
    w.user(client_ip="192.168.10.7")
    configure = w.alibaba.configure_smart_access_gateway_software_network
    refused(w.cloud, lambda: configure(w.app, cidr_blocks=["10.1.0.0/24"]), "ClientUser.InvalidClientIp")
