"""Instances and images."""

from __future__ import annotations

import pytest

from lab.cloud.aws import LINUX, SAG_VCPE, Instance, NetworkInterface, instance_type


@pytest.fixture
def w(aws_world):
    w = aws_world
    w.run = lambda **given: w.aws.run_instances(**{"image_id": w.linux.id, "subnet_id": w.inner.id} | given)
    return w


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        pytest.param("*", [LINUX, SAG_VCPE], id="all"),
        pytest.param(SAG_VCPE, [SAG_VCPE], id="by name"),
        pytest.param("al2023-*", [LINUX], id="by pattern"),
        pytest.param("sag", [], id="part of a name"),
    ],
)
def test_images_are_found(cloud, pattern, found) -> None:
    cloud.alibaba.create_ticket()
    images = cloud.aws.describe_images(name=pattern)
    assert [image.name for image in images] == found
    assert all(image.sag_vcpe == (image.name == SAG_VCPE) for image in images)


@pytest.mark.requirement("S0-043")
def test_an_instance_runs_with_one_checking_interface(w) -> None:
    instance = w.run(
        security_group_ids=[w.group.id], private_ip_address="10.0.1.50", user_data="x", name="host", instance_type="c5.large"
    )
    assert (instance.state, instance.name, instance.user_data, instance.instance_type) == ("running", "host", "x", "c5.large")
    (eni_id,) = instance.network_interface_ids
    eni = w.cloud.store.get(NetworkInterface, eni_id)
    assert (str(eni.private_ip_address), eni.group_ids) == ("10.0.1.50", (w.group.id,))
    assert (eni.source_dest_check, eni.instance_id, eni.device_index) == (True, instance.id, 0)
    assert w.aws.public_addresses(eni_id) == ()
    assert w.cloud.journal[instance.origin.number].result_id == instance.id


def test_user_data_does_not_show_when_printed(w) -> None:
    assert "K3Y" not in repr(w.run(user_data='{"sn":"sag1","key":"K3Y"}'))


@pytest.mark.parametrize(
    ("name", "vcpus", "memory"),
    [
        pytest.param("c5.large", 2, 4, id="recommended for a vCPE", marks=pytest.mark.requirement("S0-032")),
        pytest.param("t2.small", 1, 2, id="allowed for a vCPE", marks=pytest.mark.requirement("S0-032")),
    ],
)
def test_instance_types_have_cores_and_memory(w, name, vcpus, memory) -> None:
    assert (instance_type(name).vcpus, instance_type(name).memory_gib) == (vcpus, memory)
    assert w.run(instance_type=name).instance_type == name


@pytest.mark.requirement("S0-043")
def test_the_attribute_of_the_instance_is_that_of_its_interface(w) -> None:
    w.aws.modify_instance_attribute(w.gw.id, source_dest_check=False)
    eni = w.cloud.store.get(NetworkInterface, w.gw_eni)
    assert (eni.source_dest_check, eni.check_origin.operation) == (False, "aws.modify_instance_attribute")
    w.aws.modify_instance_attribute(w.gw.id, groups=[w.group.id])
    assert w.cloud.store.get(NetworkInterface, w.gw_eni).group_ids == (w.group.id,)


def test_stopping_loses_the_assigned_address_and_starting_gives_another(w) -> None:
    before = w.aws.public_addresses(w.gw_eni)[0]
    w.aws.stop_instances(w.gw.id)
    assert (w.cloud.store.get(Instance, w.gw.id).state, w.aws.public_addresses(w.gw_eni)) == ("stopped", ())
    w.aws.start_instances(w.gw.id)
    after = w.aws.public_addresses(w.gw_eni)[0]
    assert w.cloud.store.get(Instance, w.gw.id).state == "running"
    assert after.public_ip != before.public_ip


def test_an_elastic_address_stays_through_a_stop(w) -> None:
    eip = w.aws.allocate_address()
    w.aws.associate_address(eip.id, instance_id=w.gw.id)
    for change in (w.aws.stop_instances, w.aws.start_instances):
        change(w.gw.id)
        assert [it.public_ip for it in w.aws.public_addresses(w.gw_eni)] == [eip.public_ip]


def test_starting_what_runs_and_stopping_what_stands_change_nothing(w) -> None:
    running = w.cloud.store.get(Instance, w.app.id)
    w.aws.start_instances(w.app.id)
    assert w.cloud.store.get(Instance, w.app.id) == running
    w.aws.stop_instances(w.app.id)
    stopped = w.cloud.store.get(Instance, w.app.id)
    w.aws.stop_instances(w.app.id)
    assert w.cloud.store.get(Instance, w.app.id) == stopped


def test_a_terminated_instance_is_listed_and_has_nothing(w) -> None:
    eip = w.aws.allocate_address()
    w.aws.associate_address(eip.id, network_interface_id=w.twin_eni)
    w.aws.terminate_instances(w.twin.id)
    ended = w.cloud.store.get(Instance, w.twin.id)
    assert (ended.state, ended.network_interface_ids) == ("terminated", ())
    assert w.cloud.store.find(NetworkInterface, w.twin_eni) is None
    assert w.cloud.store.get(NetworkInterface, w.second_eni).instance_id is None
    assert w.aws.describe_addresses()[0].network_interface_id is None
    w.aws.terminate_instances(w.twin.id)
    assert w.cloud.store.get(Instance, w.twin.id) == ended


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(
            lambda w: w.run(image_id="ami-0"), "InvalidAMIID.NotFound", id="image", marks=pytest.mark.requirement("S0-030")
        ),
        pytest.param(lambda w: w.run(subnet_id="subnet-0"), "InvalidSubnetID.NotFound", id="subnet"),
        pytest.param(lambda w: w.run(instance_type="c5.huge"), "InvalidParameterValue", id="instance type"),
        pytest.param(lambda w: w.run(user_data="ü" * 8193), "InvalidParameterValue", id="user data of more than 16384 bytes"),
        pytest.param(lambda w: w.run(security_group_ids=["sg-0"]), "InvalidGroup.NotFound", id="group"),
        pytest.param(lambda w: w.run(security_group_ids=[w.other_group.id]), "InvalidGroup.NotFound", id="group of another vpc"),
        pytest.param(lambda w: w.run(private_ip_address="10.0.1.10"), "InvalidIPAddress.InUse", id="address in use"),
        pytest.param(lambda w: w.run(private_ip_address="10.0.1.1"), "InvalidParameterValue", id="address reserved"),
        pytest.param(
            lambda w: w.aws.modify_instance_attribute("i-0", source_dest_check=False), "InvalidInstanceID.NotFound", id="unknown"
        ),
        pytest.param(
            lambda w: w.aws.modify_instance_attribute(w.twin.id, source_dest_check=False),
            "InvalidInstanceID",
            id="two interfaces",
        ),
        pytest.param(lambda w: w.aws.modify_instance_attribute(w.app.id), "MissingParameter", id="modify nothing"),
        pytest.param(lambda w: w.aws.stop_instances("i-0"), "InvalidInstanceID.NotFound", id="stop unknown"),
        pytest.param(lambda w: w.aws.start_instances(w.ended.id), "IncorrectInstanceState", id="start ended"),
        pytest.param(lambda w: w.aws.stop_instances(w.ended.id), "IncorrectInstanceState", id="stop ended"),
        pytest.param(lambda w: w.aws.terminate_instances("i-0"), "InvalidInstanceID.NotFound", id="terminate unknown"),
    ],
)
def test_refused(w, refused, call, code) -> None:
    refused(w.cloud, lambda: call(w), code)


def test_instances_and_interfaces_are_listed_in_the_order_of_creation(w) -> None:
    assert [it.id for it in w.aws.describe_instances()] == [w.app.id, w.gw.id, w.twin.id, w.ended.id]
    assert [it.id for it in w.aws.describe_network_interfaces(w.edge.id)] == [w.gw_eni, w.second_eni]
    listed = [it.id for it in w.aws.describe_network_interfaces()]
    assert listed == [w.app_eni, w.gw_eni, w.other_eni, w.loose_eni, w.twin_eni, w.second_eni]
