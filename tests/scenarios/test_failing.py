"""A gateway that nobody stands by for, and a point of presence, fail: each is started anew by itself, with its tunnel."""

from __future__ import annotations

import pytest

from lab import Lab
from lab.backend import Backend
from lab.cloud.alibaba import CloudConnectNetwork
from lab.emulation.tunnels import DEFAULT_CIPHER
from lab.supervisor.backend import EmulationBackend
from lab.supervisor.options import NetworkOptions
from lab.supervisor.simulated import SimulationBackend
from scenarios import vcpe_ping
from tests.emulation.lab_process import in_lab


def pings(backend: Backend) -> list[int]:
    """The echoes that came back of each four, after each failure."""
    lab = Lab("failing", backend=backend)
    vcpe_ping.run(lab)
    machines = {machine.name: machine for machine in lab.aws.describe_instances()}
    (ecs,) = lab.alibaba.describe_instances()
    lab.result.pings.clear()
    for failing in (machines["vcpe"], lab.cloud.store.all(CloudConnectNetwork)[0]):
        lab.fail(failing)
        lab.expect_ping(machines["app"], ecs)
        lab.expect_ping(ecs, machines["app"])
    return [ping.result.received for ping in lab.result.pings]


def test_in_memory() -> None:
    assert pings(SimulationBackend()) == [4, 4, 4, 4]


@pytest.mark.emulation
def test_with_real_packets() -> None:
    assert in_lab(lambda: pings(EmulationBackend(NetworkOptions(DEFAULT_CIPHER), lambda _text: None))) == [4, 4, 4, 4]
