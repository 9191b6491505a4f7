"""ECS instances."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.cloud.alibaba import Instance, NetworkInterface


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.run = lambda address=None: w.alibaba.run_instances(w.switch.id, w.group.id, private_ip_address=address)
    return w


def test_an_instance_runs_with_one_interface(w) -> None:
    instance = w.alibaba.run_instances(w.switch.id, w.group.id, private_ip_address="192.168.1.50", instance_name="web")
    assert (instance.instance_name, instance.state) == ("web", "Running")
    (eni_id,) = instance.network_interface_ids
    eni = w.cloud.store.get(NetworkInterface, eni_id)
    assert (eni.private_ip_address, eni.security_group_ids) == (IPv4Address("192.168.1.50"), (w.group.id,))
    assert (eni.vpc_id, eni.instance_id) == (w.vpc.id, instance.id)
    assert w.alibaba.describe_network_interfaces(w.switch.id)[-1] == eni
    assert w.alibaba.describe_instances()[-1] == instance


def test_addresses_are_given_from_the_bottom_until_the_vswitch_is_full(w, refused) -> None:
    switch = w.alibaba.create_vswitch(w.vpc.id, "192.168.9.0/29")
    for _ in range(4):
        w.alibaba.run_instances(switch.id, w.group.id)
    given = [eni.private_ip_address for eni in w.alibaba.describe_network_interfaces(switch.id)]
    assert given == [IPv4Address(f"192.168.9.{n}") for n in (1, 2, 3, 4)]
    refused(w.cloud, lambda: w.alibaba.run_instances(switch.id, w.group.id), "InvalidVSwitchId.IpInsufficient")


def test_an_instance_is_stopped_and_started(w) -> None:
    for call, state in ((w.alibaba.stop_instance, "Stopped"), (w.alibaba.start_instance, "Running")):
        call(w.ecs.id)
        instance = w.cloud.store.get(Instance, w.ecs.id)
        assert (instance.state, instance.state_origin.operation) == (state, f"alibaba.{call.__name__}")


@pytest.mark.parametrize("force", [pytest.param(False, id="stopped"), pytest.param(True, id="by force")])
def test_a_deleted_instance_takes_its_primary_interface_and_leaves_the_others(w, force) -> None:
    second = w.alibaba.create_network_interface(w.switch.id, [w.group.id])
    w.alibaba.attach_network_interface(second.id, w.ecs.id)
    if not force:
        w.alibaba.stop_instance(w.ecs.id)
    w.alibaba.delete_instance(w.ecs.id, force=force)
    assert w.alibaba.describe_instances() == ()
    assert [(it.id, it.instance_id) for it in w.alibaba.describe_network_interfaces()] == [(second.id, None)]
    assert w.run("192.168.1.10").state == "Running"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.alibaba.run_instances("vsw-0", w.group.id), "InvalidVSwitchId.NotFound", id="vswitch"),
        pytest.param(lambda w: w.alibaba.run_instances(w.switch.id, "sg-0"), "InvalidSecurityGroupId.NotFound", id="group"),
        pytest.param(
            lambda w: w.alibaba.run_instances(w.switch.id, w.other_group.id), "InvalidSecurityGroupId.VPCMismatch", id="other vpc"
        ),
        pytest.param(lambda w: w.run("192.168.2.5"), "InvalidPrivateIpAddress.Malformed", id="address outside"),
        pytest.param(lambda w: w.run("192.168.1.0"), "InvalidPrivateIpAddress.Malformed", id="first address"),
        pytest.param(lambda w: w.run("192.168.1.253"), "InvalidPrivateIpAddress.Malformed", id="third last address"),
        pytest.param(lambda w: w.run("192.168.1.x"), "InvalidPrivateIpAddress.Malformed", id="no address"),
        pytest.param(lambda w: w.run("192.168.1.10"), "InvalidPrivateIpAddress.Duplicated", id="address in use"),
        pytest.param(lambda w: w.alibaba.stop_instance("i-0"), "InvalidInstanceId.NotFound", id="stop unknown"),
        pytest.param(lambda w: w.alibaba.stop_instance(w.stopped), "IncorrectInstanceStatus", id="stop stopped"),
        pytest.param(lambda w: w.alibaba.start_instance(w.ecs.id), "IncorrectInstanceStatus", id="start running"),
        pytest.param(lambda w: w.alibaba.delete_instance("i-0"), "InvalidInstanceId.NotFound", id="delete unknown"),
        pytest.param(lambda w: w.alibaba.delete_instance(w.ecs.id), "IncorrectInstanceStatus", id="delete running"),
        pytest.param(lambda w: w.alibaba.delete_instance(w.stopped), "DependencyViolation.RouteEntry", id="delete a next hop"),
        pytest.param(
            lambda w: w.alibaba.delete_instance(w.ecs.id, force=True),
            "DependencyViolation.RouteEntry",
            id="delete one whose interface is a next hop",
        ),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.stopped = w.run("192.168.1.40").id
    w.alibaba.stop_instance(w.stopped)
    w.alibaba.create_route_entry(w.vpc.route_table_id, "10.0.0.0/8", "Instance", w.stopped)
    w.alibaba.create_route_entry(w.vpc.route_table_id, "11.0.0.0/8", "NetworkInterface", w.ecs_eni)
    refused(w.cloud, lambda: call(w), code)
