"""A pair of vCPEs in a lab that stays up: what happens when the active one is killed, and when it is switched from by hand."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab import CloudError, connect
from lab.errors import LabError
from lab.supervisor.answers import DeviceInfo
from lab.supervisor.client import Client
from lab.supervisor.door import living
from tests.supervisor.command import saglab_process
from tests.supervisor.processes import Process, processes

pytestmark = pytest.mark.emulation

NAME = f"ha-{os.getpid()}"
WITHIN = 30.0  # seconds; a busy machine takes its time


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """The lab of vcpe-ha, up."""
    saglab_process("up", "vcpe-ha", "--name", NAME, "--state", str(tmp_path / "state"))
    yield Client(NAME)
    with suppress(LabError):  # it is down
        Client(NAME).down()


def devices(client: Client) -> list[DeviceInfo]:
    return list(client.status().devices)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.05)  # a poll of the condition, with the deadline above


def switch(client: Client) -> None:
    """Once the provider knows that the standby device is there: on a busy machine it may be missed for a moment."""
    alibaba = connect(client.name).alibaba
    (gateway,) = alibaba.describe_smart_access_gateways("ap-southeast-1")

    def switched() -> bool:
        with suppress(CloudError):
            alibaba.switch_smart_access_gateway_device(gateway.id)
            return True
        return False

    wait_until(switched, "the standby device to be there")


def told(client: Client) -> list[tuple[str, str]]:
    """The events of the provider's so far, each with the device that it is about."""
    events = connect(client.name).alibaba.describe_system_event_attribute()
    return [(str(event.name), event.serial_number) for event in events]


def are_in_order(expected: list[tuple[str, str]], found: list[tuple[str, str]]) -> bool:
    """Whether they are all there; between them may be others, as on a busy machine a device may be missed that is there."""
    rest = iter(found)
    return all(event in rest for event in expected)


def dataplane_of(client: Client, node: str) -> Process:
    """That in whose network the node's commands run."""
    place = saglab_process("exec", "--lab", NAME, node, "readlink", "/proc/self/ns/net").strip()
    workers = [process for process in processes(client) if process.role == "dataplane"]
    return next(one for one in workers if str(Path(f"/proc/{one.pid}/ns/net").readlink()) == place)


@pytest.mark.requirement("S0-018", "S0-050")
def test_the_supervisor_notices_and_the_customers_script_follows(client: Client) -> None:
    assert [(it.role, it.machine, it.vpn_status, it.control_status) for it in devices(client)] == [
        ("active", "vcpe-a", "Normal", "Normal"),
        ("standby", "vcpe-b", "Normal", "Normal"),
    ]
    first, second = (it.serial_number for it in devices(client))
    dataplane_of(client, "vcpe-a").kill()
    wait_until(lambda: [it.role for it in devices(client)] == ["standby", "active"], "the other device to take over")
    wait_until(lambda: client.ping("app", "ecs", 1).passed, "packets to pass through it")
    wait_until(lambda: all(it.control_status == it.vpn_status == "Normal" for it in devices(client)), "the first to be back")
    expected = [("DeviceOffline", first), ("AccessGatewayFailover", second), ("DeviceOnline", first)]
    wait_until(lambda: are_in_order(expected, told(client)), "the events that tell of it")

    switch(client)
    wait_until(lambda: client.ping("app", "ecs", 1).passed, "packets to pass through the one that was switched to")
    assert ("DeviceSwitched", first) in told(client)


@pytest.mark.requirement("S0-018")
def test_the_customers_script_runs_again_in_a_lab_that_was_killed(client: Client, tmp_path: Path) -> None:
    next(process for process in processes(client) if process.role == "supervisor").kill()
    wait_until(lambda: NAME not in living(), "the lab to be gone")
    assert "scripts run again (1)" in saglab_process("up", "--name", NAME, "--state", str(tmp_path / "state"))
    wait_until(lambda: all(it.vpn_status == "Normal" for it in devices(client)), "both devices to connect")
    switch(client)
    wait_until(lambda: client.ping("app", "ecs", 1).passed, "packets to pass through the one that was switched to")
