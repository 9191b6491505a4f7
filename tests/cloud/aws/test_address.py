"""Elastic IP addresses, and those assigned at launch."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest


@pytest.fixture
def w(aws_world):
    aws_world.eip = aws_world.aws.allocate_address()
    aws_world.associate = aws_world.aws.associate_address
    aws_world.assigned = aws_world.aws.public_addresses(aws_world.gw_eni)[0]
    return aws_world


def public(w, eni: str) -> list[tuple[str, str, bool]]:
    return [(str(it.public_ip), str(it.private_ip), it.auto_assigned) for it in w.aws.public_addresses(eni)]


def test_an_address_assigned_at_launch_is_none_of_the_allocations(w) -> None:
    assert public(w, w.gw_eni) == [("203.0.113.10", "10.0.2.10", True)]
    assert [address.id for address in w.aws.describe_addresses()] == [w.eip.id]


@pytest.mark.parametrize(
    ("target", "eni", "private"),
    [
        pytest.param(lambda w: {"instance_id": w.app.id}, "app_eni", "10.0.1.10", id="instance"),
        pytest.param(lambda w: {"network_interface_id": w.app_eni}, "app_eni", "10.0.1.10", id="interface"),
        pytest.param(
            lambda w: {"network_interface_id": w.app_eni, "private_ip_address": "10.0.1.77"},
            "app_eni",
            "10.0.1.77",
            id="secondary address",
        ),
        pytest.param(lambda w: {"instance_id": w.gw.id}, "gw_eni", "10.0.2.10", id="in place of the one assigned at launch"),
    ],
)
def test_associated(w, target, eni, private) -> None:
    w.aws.assign_private_ip_addresses(w.app_eni, private_ip_addresses=["10.0.1.77"])
    w.associate(w.eip.id, **target(w))
    assert public(w, getattr(w, eni)) == [(str(w.eip.public_ip), private, False)]
    assert w.aws.describe_addresses()[0].association_origin.operation == "aws.associate_address"


def test_an_association_moves_and_ends_and_the_address_stays_allocated(w) -> None:
    w.associate(w.eip.id, instance_id=w.app.id)
    association_id = w.associate(w.eip.id, instance_id=w.gw.id)
    assert public(w, w.app_eni) == []
    w.aws.disassociate_address(association_id)
    assert public(w, w.gw_eni) == []
    assert [address.network_interface_id for address in w.aws.describe_addresses()] == [None]
    w.aws.release_address(w.eip.id)
    assert w.aws.describe_addresses() == ()


def test_an_elastic_address_makes_way_for_another_and_stays_allocated(w) -> None:
    second = w.aws.allocate_address()
    w.associate(w.eip.id, instance_id=w.app.id)
    w.associate(second.id, instance_id=w.app.id)
    assert [it.network_interface_id for it in w.aws.describe_addresses()] == [None, w.app_eni]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.associate("eipalloc-0", instance_id=w.app.id), "InvalidAllocationID.NotFound", id="unknown"),
        pytest.param(lambda w: w.associate(w.assigned.id, instance_id=w.app.id), "InvalidAllocationID.NotFound", id="assigned"),
        pytest.param(lambda w: w.associate(w.eip.id), "MissingParameter", id="no target"),
        pytest.param(
            lambda w: w.associate(w.eip.id, instance_id=w.app.id, network_interface_id=w.app_eni),
            "InvalidParameterCombination",
            id="two targets",
        ),
        pytest.param(lambda w: w.associate(w.eip.id, instance_id="i-0"), "InvalidInstanceID.NotFound", id="unknown instance"),
        pytest.param(lambda w: w.associate(w.eip.id, instance_id=w.twin.id), "InvalidInstanceID", id="two interfaces"),
        pytest.param(
            lambda w: w.associate(w.eip.id, network_interface_id="eni-0"),
            "InvalidNetworkInterfaceID.NotFound",
            id="unknown interface",
        ),
        pytest.param(
            lambda w: w.associate(w.eip.id, network_interface_id=w.other_eni), "Gateway.NotAttached", id="vpc without a gateway"
        ),
        pytest.param(
            lambda w: w.associate(w.eip.id, instance_id=w.app.id, private_ip_address="10.0.1.99"),
            "InvalidParameterValue",
            id="not its address",
        ),
        pytest.param(
            lambda w: w.associate(w.eip.id, instance_id=w.app.id, private_ip_address="10.0.1"),
            "InvalidParameterValue",
            id="no address",
        ),
        pytest.param(
            lambda w: w.associate(w.used.id, instance_id=w.app.id, allow_reassociation=False),
            "Resource.AlreadyAssociated",
            id="in use, and not to be moved",
        ),
        pytest.param(lambda w: w.aws.disassociate_address("eipassoc-0"), "InvalidAssociationID.NotFound", id="association"),
        pytest.param(
            lambda w: w.aws.disassociate_address(w.assigned.association_id), "InvalidAssociationID.NotFound", id="of one assigned"
        ),
        pytest.param(lambda w: w.aws.release_address("eipalloc-0"), "InvalidAllocationID.NotFound", id="release unknown"),
        pytest.param(lambda w: w.aws.release_address(w.assigned.id), "InvalidAllocationID.NotFound", id="release assigned"),
        pytest.param(lambda w: w.aws.release_address(w.used.id), "InvalidIPAddress.InUse", id="release while in use"),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.used = w.aws.allocate_address()
    w.associate(w.used.id, network_interface_id=w.loose_eni)
    refused(w.cloud, lambda: call(w), code)


def test_an_address_is_never_given_twice(w) -> None:
    seen = [w.eip.public_ip]
    for _ in range(3):
        address = w.aws.allocate_address()
        seen.append(address.public_ip)
        w.aws.release_address(address.id)
    assert len(set(seen)) == 4
    assert all(isinstance(address, IPv4Address) for address in seen)
