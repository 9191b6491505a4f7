"""A real process in a network namespace of its own: started, spoken to, insulted, ended."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.packet import raw

from dataplane.control import ControlError, request
from dataplane.doubles import AWS, MTU, PEER, TO_POP_SPI, TO_VCPE_SPI, inbound_sa, material, outbound_sa
from dataplane.engine import Engine
from dataplane.packets import Datagram, Deliver, Effect, Send
from dataplane.peer import Peer
from tests.dataplane.open_files import open_files

pytestmark = [
    pytest.mark.emulation,
    pytest.mark.skipif(os.geteuid() != 0, reason="a TUN device and a network namespace need root"),
]

DATAPLANE = [sys.executable, "-m", "dataplane"]
START_WITHIN = 60.0  # seconds; a busy machine takes its time
HAPPEN_WITHIN = 60.0
POP_PORT = 4501
CLONE_NEWNET = 0x40000000


class Process:
    """A dataplane, and the files that it was started with."""

    def __init__(self, directory: Path, name: str = "vcpe") -> None:
        self.directory = directory
        self.control = directory / f"{name}.sock"
        self.config: dict[str, Any] = {
            "name": name,
            "tun": {"name": "tun0"},
            "underlay": {"address": "127.0.0.1", "port": 4500},
            "icmp_source": "10.0.1.10",
            "control": str(self.control),
            "keys_fd": 0,
            "eni_check": None,
            "headers": {"discover_mtu": False},
            "peers": [
                {
                    "name": PEER,
                    "cipher": "aes-256-gcm",
                    "prefixes": ["192.168.0.0/16"],
                    "endpoint": ["127.0.0.1", POP_PORT],
                    "speaks_first": True,
                }
            ],
        }
        self.keys: dict[str, Any] = {
            PEER: {
                "outbound": {"spi": TO_POP_SPI, "key": material(TO_POP_SPI).hex()},
                "inbound": {"spi": TO_VCPE_SPI, "key": material(TO_VCPE_SPI).hex()},
            }
        }

    def start(self, wrapper: Sequence[str] = ("unshare", "--net")) -> subprocess.Popen[str]:
        """Start it under `wrapper`, which executes it in its own place, so that the process id is the dataplane's."""
        keys = os.memfd_create("keys", 0)
        try:
            os.write(keys, json.dumps(self.keys).encode())
            self.config["keys_fd"] = self.config["keys_fd"] or keys
            path = self.directory / f"{self.config['name']}.json"
            path.write_text(json.dumps(self.config))
            script = 'ip link set lo up && exec "$0" "$@"'
            command = [*wrapper, "sh", "-c", script, *DATAPLANE, "--config", str(path)]
            return subprocess.Popen(command, pass_fds=[keys], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        finally:
            os.close(keys)

    def status(self) -> dict[str, Any]:
        return request(self.control, op="status")

    def peer(self) -> dict[str, Any]:
        result: dict[str, Any] = self.status()["peers"][PEER]
        return result


@contextmanager
def running(process: Process, *wrapper: str) -> Iterator[subprocess.Popen[str]]:
    """A started process that has said it is ready; ended by force if the test did not."""
    handle = process.start(wrapper or ("unshare", "--net"))
    try:
        wait_until(lambda: process.control.exists() or handle.poll() is not None, "control socket", START_WITHIN)
        assert handle.stdout is not None
        line = handle.stdout.readline()
        if line != "ready\n":
            pytest.fail(f"the dataplane said {line!r}, and: {handle.communicate()[1]}")
        yield handle
    finally:
        handle.kill()
        handle.communicate()


def wait_until(condition: Callable[[], bool], what: str, within: float = HAPPEN_WITHIN) -> None:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {within} s")
        time.sleep(0.01)


def in_namespace_of(handle: subprocess.Popen[str], *command: str) -> subprocess.CompletedProcess[str]:
    enter = ["nsenter", "--net", "--target", str(handle.pid), *command]
    return subprocess.run(enter, capture_output=True, text=True, check=False)


def must_in_namespace_of(handle: subprocess.Popen[str], *command: str) -> None:
    result = in_namespace_of(handle, *command)
    assert result.returncode == 0, result.stderr


def udp_socket_in(handle: subprocess.Popen[str]) -> socket.socket:
    """A UDP socket that lives in the process's network namespace. Python 3.11 has no setns of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open() as ours, Path(f"/proc/{handle.pid}/ns/net").open() as theirs:
        if libc.setns(theirs.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            result = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        finally:
            assert libc.setns(ours.fileno(), CLONE_NEWNET) == 0
    result.settimeout(HAPPEN_WITHIN)
    return result


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path)


# Life and death


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_starts_answers_and_ends(process: Process, number: signal.Signals) -> None:
    with running(process) as handle:
        assert process.status()["name"] == "vcpe"
        assert stat.S_IMODE(process.control.stat().st_mode) == 0o600
        tun = json.loads(in_namespace_of(handle, "ip", "-json", "link", "show", "tun0").stdout)[0]
        assert (tun["mtu"], tun["txqlen"], "UP" in tun["flags"]) == (MTU, 5000, True)
        handle.send_signal(number)
        assert handle.wait(HAPPEN_WITHIN) == 0
    assert not process.control.exists()


def test_keys_are_nowhere_to_be_seen(process: Process) -> None:
    with running(process) as handle:
        assert not any("memfd" in target for target in open_files(handle))
        seen = Path(f"/proc/{handle.pid}/cmdline").read_bytes() + Path(f"/proc/{handle.pid}/environ").read_bytes()
        assert material(TO_POP_SPI).hex().encode() not in seen


def test_stale_control_socket_of_a_killed_process_is_taken_over(process: Process) -> None:
    with running(process) as handle:
        handle.kill()
        handle.wait()
    assert process.control.exists()
    process.config["keys_fd"] = 0
    handle = process.start()
    try:
        assert handle.stdout is not None
        assert handle.stdout.readline() == "ready\n"
        assert process.status()["name"] == "vcpe"
    finally:
        handle.kill()
        handle.communicate()


def test_tun_taken_away_ends_it_with_a_message(process: Process) -> None:
    with running(process) as handle:
        must_in_namespace_of(handle, "ip", "link", "delete", "tun0")
        assert handle.wait(HAPPEN_WITHIN) == 1
        assert handle.communicate()[1].startswith("dataplane: TUN device tun0 is gone")


# Wrong beginnings: exit status 2, and each reason on a line


def ended(handle: subprocess.Popen[str]) -> tuple[int, list[str]]:
    out, err = handle.communicate(timeout=START_WITHIN)
    assert out == ""
    return handle.returncode, err.splitlines()


WRONG_STARTS: list[Any] = [
    pytest.param(
        {"name": "", "keys_fd": "x"},
        (),
        [
            "dataplane: name: '' must be printable text of 1 to 128 bytes",
            "dataplane: keys_fd: 'x' must be a whole number from 3 to 2147483647",
        ],
        id="two-wrong-fields",
    ),
    pytest.param({"keys_fd": 999}, (), ["dataplane: keys_fd: 999 cannot be read: Bad file descriptor"], id="no-keys"),
    pytest.param(
        {"underlay": {"address": "192.0.2.1", "port": 4500}},
        (),
        ["dataplane: underlay 192.0.2.1 port 4500: no interface has this address"],
        id="address-of-nobody",
    ),
    pytest.param(
        {"tun": {"name": "lo"}},
        (),
        ["dataplane: TUN device lo: an interface of that name exists and is no TUN device, or the MTU is out of range"],
        id="interface-that-is-no-tun",
    ),
    pytest.param(
        {"control": "/proc/none"}, (), ["dataplane: control socket /proc/none: No such file or directory"], id="control"
    ),
    pytest.param(
        {},
        ("unshare", "--net", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"),
        ["dataplane: /dev/net/tun is missing: load the kernel's tun module (modprobe tun)"],
        id="no-tun",
    ),
]


@pytest.mark.parametrize(("change", "wrapper", "lines"), WRONG_STARTS)
def test_wrong_start(process: Process, change: dict[str, Any], wrapper: tuple[str, ...], lines: list[str]) -> None:
    process.config.update(change)
    handle = process.start(wrapper or ("unshare", "--net"))
    assert ended(handle) == (2, lines)
    assert not process.control.exists()


def test_missing_configuration_file() -> None:
    result = subprocess.run([*DATAPLANE, "--config", "/nonexistent"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (2, "dataplane: configuration /nonexistent: No such file or directory\n")


def test_wrong_keys_are_refused_and_not_shown(process: Process) -> None:
    process.keys[PEER]["inbound"]["key"] = "5ec2e7"
    status, lines = ended(process.start())
    assert (status, len(lines)) == (2, 1)
    assert lines[0].startswith(f"dataplane: keys.{PEER}.inbound.key: 3 bytes are given")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({}, "TUN device tun0: another process is attached to it", id="tun"),
        pytest.param({"tun": {"name": "tun1"}}, "underlay 127.0.0.1 port 4500: another process uses this port", id="port"),
        pytest.param(
            {"tun": {"name": "tun1"}, "underlay": {"address": "127.0.0.1", "port": 4502}},
            "another process listens there",
            id="control",
        ),
    ],
)
def test_second_process_in_the_same_place(process: Process, change: dict[str, Any], message: str) -> None:
    with running(process) as handle:
        second = Process(process.directory, "second")
        second.config.update({"control": str(process.control), **change})
        status, lines = ended(second.start(["nsenter", "--net", "--target", str(handle.pid)]))
        assert status == 2
        assert len(lines) == 1
        assert message in lines[0]
        assert process.status()["name"] == "vcpe"


# Packets


class PointOfPresence:
    """The other end, inside the test: our engine over a socket in the process's namespace."""

    def __init__(self, underlay: socket.socket) -> None:
        peer = Peer(PEER, outbound_sa(TO_VCPE_SPI), inbound_sa(TO_POP_SPI), [AWS])
        self.engine = Engine([peer], mtu=MTU, icmp_source=IPv4Address("192.168.0.1"), now=time.monotonic())
        self.underlay = underlay
        underlay.bind(("127.0.0.1", POP_PORT))

    def receive(self) -> list[bytes]:
        """Take one datagram, answer it if the engine does, and return the inner packet it held, if any."""
        payload, endpoint = self.underlay.recvfrom(65535)
        return self._carry_out(self.engine.inbound([Datagram(payload, endpoint)], time.monotonic()))

    def send(self, packet: bytes) -> None:
        self._carry_out(self.engine.outbound([packet], time.monotonic()))

    def _carry_out(self, effects: list[Effect]) -> list[bytes]:
        for effect in effects:
            if isinstance(effect, Send):
                self.underlay.sendto(effect.payload, effect.endpoint)
        return [bytes(effect.packet) for effect in effects if isinstance(effect, Deliver)]


@pytest.fixture
def tunnel(process: Process) -> Iterator[tuple[subprocess.Popen[str], PointOfPresence]]:
    """A process with an address and a route, whose other end the test plays; they have heard each other."""
    with running(process) as handle, udp_socket_in(handle) as underlay:
        must_in_namespace_of(handle, "ip", "address", "add", "10.0.1.10/32", "dev", "lo")
        must_in_namespace_of(handle, "ip", "route", "add", "192.168.0.0/16", "dev", "tun0", "src", "10.0.1.10")
        pop = PointOfPresence(underlay)
        assert pop.receive() == []
        wait_until(lambda: process.peer()["heard"] is not None, "the answer to the opening dummy packet")
        yield handle, pop


def test_ping_there_and_back(process: Process, tunnel: tuple[subprocess.Popen[str], PointOfPresence]) -> None:
    handle, pop = tunnel
    command = ["nsenter", "--net", "--target", str(handle.pid), "ping", "-c", "1", "-W", "5", "192.168.1.10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ping:
        (request_packet,) = pop.receive()
        echo = IP(request_packet)
        assert (echo.src, echo.dst, echo[ICMP].type) == ("10.0.1.10", "192.168.1.10", 8)
        reply = IP(src=echo.dst, dst=echo.src) / ICMP(type=0, id=echo[ICMP].id, seq=echo[ICMP].seq) / echo[ICMP].payload
        pop.send(raw(reply))
        output = ping.communicate(timeout=HAPPEN_WITHIN)[0]
    assert ping.returncode == 0, output
    peer = process.peer()
    assert (peer["sent_packets"], peer["received_packets"], peer["drops"]) == (1, 1, {})


def test_tos_crosses_the_kernel_both_ways(process: Process, tunnel: tuple[subprocess.Popen[str], PointOfPresence]) -> None:
    """The outer header has the TOS byte of the inner one; a congestion mark of the underlay comes out inside."""
    handle, pop = tunnel
    pop.underlay.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    command = ["nsenter", "--net", "--target", str(handle.pid), "ping", "-c", "1", "-W", "5", "-Q", "0xba", "192.168.1.10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ping:
        payload, ancillary, _, endpoint = pop.underlay.recvmsg(2048, 64)
        assert [data[0] for _, _, data in ancillary] == [0xBA]
        (deliver,) = pop.engine.inbound([Datagram(payload, endpoint)], time.monotonic())
        assert isinstance(deliver, Deliver)
        echo = IP(bytes(deliver.packet))
        assert echo.tos == 0xBA
        pop.underlay.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x03)
        pop.send(raw(IP(src=echo.dst, dst=echo.src, tos=0) / ICMP(type=0, id=echo[ICMP].id, seq=1) / echo[ICMP].payload))
        wait_until(lambda: process.peer()["drops"] == {"CONGESTION_EXPERIENCED": 1}, "the mark seen")
        pop.send(raw(IP(src=echo.dst, dst=echo.src, tos=2) / ICMP(type=0, id=echo[ICMP].id, seq=1) / echo[ICMP].payload))
        output = ping.communicate(timeout=HAPPEN_WITHIN)[0]
    assert ping.returncode == 0, output


def test_sender_on_the_same_machine_hears_that_a_packet_is_too_big(
    process: Process, tunnel: tuple[subprocess.Popen[str], PointOfPresence]
) -> None:
    handle, _ = tunnel
    must_in_namespace_of(handle, "ip", "link", "set", "tun0", "mtu", "1500")
    result = in_namespace_of(handle, "ping", "-c", "1", "-W", "2", "-M", "do", "-s", str(MTU - 27), "192.168.1.10")
    assert result.returncode == 1
    assert f"mtu = {MTU}" in result.stdout
    assert process.peer()["drops"] == {"PACKET_TOO_BIG": 1}


def test_rubbish_is_counted_and_harms_nobody(process: Process, tunnel: tuple[subprocess.Popen[str], PointOfPresence]) -> None:
    handle, pop = tunnel
    rubbish = {
        b"": "MALFORMED_ESP",
        b"\x01\x02": "MALFORMED_ESP",
        bytes(40): "IKE_NOT_SUPPORTED",
        b"\xde\xad\xbe\xef" + bytes(36): "UNKNOWN_SPI",
    }
    forged = TO_VCPE_SPI.to_bytes(4, "big") + bytes(40)
    with udp_socket_in(handle) as attacker:
        for _ in range(100):
            for payload in (*rubbish, forged, b"\xff"):
                attacker.sendto(payload, ("127.0.0.1", 4500))
    expected = {"MALFORMED_ESP": 200, "IKE_NOT_SUPPORTED": 100, "UNKNOWN_SPI": 100}
    wait_until(lambda: process.status()["keepalives_received"] == 100, "all datagrams counted")
    assert process.status()["drops"] == expected
    assert process.peer()["drops"] == {"AUTHENTICATION_FAILED": 100}
    assert process.peer()["endpoint"] == ["127.0.0.1", POP_PORT]
    pop.send(raw(IP(src="192.168.1.10", dst="10.0.1.10") / ICMP()))
    (answer,) = pop.receive()
    assert IP(answer)[ICMP].type == 0


# The control socket


def connect(process: Process) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(HAPPEN_WITHIN)
    client.connect(str(process.control))
    return client


def sent(client: socket.socket, data: bytes) -> bool:
    """Whether the other side still takes data."""
    try:
        client.sendall(data)
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        return False
    return True


def test_changes_take_effect_at_once(process: Process) -> None:
    with running(process):
        request(process.control, op="set_prefixes", peer=PEER, prefixes=["172.16.0.0/12"])
        assert process.peer()["prefixes"] == ["172.16.0.0/12"]
        request(process.control, op="set_eni_check", addresses=["10.0.2.10"], enabled=True)
        with pytest.raises(ControlError, match="peer 'nobody' is unknown"):
            request(process.control, op="set_prefixes", peer="nobody", prefixes=[])


def test_clients_that_hang_leave_or_talk_rubbish_block_nobody(process: Process) -> None:
    with running(process):
        hanging = [connect(process) for _ in range(20)]
        hanging[-1].sendall(b'{"op": "sta')
        with connect(process) as rubbish:
            rubbish.sendall(b"\xff\x00\n[]\n")
            assert rubbish.makefile("rb").readline() == b'{"error": "the line is no JSON"}\n'
        with connect(process) as leaver:
            leaver.sendall(b'{"op": "status"}\n' * 100)
        assert process.status()["name"] == "vcpe"
        hanging[-1].sendall(b'tus"}\n')
        assert json.loads(hanging[-1].makefile("rb").readline())["name"] == "vcpe"
        for client in hanging:
            client.close()


def test_client_that_never_listens_is_not_listened_to(process: Process) -> None:
    """Its requests pile up in its own buffers; the dataplane keeps one answer for it and no more."""
    with running(process), connect(process) as deaf:
        deaf.setblocking(False)
        wait_until(lambda: not sent(deaf, b'{"op": "status"}\n' * 100), "the deaf client's buffers full")
        assert process.status()["name"] == "vcpe"


def test_endless_line_is_cut(process: Process) -> None:
    with running(process), connect(process) as endless:
        wait_until(lambda: not sent(endless, b"x" * 65536), "the endless line refused")
        assert process.status()["name"] == "vcpe"


def test_asking_nobody(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="does not answer"):
        request(tmp_path / "nobody.sock", op="status")
