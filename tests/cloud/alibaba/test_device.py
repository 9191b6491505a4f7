"""A gateway's devices: online and offline, active and standby, and what is told of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from lab.cloud import Cloud
from lab.cloud.alibaba import ENS_LINUX, ENS_SAG_VCPE, Device, SmartAccessGateway
from lab.cloud.aws import SAG_VCPE
from lab.cloud.lab_time import START

ACTIVE_ACTIVE, ACTIVE_STANDBY, SINGLE = "warm_backup", "cold_backup", "no_backup"


def user_data(device: Device) -> str:
    return json.dumps({"sn": device.serial_number, "key": device.secret_key})


class Site:
    """A gateway, and machines that run as its devices: an edge node for each, or an instance at AWS."""

    def __init__(self, cloud: Cloud, mode: str) -> None:
        self.cloud = cloud
        self.alibaba = cloud.alibaba
        gateway = cloud.alibaba.create_smart_access_gateway(ha_type=mode).gateways[0]
        cloud.alibaba.activate_smart_access_gateway(gateway.id)
        self.id = gateway.id
        self.bought = gateway.devices
        self.machines: dict[str, str] = {}

    def launch(self, *roles: str) -> None:
        for device in self.bought:
            if device.role in roles:
                machine = self.alibaba.run_ens_instances(ENS_SAG_VCPE, user_data=user_data(device))
                self.machines[device.role] = machine.id

    def stop(self, role: str) -> None:
        self.alibaba.stop_ens_instance(self.machines[role])

    def start(self, role: str) -> None:
        self.alibaba.start_ens_instance(self.machines[role])

    @property
    def devices(self) -> list[tuple[str, bool]]:
        """The role and the state of each device, in the order in which they were bought."""
        return [(device.role, device.online) for device in self.cloud.store.get(SmartAccessGateway, self.id).devices]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Each event, and the role in which its device was bought."""
        names = {device.serial_number: device.role for device in self.bought}
        return [(it.name, names[it.serial_number]) for it in self.alibaba.describe_system_event_attribute(smart_ag_id=self.id)]


@pytest.fixture
def site(cloud: Cloud, request: pytest.FixtureRequest) -> Site:
    return Site(cloud, getattr(request, "param", ACTIVE_ACTIVE))


@pytest.mark.requirement("S0-019")
def test_a_pair_of_which_the_active_one_alone_is_deployed_is_in_order(site: Site) -> None:
    site.launch("active")
    assert site.devices == [("active", True), ("standby", False)]
    assert site.told == [("DeviceOnline", "active")]


LIVES = {
    "the active one stops and comes back": (
        ACTIVE_ACTIVE,
        lambda s: (s.launch("active", "standby"), s.stop("active"), s.start("active")),
        [("standby", True), ("active", True)],
        ["DeviceOnline", "DeviceOnline", "DeviceOffline", "AccessGatewayFailover", "DeviceOnline"],
    ),
    "the standby one stops": (
        ACTIVE_ACTIVE,
        lambda s: (s.launch("active", "standby"), s.stop("standby")),
        [("active", True), ("standby", False)],
        ["DeviceOnline", "DeviceOnline", "DeviceOffline"],
    ),
    "the active one stops and there is no other": (
        ACTIVE_ACTIVE,
        lambda s: (s.launch("active"), s.stop("active")),
        [("active", False), ("standby", False)],
        ["DeviceOnline", "DeviceOffline"],
    ),
    "both stop": (
        ACTIVE_ACTIVE,
        lambda s: (s.launch("active", "standby"), s.stop("active"), s.stop("standby")),
        [("standby", False), ("active", False)],
        ["DeviceOnline", "DeviceOnline", "DeviceOffline", "AccessGatewayFailover", "DeviceOffline"],
    ),
    "switched by hand": (
        ACTIVE_ACTIVE,
        lambda s: (s.launch("active", "standby"), s.alibaba.switch_smart_access_gateway_device(s.id)),
        [("standby", True), ("active", True)],
        ["DeviceOnline", "DeviceOnline", "DeviceSwitched"],
    ),
    "an active-standby pair does not fail over by itself": (
        ACTIVE_STANDBY,
        lambda s: (s.launch("active", "standby"), s.stop("active")),
        [("active", False), ("standby", True)],
        ["DeviceOnline", "DeviceOnline", "DeviceOffline"],
    ),
    "but is switched by hand": (
        ACTIVE_STANDBY,
        lambda s: (s.launch("active", "standby"), s.stop("active"), s.alibaba.switch_smart_access_gateway_device(s.id)),
        [("standby", False), ("active", True)],
        ["DeviceOnline", "DeviceOnline", "DeviceOffline", "DeviceSwitched"],
    ),
    "a single device": (
        SINGLE,
        lambda s: (s.launch("active"), s.stop("active")),
        [("active", False)],
        ["DeviceOnline", "DeviceOffline"],
    ),
    "the controller misses the active one": (
        ACTIVE_ACTIVE,
        lambda s: (
            s.launch("active", "standby"),
            s.alibaba.report_device_state(s.bought[0].serial_number, online=False),
            s.alibaba.report_device_state(s.bought[0].serial_number, online=False),
        ),
        [("standby", False), ("active", True)],
        ["DeviceOnline", "DeviceOnline", "DeviceOffline", "AccessGatewayFailover"],
    ),
    "a machine released": (
        SINGLE,
        lambda s: (s.launch("active"), s.alibaba.release_ens_instance(s.machines["active"])),
        [("active", False)],
        ["DeviceOnline", "DeviceOffline"],
    ),
}


@pytest.mark.requirement("S0-018")
@pytest.mark.parametrize(("site", "life", "devices", "events"), LIVES.values(), ids=LIVES.keys(), indirect=["site"])
def test_the_life_of_a_pair(site: Site, life, devices, events) -> None:
    life(site)
    assert site.devices == devices
    assert [name for name, _ in site.told] == events


def test_an_event_says_what_happened_when_to_which_device(site: Site) -> None:
    site.launch("active", "standby")
    site.cloud.clock.move_forward(hours=1)
    site.stop("active")
    offline, failover = site.alibaba.describe_system_event_attribute()[-2:]
    active, standby = site.bought
    assert (offline.serial_number, offline.level, offline.time) == (active.serial_number, "CRITICAL", START + timedelta(hours=1))
    assert (failover.serial_number, failover.level, failover.resource_id) == (standby.serial_number, "INFO", site.id)
    assert failover.origin.operation == "alibaba.stop_ens_instance"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"name": "DeviceOffline"}, ["DeviceOffline"], id="by name"),
        pytest.param({"level": "CRITICAL"}, ["DeviceOffline"], id="by level"),
        pytest.param({"level": "INFO", "name": "DeviceOffline"}, [], id="by both"),
        pytest.param({"smart_ag_id": "sag-0"}, [], id="of another gateway"),
    ],
)
def test_events_are_chosen(site: Site, asked, expected) -> None:
    site.launch("active", "standby")
    site.stop("active")
    assert [it.name for it in site.alibaba.describe_system_event_attribute(**asked)] == expected


AWS_CALLS = [
    pytest.param([], True, id="runs"),
    pytest.param(["stop_instances"], False, id="stopped"),
    pytest.param(["stop_instances", "start_instances"], True, id="started again"),
    pytest.param(["terminate_instances"], False, id="terminated"),
]


@pytest.mark.parametrize(("calls", "online"), AWS_CALLS)
def test_a_machine_in_aws_is_a_device_while_it_runs(site: Site, calls, online) -> None:
    aws = site.cloud.aws
    site.alibaba.create_ticket()
    subnet = aws.create_subnet(aws.create_vpc("10.0.0.0/16").id, "10.0.1.0/24")
    machine = aws.run_instances(aws.describe_images(name=SAG_VCPE)[0].id, subnet.id, user_data=user_data(site.bought[0]))
    for call in calls:
        getattr(aws, call)(machine.id)
    assert site.devices[0] == ("active", online)


@pytest.mark.requirement("S0-030", "S0-037")
@pytest.mark.parametrize(
    "machine",
    [
        pytest.param(lambda d: (ENS_LINUX, user_data(d[0])), id="another image"),
        pytest.param(lambda d: (ENS_SAG_VCPE, ""), id="no pair"),
        pytest.param(lambda d: (ENS_SAG_VCPE, user_data(replace(d[0], secret_key=d[0].secret_key[::-1]))), id="key reversed"),
        pytest.param(lambda d: (ENS_SAG_VCPE, user_data(replace(d[0], secret_key=d[1].secret_key))), id="the other's key"),
    ],
)
def test_a_machine_with_a_wrong_pair_is_no_device(site: Site, machine) -> None:
    image, given = machine(site.bought)
    site.alibaba.run_ens_instances(image, user_data=given)
    assert (site.devices, site.told) == ([("active", False), ("standby", False)], [])


def test_which_device_is_which(site: Site) -> None:
    active, standby = site.bought
    ha = site.alibaba.describe_smart_access_gateway_ha(site.id)
    assert (ha.main_device_id, ha.backup_device_id) == (active.serial_number, standby.serial_number)
    assert (ha.device_level_backup_state, ha.device_level_backup_type) == ("ON", ACTIVE_ACTIVE)
    single = Site(site.cloud, SINGLE)
    ha = site.alibaba.describe_smart_access_gateway_ha(single.id)
    assert (ha.backup_device_id, ha.device_level_backup_state) == ("", "OFF")


REFUSALS = [
    pytest.param(lambda s: s.switch("sag-0"), "InvalidId.SMARTAG", id="unknown gateway"),
    pytest.param(lambda s: s.switch(s.single.id), "SmartAccessGatewayNoStandby", id="one device"),
    pytest.param(lambda s: s.switch(s.pair.id), "SmartAccessGatewayDeviceOffline", id="standby not deployed"),
    pytest.param(lambda s: s.report("sag0", online=True), "InvalidSerialNumber", id="unknown device"),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
def test_refused(cloud: Cloud, refused, call, code) -> None:
    world = SimpleNamespace(
        pair=Site(cloud, ACTIVE_ACTIVE),
        single=Site(cloud, SINGLE),
        switch=cloud.alibaba.switch_smart_access_gateway_device,
        report=cloud.alibaba.report_device_state,
    )
    refused(cloud, lambda: call(world), code)
