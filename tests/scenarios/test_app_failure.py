"""A point of presence that fails under a script of one's own: its clients connect anew, in memory and with real packets."""

from __future__ import annotations

import pytest

from lab.backend import Backend
from lab.cloud.alibaba import AppSession, CloudConnectNetwork, Instance
from lab.cloud.terminals import Terminal
from lab.emulation.tunnels import DEFAULT_CIPHER
from lab.session import Lab
from lab.supervisor.backend import EmulationBackend
from lab.supervisor.options import NetworkOptions
from lab.supervisor.simulated import SimulationBackend
from scenarios import app_get_started
from tests.emulation.lab_process import in_lab


def fail_and_look(backend: Backend) -> tuple[bool, bool]:
    """Whether all is as expected after the failure, and whether the laptop has another secret and another address."""
    lab = Lab("failure", backend=backend)
    app_get_started.run(lab)
    store = lab.cloud.store
    (before,) = store.all(AppSession)
    lab.fail(store.all(CloudConnectNetwork)[0])
    lab.expect_message(store.all(Terminal)[0])
    lab.expect_ping(store.all(Terminal)[0], store.all(Instance)[0])
    (after,) = store.all(AppSession)
    return lab.result.passed, before.secret != after.secret and before.address != after.address


def test_in_memory() -> None:
    assert fail_and_look(SimulationBackend()) == (True, True)


@pytest.mark.emulation
def test_with_real_packets() -> None:
    assert in_lab(lambda: fail_and_look(EmulationBackend(NetworkOptions(DEFAULT_CIPHER), lambda _text: None))) == (True, True)
