"""How a lab ends, and how it comes back: on a host of its own, where everything that is left would be seen."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, UDP
from scapy.utils import rdpcap

from lab import connect
from lab.connection import Connection
from lab.errors import MachineError
from lab.supervisor.client import Client
from lab.supervisor.door import living
from tests.emulation.host import DIRECTORIES, ROOT, on_host
from tests.emulation.lab_process import all_results
from tests.emulation.machine_state import machine_state

pytestmark = pytest.mark.emulation

SAGLAB = Path(sys.executable).parent / "saglab"
NAME = "x"
STATE = Path("/run/state")
GONE_WITHIN = 20.0  # seconds; a busy machine takes its time
UP = [str(SAGLAB), "up", "vcpe-ping", "--name", NAME, "--state", str(STATE)]
Differences = dict[str, tuple[list[str], list[str]]]


def left_by(story: Callable[[], None]) -> Differences:
    """What a story leaves on its host, the state of the lab apart."""
    directories = [directory for directory in DIRECTORIES if directory != ROOT]
    before = machine_state(directories)
    story()
    deadline = time.monotonic() + GONE_WITHIN
    while True:
        left = machine_state(directories).difference(before)
        files = [name for name in left.get("files", ([], []))[0] if not name.startswith(str(STATE))]
        if set(left) <= {"files"} and not files:
            return {}
        if time.monotonic() > deadline:
            return left
        time.sleep(0.05)  # a poll of the condition, with the deadline above


def up(*options: str) -> None:
    done = subprocess.run([*UP, *options], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


def ended_by_down() -> None:
    up()
    Client(NAME).down()
    assert living() == []
    assert not STATE.exists()


def with_capture_and_keys() -> None:
    """Both are whole when the lab is down: from IKE's first packet to the last answer."""
    files = Path("/run/files")
    files.mkdir()
    up("--pcap", str(files / "x.pcapng"), "--keylog", str(files / "keys"))
    assert connect(NAME).ping("app", "ecs", count=2).passed
    said = subprocess.run([*UP, "--wan", "down"], capture_output=True, text=True, check=False)
    assert (said.returncode, "would have to be said as it comes up" in said.stderr) == (2, True)
    Client(NAME).down()
    packets = list(rdpcap(str(files / "x.pcapng")))
    first = next(packet for packet in packets if UDP in packet)
    assert (first.sniffed_on, first[UDP].dport) == ("vcpe:eth0", 500)
    assert sum(packet.sniffed_on == "app:eth0" and ICMP in packet for packet in packets) == 2 * (4 + 4 + 2)  # the run's and ours
    assert (files / "keys" / "esp_sa").read_text()
    shutil.rmtree(files)


def killed(victim: Callable[[Client], int]) -> None:
    """By SIGKILL; then it comes back as it was configured, with what was called in between."""
    up()
    lab = connect(NAME)
    (vpc,) = lab.aws.describe_vpcs()
    group = lab.aws.create_security_group("mine", "made while it was up", vpc.id)
    os.kill(victim(Client(NAME)), signal.SIGKILL)
    _wait_for(lambda: living() == [])
    up()
    lab = connect(NAME)
    assert group in lab.aws.describe_security_groups()
    assert lab.ping("app", "ecs", count=2).passed
    Client(NAME).down(keep=True)
    assert STATE.exists()


def interrupted() -> None:
    """Ctrl-C while it comes up: nothing is left, no state either."""
    run = subprocess.Popen(UP, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stdout is not None
    said = ""
    while "2.5" not in said:
        assert select.select([run.stdout], [], [], 100)[0], said
        said += os.read(run.stdout.fileno(), 4096).decode()
    os.killpg(run.pid, signal.SIGINT)
    _, stderr = run.communicate(timeout=60)
    assert (run.returncode, stderr) == (2, "saglab: interrupted\n")
    assert living() == []
    assert not STATE.exists()


def on_a_full_disk() -> None:
    """A call that cannot be kept is not made; the lab goes on, and what was acknowledged before is not lost."""
    STATE.mkdir()
    subprocess.run(["mount", "-n", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(STATE)], check=True)
    up()
    lab = connect(NAME)
    (vpc,) = lab.aws.describe_vpcs()
    group = lab.aws.create_security_group("mine", "made while there was room", vpc.id)
    _fill(STATE / "filler")
    said = _refusal(lab, vpc.id)
    assert "so nothing was changed" in said
    assert "full" in said
    assert lab.ping("app", "ecs", count=2).passed
    Client(NAME).down(keep=True)
    (STATE / "filler").unlink()
    up()
    assert group in connect(NAME).aws.describe_security_groups()
    Client(NAME).down()
    subprocess.run(["umount", "-n", str(STATE)], check=True)
    STATE.rmdir()


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))


def _refusal(lab: Connection, vpc: str) -> str:
    """What is said to the first call that is refused: SQLite has some room of its own."""
    for number in range(1000):
        try:
            lab.aws.create_security_group(f"group-{number}", "d" * 200, vpc)
        except MachineError as error:
            return str(error)
    return ""


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GONE_WITHIN
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # a poll of the condition, with the deadline above


STORIES: dict[str, Callable[[], None]] = {
    "down": ended_by_down,
    "kill -9 of the holder": partial(killed, lambda client: client.info().pid),
    "kill -9 of the supervisor": partial(killed, lambda client: client.supervisor),
    "Ctrl-C while it comes up": interrupted,
    "a full disk": on_a_full_disk,
    "capture and keys": with_capture_and_keys,
}


@pytest.fixture(scope="module")
def left() -> dict[str, Differences]:
    return all_results({name: partial(left_by, story) for name, story in STORIES.items()}, on_host)


@pytest.mark.parametrize("story", STORIES)
def test_nothing_is_left(left: dict[str, Differences], story: str) -> None:
    assert left[story] == {}
