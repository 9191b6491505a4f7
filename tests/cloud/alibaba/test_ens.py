"""Edge Node Service: networks, their routes, instances."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.cloud.alibaba import ENS_LINUX, ENS_SAG_VCPE, EnsInstance, EnsNetwork


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.network = w.alibaba.create_ens_network("10.0.0.0/16", network_name="edge")
    w.run = lambda **given: w.alibaba.run_ens_instances(**{"network_id": w.network.id} | given)
    w.state = lambda id: w.cloud.store.get(EnsInstance, id)
    w.routes = lambda: [(str(it.destination), it.next_hop_id) for it in w.cloud.store.get(EnsNetwork, w.network.id).routes]
    return w


@pytest.mark.requirement("S0-002")
def test_an_instance_boots_the_vcpe_image_with_user_data_and_does_not_show_it(w) -> None:
    instance = w.run(image_id=ENS_SAG_VCPE, user_data='{"sn":"s","key":"K3Y"}', instance_name="vcpe")
    assert (instance.image_id, instance.state, instance.source_dest_check) == (ENS_SAG_VCPE, "Running", True)
    assert "K3Y" not in repr(instance)
    assert w.alibaba.describe_ens_instances() == (instance,)


@pytest.mark.parametrize(
    ("given", "private", "public"),
    [
        pytest.param({}, "10.0.0.1", True, id="both"),
        pytest.param({"private_ip_address": "10.0.5.5"}, "10.0.5.5", True, id="a chosen address"),
        pytest.param({"public_ip_identification": False}, "10.0.0.1", False, id="private only"),
        pytest.param({"network_id": None}, None, True, id="public only"),
    ],
)
def test_addresses_of_an_instance(w, given, private, public) -> None:
    instance = w.run(**given)
    assert instance.private_ip_address == (IPv4Address(private) if private else None)
    assert (instance.public_ip_address is not None) is public
    assert len(instance.addresses) == (private is not None) + public
    assert instance.image_id == ENS_LINUX


def test_the_check_is_set_by_a_call_of_its_own(w) -> None:
    instance = w.run()
    w.alibaba.modify_ens_instance_attribute(instance.id, source_dest_check=False)
    after = w.state(instance.id)
    assert (after.source_dest_check, after.check_origin.operation) == (False, "alibaba.modify_ens_instance_attribute")


def test_an_instance_is_stopped_started_and_released(w) -> None:
    instance = w.run()
    w.alibaba.stop_ens_instance(instance.id)
    assert (w.state(instance.id).state, w.state(instance.id).public_ip_address) == ("Stopped", instance.public_ip_address)
    w.alibaba.start_ens_instance(instance.id)
    assert w.state(instance.id).state == "Running"
    w.alibaba.release_ens_instance(instance.id)
    assert w.alibaba.describe_ens_instances() == ()
    assert w.run().private_ip_address == instance.private_ip_address


def test_routes_of_a_network(w) -> None:
    hop = w.run().id
    w.alibaba.create_ens_route_entry(w.network.id, "192.168.0.0/16", hop)
    assert w.routes() == [("192.168.0.0/16", hop)]
    w.alibaba.delete_ens_route_entry(w.network.id, "192.168.0.0/16")
    assert w.routes() == []


def test_an_empty_network_is_deleted(w) -> None:
    w.alibaba.delete_ens_network(w.network.id)
    assert w.alibaba.describe_ens_networks() == ()


def test_a_full_network(w, refused) -> None:
    small = w.alibaba.create_ens_network("10.1.0.0/28").id
    given = [w.run(network_id=small).private_ip_address for _ in range(12)]
    assert (str(given[0]), str(given[-1])) == ("10.1.0.1", "10.1.0.12")
    refused(w.cloud, lambda: w.run(network_id=small), "InvalidNetworkId.IpInsufficient")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.alibaba.create_ens_network("10.0.0.0/8"), "InvalidCidrBlock.Malformed", id="network too wide"),
        pytest.param(lambda w: w.alibaba.create_ens_network("10.0.0.1/16"), "InvalidCidrBlock.Malformed", id="host bits"),
        pytest.param(
            lambda w: w.alibaba.create_ens_network("10.0.0.0/16", network_name="x" * 129),
            "InvalidNetworkName.Malformed",
            id="name",
        ),
        pytest.param(lambda w: w.alibaba.delete_ens_network("n-0"), "InvalidNetworkId.NotFound", id="delete unknown network"),
        pytest.param(lambda w: w.alibaba.delete_ens_network(w.network.id), "DependencyViolation", id="delete network in use"),
        pytest.param(lambda w: w.run(image_id="ami-0"), "InvalidImageId.NotFound", id="image"),
        pytest.param(lambda w: w.run(instance_name="http://x"), "InvalidInstanceName.Malformed", id="instance name"),
        pytest.param(
            lambda w: w.run(user_data="ü" * 8193), "InvalidUserData.SizeExceeded", id="user data of more than 16384 bytes"
        ),
        pytest.param(lambda w: w.run(network_id="n-0"), "InvalidNetworkId.NotFound", id="unknown network"),
        pytest.param(lambda w: w.run(network_id=None, public_ip_identification=False), "MissingParameter", id="nowhere"),
        pytest.param(
            lambda w: w.run(network_id=None, private_ip_address="10.0.0.9"), "MissingParameter", id="address of nothing"
        ),
        pytest.param(lambda w: w.run(private_ip_address="10.1.0.1"), "InvalidPrivateIpAddress.Malformed", id="address outside"),
        pytest.param(lambda w: w.run(private_ip_address="10.0.255.253"), "InvalidPrivateIpAddress.Malformed", id="reserved"),
        pytest.param(
            lambda w: w.run(private_ip_address=w.hop.private_ip_address),
            "InvalidPrivateIpAddress.Duplicated",
            id="address in use",
        ),
        pytest.param(
            lambda w: w.alibaba.modify_ens_instance_attribute("i-0", source_dest_check=False),
            "InvalidInstanceId.NotFound",
            id="modify unknown",
        ),
        pytest.param(lambda w: w.alibaba.start_ens_instance(w.hop.id), "IncorrectInstanceStatus", id="start running"),
        pytest.param(lambda w: w.alibaba.stop_ens_instance("i-0"), "InvalidInstanceId.NotFound", id="stop unknown"),
        pytest.param(lambda w: w.alibaba.release_ens_instance("i-0"), "InvalidInstanceId.NotFound", id="release unknown"),
        pytest.param(
            lambda w: w.alibaba.release_ens_instance(w.hop.id), "DependencyViolation.RouteEntry", id="release a next hop"
        ),
        pytest.param(
            lambda w: w.alibaba.create_ens_route_entry("n-0", "10.9.0.0/16", w.hop.id),
            "InvalidNetworkId.NotFound",
            id="no network",
        ),
        pytest.param(
            lambda w: w.alibaba.create_ens_route_entry(w.network.id, "10.9.0.1/16", w.hop.id),
            "InvalidCidrBlock.Malformed",
            id="block",
        ),
        pytest.param(
            lambda w: w.alibaba.create_ens_route_entry(w.network.id, "10.9.0.0/16", w.lone.id),
            "InvalidNexthop.NotFound",
            id="hop",
        ),
        pytest.param(
            lambda w: w.alibaba.create_ens_route_entry(w.network.id, "192.168.0.0/16", w.hop.id),
            "RouterEntryConflict.Duplicated",
            id="route twice",
        ),
        pytest.param(
            lambda w: w.alibaba.create_ens_route_entry(w.network.id, "10.0.0.0/16", w.hop.id),
            "RouterEntryConflict.Duplicated",
            id="route to the network",
        ),
        pytest.param(
            lambda w: w.alibaba.delete_ens_route_entry(w.network.id, "10.9.0.0/16"), "InvalidRouteEntry.NotFound", id="no route"
        ),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.hop, w.lone = w.run(), w.run(network_id=None)
    w.alibaba.create_ens_route_entry(w.network.id, "192.168.0.0/16", w.hop.id)
    refused(w.cloud, lambda: call(w), code)
