"""Network interfaces of ECS instances, their secondary addresses, their groups."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.cloud.alibaba import Instance, NetworkInterface


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.create = lambda switch=w.switch, groups=(w.group.id,), **given: w.alibaba.create_network_interface(
        switch.id, groups, **given
    )
    w.state = lambda id: w.cloud.store.get(NetworkInterface, id)
    w.interfaces = lambda: w.cloud.store.get(Instance, w.ecs.id).network_interface_ids
    w.assign = lambda *addresses, **given: w.alibaba.assign_private_ip_addresses(w.ecs_eni, private_ip_address=addresses, **given)
    w.unassign = lambda *addresses: w.alibaba.unassign_private_ip_addresses(w.ecs_eni, private_ip_address=addresses)
    return w


def addresses(w, id: str | None = None) -> list[str]:
    return [str(address) for address in w.state(id or w.ecs_eni).private_ip_addresses]


def test_an_interface_is_created_attached_detached_and_deleted(w) -> None:
    eni = w.create(primary_ip_address="192.168.1.77")
    assert (eni.private_ip_address, eni.instance_id) == (IPv4Address("192.168.1.77"), None)
    w.alibaba.attach_network_interface(eni.id, w.ecs.id)
    assert (w.interfaces(), w.state(eni.id).instance_id) == ((w.ecs_eni, eni.id), w.ecs.id)
    w.alibaba.detach_network_interface(eni.id, w.ecs.id)
    assert (w.interfaces(), w.state(eni.id).instance_id) == ((w.ecs_eni,), None)
    w.alibaba.delete_network_interface(eni.id)
    assert w.cloud.store.find(NetworkInterface, eni.id) is None


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        pytest.param(lambda w: w.assign("192.168.1.20"), ["192.168.1.20"], id="one by name"),
        pytest.param(lambda w: w.assign("192.168.1.21", "192.168.1.20"), ["192.168.1.21", "192.168.1.20"], id="two, in order"),
        pytest.param(
            lambda w: w.assign(secondary_private_ip_address_count=2), ["192.168.1.2", "192.168.1.3"], id="two free ones"
        ),
    ],
)
def test_secondary_addresses_follow_the_primary_one(w, call, expected) -> None:
    assert [str(address) for address in call(w)] == expected
    assert addresses(w) == ["192.168.1.10", *expected]


def test_secondary_addresses_are_taken_away(w) -> None:
    w.assign("192.168.1.20", "192.168.1.21")
    w.unassign("192.168.1.20")
    assert addresses(w) == ["192.168.1.10", "192.168.1.21"]
    assert addresses(w, w.create(primary_ip_address="192.168.1.20").id) == ["192.168.1.20"]


def test_groups_are_changed_while_in_use(w) -> None:
    second = w.alibaba.create_security_group(w.vpc.id)
    w.alibaba.modify_network_interface_attribute(w.ecs_eni, security_group_ids=[second.id, second.id])
    eni = w.state(w.ecs_eni)
    assert eni.security_group_ids == (second.id,)
    assert eni.groups_origin.operation == "alibaba.modify_network_interface_attribute"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(
            lambda w: w.alibaba.create_network_interface("vsw-0", [w.group.id]), "InvalidVSwitchId.NotFound", id="vswitch"
        ),
        pytest.param(lambda w: w.create(groups=["sg-0"]), "InvalidSecurityGroupId.NotFound", id="group"),
        pytest.param(lambda w: w.create(groups=[w.other_group.id]), "InvalidSecurityGroupId.VPCMismatch", id="group elsewhere"),
        pytest.param(lambda w: w.create(groups=[]), "MissingParameter", id="no group"),
        pytest.param(lambda w: w.create(groups=w.six), "SecurityGroupInstanceLimitExceed", id="six groups"),
        pytest.param(lambda w: w.create(primary_ip_address="192.168.1.10"), "InvalidPrivateIpAddress.Duplicated", id="in use"),
        pytest.param(lambda w: w.create(primary_ip_address="10.0.0.1"), "InvalidPrivateIpAddress.Malformed", id="outside"),
        pytest.param(lambda w: w.alibaba.delete_network_interface("eni-0"), "InvalidEniId.NotFound", id="delete unknown"),
        pytest.param(
            lambda w: w.alibaba.delete_network_interface(w.ecs_eni), "InvalidOperation.InvalidEniState", id="delete in use"
        ),
        pytest.param(
            lambda w: w.alibaba.delete_network_interface(w.hop), "DependencyViolation.RouteEntry", id="delete a next hop"
        ),
        pytest.param(
            lambda w: w.alibaba.attach_network_interface("eni-0", w.ecs.id), "InvalidEniId.NotFound", id="attach unknown"
        ),
        pytest.param(
            lambda w: w.alibaba.attach_network_interface(w.hop, "i-0"), "InvalidInstanceId.NotFound", id="attach to unknown"
        ),
        pytest.param(
            lambda w: w.alibaba.attach_network_interface(w.ecs_eni, w.ecs.id),
            "InvalidOperation.InvalidEniState",
            id="attach twice",
        ),
        pytest.param(
            lambda w: w.alibaba.attach_network_interface(w.foreign, w.ecs.id), "InvalidOperation.VpcMismatch", id="other vpc"
        ),
        pytest.param(
            lambda w: w.alibaba.attach_network_interface(w.zone_b, w.ecs.id),
            "InvalidOperation.AvailabilityZoneMismatch",
            id="other zone",
        ),
        pytest.param(
            lambda w: w.alibaba.detach_network_interface(w.hop, w.ecs.id), "InvalidOperation.InvalidEniState", id="detach loose"
        ),
        pytest.param(
            lambda w: w.alibaba.detach_network_interface(w.ecs_eni, w.ecs.id),
            "InvalidOperation.DetachPrimaryEniNotAllowed",
            id="detach primary",
        ),
        pytest.param(
            lambda w: w.alibaba.modify_network_interface_attribute(w.ecs_eni, security_group_ids=[w.other_group.id]),
            "InvalidSecurityGroupId.VPCMismatch",
            id="modify group",
        ),
        pytest.param(lambda w: w.assign(), "MissingParameter", id="assign nothing"),
        pytest.param(
            lambda w: w.assign("192.168.1.20", secondary_private_ip_address_count=1),
            "InvalidParameterCombination",
            id="assign both",
        ),
        pytest.param(lambda w: w.assign(secondary_private_ip_address_count=50), "PrivateIpAddressLimitExceed", id="51 addresses"),
        pytest.param(lambda w: w.assign("192.168.1.20", "192.168.1.20"), "InvalidPrivateIpAddress.Duplicated", id="assign twice"),
        pytest.param(lambda w: w.unassign(), "MissingParameter", id="unassign nothing"),
        pytest.param(lambda w: w.unassign("192.168.1.10"), "InvalidIp.IpUnassigned", id="unassign the primary one"),
        pytest.param(lambda w: w.unassign("x"), "InvalidIp.IpUnassigned", id="unassign no address"),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.six = [w.alibaba.create_security_group(w.vpc.id).id for _ in range(6)]
    w.hop = w.create().id
    w.foreign = w.create(w.other_switch, [w.other_group.id]).id
    w.zone_b = w.create(w.alibaba.create_vswitch(w.vpc.id, "192.168.2.0/24", zone_id="ap-southeast-1b")).id
    w.alibaba.create_route_entry(w.vpc.route_table_id, "10.0.0.0/8", "NetworkInterface", w.hop)
    refused(w.cloud, lambda: call(w), code)
