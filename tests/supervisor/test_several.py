"""Three labs of one scenario at once: they come up side by side, and the end of one does not touch the others."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab import connect
from lab.errors import UsageError
from lab.supervisor.client import Client
from lab.supervisor.door import living
from tests.steady_ping import SteadyPing
from tests.supervisor.command import SAGLAB

pytestmark = pytest.mark.emulation

NAMES = tuple(f"several-{os.getpid()}-{letter}" for letter in "abc")
ECS = "192.168.1.10"


@pytest.fixture
def labs(tmp_path: Path) -> Iterator[dict[str, int]]:
    """All three up, with the exit status of each `up`. Afterwards they are down."""
    commands = {name: [SAGLAB, "up", "vcpe-ping", "--name", name, "--state", str(tmp_path / name)] for name in NAMES}
    started = {
        name: subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for name, command in commands.items()
    }
    yield {name: process.wait(120) for name, process in started.items()}
    for name in NAMES:
        with suppress(UsageError):  # it is down
            Client(name).down()


def test_three_labs_at_once(labs: dict[str, int], tmp_path: Path) -> None:
    assert labs == dict.fromkeys(NAMES, 0)  # each has passed its own pings
    assert set(NAMES) <= set(living())
    first, second, third = NAMES
    flows = [SteadyPing(tmp_path / f"{name}.log", ECS, Client(name).entry("app")) for name in (first, third)]
    connect(second).impair("wan", "down")
    assert not connect(second).ping("app", "ecs", count=1).passed
    Client(second).down()
    assert second not in living()
    assert [flow.end() for flow in flows] == ["0 lost, 0 twice"] * 2
    assert all(connect(name).ping("app", "ecs", count=2).passed for name in (first, third))
