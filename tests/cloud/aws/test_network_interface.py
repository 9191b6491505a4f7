"""Network interfaces: addresses, groups, source/destination check."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.cloud.aws import NetworkInterface


@pytest.fixture
def w(aws_world):
    aws_world.create = aws_world.aws.create_network_interface
    aws_world.modify = aws_world.aws.modify_network_interface_attribute
    aws_world.groups = [aws_world.aws.create_security_group(f"g{n}", "many", aws_world.vpc.id).id for n in range(6)]
    return aws_world


def eni(w, id: str) -> NetworkInterface:
    return w.cloud.store.get(NetworkInterface, id)


def test_a_new_interface_checks_and_is_in_the_default_group(w) -> None:
    made = w.create(w.inner.id)
    assert (made.source_dest_check, made.group_ids, made.instance_id) == (True, (w.default_group,), None)
    assert made.check_origin.operation == made.groups_origin.operation == "aws.create_network_interface"


def test_addresses_are_given_from_the_bottom_past_those_that_aws_reserves(cloud) -> None:
    vpc = cloud.aws.create_vpc("10.0.0.0/16")
    subnet = cloud.aws.create_subnet(vpc.id, "10.0.5.0/28")
    cloud.aws.create_network_interface(subnet.id, private_ip_address="10.0.5.5")
    made = [cloud.aws.create_network_interface(subnet.id).private_ip_address for _ in range(10)]
    assert sorted(made) == [IPv4Address(f"10.0.5.{n}") for n in range(4, 15) if n != 5]
    w_full = [address for address in subnet.cidr_block if address not in made]
    assert set(w_full) - {IPv4Address("10.0.5.5")} == subnet.reserved_addresses


def test_a_full_subnet_is_refused_and_a_freed_address_found_again(cloud, refused) -> None:
    vpc = cloud.aws.create_vpc("10.0.0.0/16")
    subnet = cloud.aws.create_subnet(vpc.id, "10.0.5.0/28")
    made = [cloud.aws.create_network_interface(subnet.id) for _ in range(11)]
    refused(cloud, lambda: cloud.aws.create_network_interface(subnet.id), "InsufficientFreeAddressesInSubnet")
    refused(
        cloud,
        lambda: cloud.aws.assign_private_ip_addresses(made[0].id, secondary_private_ip_address_count=1),
        "InsufficientFreeAddressesInSubnet",
    )
    cloud.aws.delete_network_interface(made[3].id)
    assert cloud.aws.create_network_interface(subnet.id).private_ip_addresses == made[3].private_ip_addresses


@pytest.mark.requirement("S0-043")
def test_the_check_is_turned_off_and_on_while_the_instance_runs(w) -> None:
    w.modify(w.gw_eni, source_dest_check=False)
    off = eni(w, w.gw_eni)
    assert (off.source_dest_check, off.check_origin.operation) == (False, "aws.modify_network_interface_attribute")
    assert off.origin.operation == "aws.run_instances"
    w.modify(w.gw_eni, source_dest_check=True)
    assert eni(w, w.gw_eni).source_dest_check


def test_groups_are_changed_and_each_counts_once(w) -> None:
    w.modify(w.app_eni, groups=[w.group.id, w.default_group, w.group.id])
    assert eni(w, w.app_eni).group_ids == (w.group.id, w.default_group)
    assert eni(w, w.app_eni).groups_origin.operation == "aws.modify_network_interface_attribute"


def test_secondary_addresses_come_and_go(w) -> None:
    added = w.aws.assign_private_ip_addresses(w.app_eni, private_ip_addresses=["10.0.1.20", "10.0.1.21"])
    added += w.aws.assign_private_ip_addresses(w.app_eni, secondary_private_ip_address_count=2)
    assert [str(address) for address in added[:2]] == ["10.0.1.20", "10.0.1.21"]
    assert eni(w, w.app_eni).private_ip_addresses == (IPv4Address("10.0.1.10"), *added)
    eip = w.aws.allocate_address()
    w.aws.associate_address(eip.id, network_interface_id=w.app_eni, private_ip_address="10.0.1.20")
    w.aws.unassign_private_ip_addresses(w.app_eni, private_ip_addresses=["10.0.1.20", added[2]])
    assert eni(w, w.app_eni).private_ip_addresses == (IPv4Address("10.0.1.10"), added[1], added[3])
    assert w.aws.describe_addresses()[0].network_interface_id is None


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.create("subnet-0"), "InvalidSubnetID.NotFound", id="unknown subnet"),
        pytest.param(lambda w: w.create(w.inner.id, groups=["sg-0"]), "InvalidGroup.NotFound", id="unknown group"),
        pytest.param(
            lambda w: w.create(w.inner.id, groups=[w.other_group.id]), "InvalidGroup.NotFound", id="group of another vpc"
        ),
        pytest.param(lambda w: w.create(w.inner.id, groups=w.groups), "SecurityGroupsPerInterfaceLimitExceeded", id="six groups"),
        pytest.param(lambda w: w.at("10.0.2.20"), "InvalidParameterValue", id="address outside the subnet"),
        pytest.param(lambda w: w.at("10.0.1.0"), "InvalidParameterValue", id="first address"),
        pytest.param(lambda w: w.at("10.0.1.3"), "InvalidParameterValue", id="fourth address"),
        pytest.param(lambda w: w.at("10.0.1.255"), "InvalidParameterValue", id="last address"),
        pytest.param(lambda w: w.at("10.0.1.300"), "InvalidParameterValue", id="no address"),
        pytest.param(lambda w: w.at("10.0.1.10"), "InvalidIPAddress.InUse", id="address in use"),
        pytest.param(lambda w: w.aws.delete_network_interface(w.app_eni), "InvalidParameterValue", id="delete attached"),
        pytest.param(lambda w: w.modify("eni-0", source_dest_check=False), "InvalidNetworkInterfaceID.NotFound", id="unknown"),
        pytest.param(lambda w: w.modify(w.app_eni), "MissingParameter", id="modify nothing"),
        pytest.param(
            lambda w: w.modify(w.app_eni, source_dest_check=False, groups=[w.group.id]),
            "InvalidParameterCombination",
            id="modify two things",
        ),
        pytest.param(lambda w: w.modify(w.app_eni, groups=[]), "InvalidParameterValue", id="no group left"),
        pytest.param(lambda w: w.modify(w.app_eni, groups=[w.other_group.id]), "InvalidGroup.NotFound", id="foreign group"),
        pytest.param(
            lambda w: w.assign("eni-0", private_ip_addresses=["10.0.1.20"]), "InvalidNetworkInterfaceID.NotFound", id="u"
        ),
        pytest.param(lambda w: w.assign(w.app_eni), "MissingParameter", id="assign nothing"),
        pytest.param(lambda w: w.assign(w.app_eni, private_ip_addresses=[]), "InvalidParameterValue", id="assign empty"),
        pytest.param(lambda w: w.assign(w.app_eni, secondary_private_ip_address_count=0), "InvalidParameterValue", id="assign 0"),
        pytest.param(
            lambda w: w.assign(w.app_eni, private_ip_addresses=["10.0.1.20"], secondary_private_ip_address_count=1),
            "InvalidParameterCombination",
            id="assign both",
        ),
        pytest.param(
            lambda w: w.assign(w.app_eni, private_ip_addresses=["10.0.1.20", "10.0.1.20"]),
            "InvalidIPAddress.InUse",
            id="assign one twice",
        ),
        pytest.param(
            lambda w: w.aws.unassign_private_ip_addresses(w.app_eni, private_ip_addresses=["10.0.1.10"]),
            "InvalidParameterValue",
            id="unassign the primary",
        ),
        pytest.param(
            lambda w: w.aws.attach_network_interface(w.app_eni, w.gw.id), "InvalidNetworkInterface.InUse", id="attach twice"
        ),
        pytest.param(
            lambda w: w.aws.attach_network_interface(w.other_eni, w.gw.id), "InvalidParameterValue", id="attach across vpcs"
        ),
        pytest.param(
            lambda w: w.aws.attach_network_interface(w.loose_eni, w.ended.id), "IncorrectInstanceState", id="attach to ended"
        ),
        pytest.param(
            lambda w: w.aws.detach_network_interface(w.loose_eni), "InvalidAttachmentID.NotFound", id="detach what is loose"
        ),
        pytest.param(lambda w: w.aws.detach_network_interface(w.app_eni), "OperationNotPermitted", id="detach the primary"),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.at = lambda address: w.create(w.inner.id, private_ip_address=address)
    w.assign = w.aws.assign_private_ip_addresses
    refused(w.cloud, lambda: call(w), code)
