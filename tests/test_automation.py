"""A customer's scripts, and what is heard of devices, without any network."""

from __future__ import annotations

import json

import pytest

from lab import Lab, SystemEvent
from lab.cloud.alibaba import ENS_SAG_VCPE, SmartAccessGateway


@pytest.fixture
def lab() -> Lab:
    return bought(b"seed")


def gateway(lab: Lab) -> SmartAccessGateway:
    return lab.alibaba.describe_smart_access_gateways()[0]


def test_a_script_is_told_each_event_once_and_none_from_before(lab: Lab) -> None:
    told: list[str] = []
    lab.on_event(lambda event: told.append(event.name))
    active = gateway(lab).active_device
    assert [lab.hear(active.serial_number, online=online) for online in (False, False, True)] == [True, False, True]
    assert [event.name for event in lab.settle()] == ["DeviceOffline", "AccessGatewayFailover", "DeviceOnline"]
    assert lab.settle() == []
    assert told == ["DeviceOffline", "AccessGatewayFailover", "DeviceOnline"]


def test_what_a_script_does_is_told_too(lab: Lab) -> None:
    told: list[str] = []

    def switch_back(event: SystemEvent) -> None:
        told.append(event.name)
        if event.name == "DeviceOnline":
            lab.alibaba.switch_smart_access_gateway_device(event.resource_id)

    lab.on_event(switch_back)
    first = gateway(lab).active_device.serial_number
    lab.hear(first, online=False)
    lab.hear(first, online=True)
    lab.settle()
    assert told[-1] == "DeviceSwitched"
    assert gateway(lab).active_device.serial_number == first


def test_nothing_is_heard_of_what_was_not_bought(lab: Lab) -> None:
    assert not lab.hear("sagnobody", online=False)


@pytest.mark.requirement("S0-018")
def test_without_a_network_a_machine_that_fails_is_back_at_once(lab: Lab) -> None:
    active, standby = gateway(lab).devices
    machine = next(one for one in lab.alibaba.describe_ens_instances() if active.serial_number in one.user_data)
    lab.fail(machine)
    assert [(device.serial_number, device.role, device.online) for device in gateway(lab).devices] == [
        (active.serial_number, "standby", True),
        (standby.serial_number, "active", True),
    ]


def bought(seed: bytes, *, first: str = "") -> Lab:
    """A pair of devices that both run, in clouds of that seed; before them, a VPC if it is given a name."""
    made = Lab(seed=seed)
    if first:
        made.alibaba.create_vpc("10.0.0.0/8", first)
    sag = made.alibaba.create_smart_access_gateway(name="pair").gateways[0]
    for device in sag.devices:
        pair = json.dumps({"sn": device.serial_number, "key": device.secret_key})
        made.alibaba.run_ens_instances(ENS_SAG_VCPE, user_data=pair)
    return made


def scripted(made: Lab) -> Lab:
    """A lab whose customer switches back whenever a device is back."""
    bought_then = gateway(made).id

    def switch_back(event: SystemEvent) -> None:
        if event.name == "DeviceOnline":
            made.alibaba.switch_smart_access_gateway_device(bought_then)

    made.on_event(switch_back)
    return made


def test_scripts_of_a_scenario_that_is_run_again_act_on_the_lab_that_is_there() -> None:
    restored, rehearsal = bought(b"seed"), scripted(bought(b"seed"))
    first = gateway(restored).active_device.serial_number
    assert restored.take_scripts(rehearsal)
    restored.hear(first, online=False)
    assert gateway(restored).active_device.serial_number != first
    restored.hear(first, online=True)
    restored.settle()
    assert gateway(restored).active_device.serial_number == first


def test_scripts_of_a_scenario_that_does_something_else_are_not_taken() -> None:
    restored, rehearsal = bought(b"seed"), scripted(bought(b"seed", first="another"))
    assert not restored.take_scripts(rehearsal)
    assert restored.scripts == ()
