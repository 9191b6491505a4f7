"""A metered peer of a real process: what was counted outlives it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from dataplane.doubles import PEER
from dataplane.meters import Reading, read_meters
from tests.dataplane.test_process import PointOfPresence, Process, ended, in_namespace_of, running, udp_socket_in, wait_until

pytestmark = [
    pytest.mark.emulation,
    pytest.mark.skipif(os.geteuid() != 0, reason="a TUN device and a network namespace need root"),
]

METER = "cu-1"
PAYLOAD = 72  # bytes behind the headers of IP and ICMP


@pytest.fixture
def process(tmp_path: Path) -> Process:
    process = Process(tmp_path)
    process.config["meters"] = str(tmp_path / "meters")
    process.config["peers"][0]["meter"] = METER
    return process


def read(process: Process) -> Reading:
    return read_meters(memoryview((process.directory / "meters").read_bytes()))[METER]


def worker_of(handle: subprocess.Popen[str]) -> int:
    return int(Path(f"/proc/{handle.pid}/task/{handle.pid}/children").read_text())


def carry(process: Process, handle: subprocess.Popen[str], packets: int) -> None:
    """Packets to the other end, which the test plays, and all of them taken there."""
    with udp_socket_in(handle) as underlay:
        for command in ("address add 10.0.1.10/32 dev lo", "route add 192.168.0.0/16 dev tun0 src 10.0.1.10"):
            assert in_namespace_of(handle, "ip", *command.split()).returncode == 0
        pop = PointOfPresence(underlay)
        pop.receive()
        wait_until(lambda: process.peer()["heard"] is not None, "the answer to the opening dummy packet")
        in_namespace_of(handle, "ping", "-c", str(packets), "-l", str(packets), "-s", str(PAYLOAD), "-W", "0.1", "192.168.1.10")
        assert len([packet for _ in range(packets) for packet in pop.receive()]) == packets


@pytest.fixture
def killed(process: Process) -> Process:
    """After three packets the worker is killed, and with it ends the process."""
    with running(process) as handle:
        carry(process, handle, 3)
        os.kill(worker_of(handle), signal.SIGKILL)
        handle.wait()
    process.config["keys_fd"] = 0
    return process


def test_packets_of_before_a_kill_and_after_it_add_up(killed: Process) -> None:
    assert read(killed) == Reading(sent_packets=3, sent_bytes=300)
    with running(killed) as handle:
        carry(killed, handle, 2)
        assert killed.peer()["sent_bytes"] == 200
        assert read(killed) == Reading(sent_packets=5, sent_bytes=500)


def test_nobody_else_may_count_in_the_file(process: Process) -> None:
    with running(process):
        second = Process(process.directory, "second")
        second.config["meters"] = process.config["meters"]
        path = process.directory / "meters"
        assert ended(second.start()) == (2, [f"dataplane: file for the meters {path}: another process counts in it"])
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_file_of_another_kind_is_left_alone(process: Process) -> None:
    path = process.directory / "meters"
    path.write_text("a diary")
    status, lines = ended(process.start())
    assert (status, lines) == (2, ["dataplane: the file for the meters holds something else; remove it"])
    assert path.read_text() == "a diary"
    assert PEER in process.keys
