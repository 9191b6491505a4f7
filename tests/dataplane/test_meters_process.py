"""A metered peer of a real process: what was counted outlives it, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import raw

from dataplane.doubles import PEER
from dataplane.meters import Reading, read_meters
from dataplane.packets import Datagram, Deliver
from tests.dataplane.test_process import (
    PointOfPresence,
    Process,
    ended,
    in_namespace_of,
    must_in_namespace_of,
    running,
    udp_socket_in,
    wait_until,
)

pytestmark = [
    pytest.mark.emulation,
    pytest.mark.skipif(os.geteuid() != 0, reason="a TUN device and a network namespace need root"),
]

METER = "cu-1"
PAYLOAD = 72  # bytes behind the headers of IP and ICMP, or UDP
SO_RCVBUFFORCE = 33  # asm-generic/socket.h


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


BURST = 1000  # packets in each direction
ONE_CALL = 64  # datagrams: what may have been counted and not given on, if the process dies in the instant between the two
PORT = 5000


def inner(number: int) -> bytes:
    header = IP(src="192.168.1.10", dst="10.0.1.10", id=number) / UDP(sport=PORT, dport=PORT, chksum=0)
    return raw(header / bytes(PAYLOAD))


def waiting(connection: socket.socket) -> Iterator[Datagram]:
    """All that a socket has got."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            yield Datagram(*connection.recvfrom(65535))


def test_what_went_on_is_counted_when_the_worker_is_killed_in_full_traffic(process: Process) -> None:
    """A queue waits on either side of it."""
    with running(process) as handle, udp_socket_in(handle) as underlay, udp_socket_in(handle) as host:
        for command in ("address add 10.0.1.10/32 dev lo", "route add 192.168.0.0/16 dev tun0 src 10.0.1.10"):
            must_in_namespace_of(handle, "ip", *command.split())
        for each in (underlay, host):
            each.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 * 1024 * 1024)
        host.bind(("10.0.1.10", PORT))
        pop, worker = PointOfPresence(underlay), worker_of(handle)
        pop.receive()
        wait_until(lambda: process.peer()["heard"] is not None, "the answer to the opening dummy packet")
        os.kill(worker, signal.SIGSTOP)
        for number in range(BURST):
            pop.send(inner(number))
            host.sendto(bytes(PAYLOAD), ("192.168.1.10", PORT))
        os.kill(worker, signal.SIGCONT)
        counted = read(process)
        while min(counted.received_packets, counted.sent_packets) < BURST // 10:
            assert handle.poll() is None
            counted = read(process)
        os.kill(worker, signal.SIGKILL)
        handle.wait()
        counted = read(process)
        received = len(list(waiting(host)))
        sent = len([one for one in pop.engine.inbound(list(waiting(underlay)), time.monotonic()) if isinstance(one, Deliver)])
    assert 0 <= counted.received_packets - received <= 1
    assert 0 <= counted.sent_packets - sent <= ONE_CALL
    assert (counted.received_bytes, counted.sent_bytes) == (100 * counted.received_packets, 100 * counted.sent_packets)


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
