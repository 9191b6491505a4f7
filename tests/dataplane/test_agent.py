"""The agent and what workers may ask of it: what is done, what is refused, and what ends a worker."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from dataplane.config import WORKER_USER
from dataplane.keylog import Table
from dataplane.linux import agent as agent_module
from dataplane.linux.channel import Channel, Refused
from dataplane.linux.ethtool import features
from dataplane.linux.privileges import drop_privileges, identity_of
from dataplane.linux.requests import (
    AddAddress,
    AddRoute,
    MalformedRequest,
    OpenControl,
    OpenKeyLog,
    OpenTun,
    OpenUnderlay,
    RemoveAddress,
    RemoveRoute,
    Request,
    SetMtu,
    Tune,
    Untune,
    decode,
    encode,
)
from dataplane.linux.sysfs import read_attribute
from dataplane.linux.tuning import DEFERRALS, FLUSH_TIMEOUT, GRO, UDP_GRO_FORWARDING
from tests.dataplane.agent_process import configuration, serve

emulation = pytest.mark.emulation

OWN, LAN = IPv4Address("10.0.1.10"), IPv4Network("192.168.0.0/16")
LOOPBACK = IPv4Address("127.0.0.1")
TUNSETOFFLOAD, TUN_F_CSUM = 0x400454D0, 1
TUNE = Tune("lan", gro=True, udp_gro_forwarding=True, gro_flush_timeout=30000, napi_defer_hard_irqs=2)

REQUESTS: tuple[Request, ...] = (
    OpenTun(1400),
    OpenTun(1400, vnet_header=True, multi_queue=True),
    OpenUnderlay(LOOPBACK, 4500),
    OpenUnderlay(LOOPBACK, 500, shared=True),
    OpenControl(),
    OpenKeyLog(Table.ESP),
    SetMtu(1300),
    AddAddress(OWN, 32),
    RemoveAddress(OWN, 32),
    AddRoute(LAN),
    AddRoute(LAN, OWN),
    RemoveRoute(LAN),
    TUNE,
    Untune("lan"),
)

MALFORMED: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"\xff\x00", "it is no JSON"),
    "no object": (b"[]", "the document: [] must be an object"),
    "nothing that is known": (b'{"request": "Execute"}', "request: 'Execute' must be one of OpenTun, OpenUnderlay,"),
    "a name that is no text": (b'{"request": ["OpenTun"]}', "must be one of"),
    "a field too many": (b'{"request": "OpenControl", "path": "/etc/shadow"}', "path: is unknown; known: request"),
    "a device of its own choice": (
        b'{"request": "OpenTun", "mtu": 1400, "vnet_header": false, "multi_queue": false, "name": "eth0"}',
        "name: is unknown; known: request, mtu, vnet_header, multi_queue",
    ),
    "a field too few": (b'{"request": "SetMtu"}', "mtu: is missing, must be a whole number from 68 to 65473"),
    "a number out of bounds": (b'{"request": "SetMtu", "mtu": 65536}', "mtu: 65536 must be a whole number"),
    "a truth for a number": (b'{"request": "SetMtu", "mtu": true}', "mtu: True must be a whole number"),
    "host bits": (b'{"request": "RemoveRoute", "destination": "10.0.0.1/8"}', "destination: '10.0.0.1/8' must have no bits set"),
    "a path for an interface": (b'{"request": "Untune", "interface": "../lan"}', "interface: '../lan' must be an interface name"),
    "a table that is none": (b'{"request": "OpenKeyLog", "table": "../shadow"}', "table: '../shadow' must be one of"),
    "too long": (b'{"request": "OpenControl"}' + b" " * 4096, "it is longer than 4096 bytes"),
}


@pytest.mark.parametrize("request_", REQUESTS, ids=repr)
def test_request_is_read_as_it_was_written(request_: Request) -> None:
    assert decode(encode(request_)) == request_


@pytest.mark.parametrize(("message", "reason"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_request_is_not_read(message: bytes, reason: str) -> None:
    with pytest.raises(MalformedRequest) as raised:
        decode(message)
    assert reason in str(raised.value)


def unprivileged(work: Callable[[Channel], None]) -> Callable[[Channel], int]:
    """A worker that has nothing left but the channel."""

    def run(channel: Channel) -> int:
        drop_privileges(identity_of(WORKER_USER))
        work(channel)
        return 0

    return run


def assert_done(directory: Path, work: Callable[[Channel], None]) -> None:
    status, lines = serve(configuration(directory), unprivileged(work))
    assert status == 0, "\n".join(lines)


def refusal(channel: Channel, request: Request) -> str:
    try:
        channel.order(request)
    except Refused as error:
        return str(error)
    raise AssertionError(f"{request} was not refused")


def ip(*arguments: str) -> Any:
    done = subprocess.run(["ip", "-json", *arguments], capture_output=True, check=True)
    return json.loads(done.stdout or b"[]")


def addresses() -> list[str]:
    found = ip("address", "show", "tun0")[0]["addr_info"]
    return [f"{address['local']}/{address['prefixlen']}" for address in found if address["family"] == "inet"]


def routes() -> list[tuple[str, str | None]]:
    return [(route["dst"], route.get("prefsrc")) for route in ip("route", "show", "dev", "tun0")]


# What is done


@emulation
@pytest.mark.usefixtures("nobody_may_read")  # for the worker calls a command
def test_tun_device_and_what_belongs_to_it(tmp_path: Path) -> None:
    def work(channel: Channel) -> None:
        first = channel.obtain(OpenTun(1400))
        channel.order(SetMtu(1300))
        for _ in range(2):  # once more changes nothing
            channel.order(AddAddress(OWN, 32))
            channel.order(AddRoute(LAN))
        assert (ip("link", "show", "tun0")[0]["mtu"], addresses()) == (1300, ["10.0.1.10/32"])
        assert routes() == [("192.168.0.0/16", None)]
        channel.order(AddRoute(LAN, OWN))
        assert routes() == [("192.168.0.0/16", "10.0.1.10")]
        channel.order(RemoveRoute(LAN))
        channel.order(RemoveAddress(OWN, 32))
        assert (addresses(), routes()) == ([], [])
        os.close(first)
        assert "there is no such interface" in refusal(channel, AddAddress(OWN, 32))
        channel.obtain(OpenTun(1400))  # lost, and made again
        assert ip("link", "show", "tun0")[0]["mtu"] == 1400

    assert_done(tmp_path, work)


@emulation
def test_queues_of_a_device_and_its_offloads(tmp_path: Path) -> None:
    def work(channel: Channel) -> None:
        wanted = OpenTun(1400, vnet_header=True, multi_queue=True)
        queues = [channel.obtain(wanted) for _ in range(2)]
        for queue in queues:
            fcntl.ioctl(queue, TUNSETOFFLOAD, TUN_F_CSUM)  # takes no privilege
        assert "TUN device tun0: " in refusal(channel, OpenTun(1400))  # a queue of another kind

    assert_done(tmp_path, work)


@emulation
def test_sockets(tmp_path: Path) -> None:
    def work(channel: Channel) -> None:
        shared = OpenUnderlay(IPv4Address(0), 4500, shared=True)
        sockets = [socket.socket(fileno=channel.obtain(shared)) for _ in range(2)]
        assert [one.getsockname() for one in sockets] == [("0.0.0.0", 4500)] * 2  # noqa: S104 - a namespace of its own
        assert "another process uses this port" in refusal(channel, OpenUnderlay(IPv4Address(0), 4500))
        listener = socket.socket(fileno=channel.obtain(OpenControl()))
        assert listener.getsockname() == str(tmp_path / "vcpe.sock")

    assert_done(tmp_path, work)
    assert list(tmp_path.iterdir()) == []  # the control socket goes with the agent


REFUSED: tuple[tuple[Request, str], ...] = (
    (OpenUnderlay(LOOPBACK, 53), "port 53 is not one of the configuration's: 4500"),
    (OpenUnderlay(LOOPBACK, 500), "port 500 is not one of the configuration's: 4500"),
    (OpenUnderlay(IPv4Address("192.0.2.1"), 4500), "no interface has this address"),
    (OpenKeyLog(Table.IKE), "no key log was asked for"),
    (TUNE, "interface lan is not one of the configuration's"),
    (AddRoute(LAN), "route to 192.168.0.0/16 by tun0: there is no such interface"),
    (SetMtu(1400), "TUN device tun0: No such device"),
)


@emulation
def test_refused_request_and_a_worker_that_goes_on(tmp_path: Path) -> None:
    def work(channel: Channel) -> None:
        for request, reason in REFUSED:
            assert reason in refusal(channel, request)
        channel.obtain(OpenTun(1400))
        assert "Cannot assign requested address" in refusal(channel, RemoveAddress(OWN, 32))
        os.close(channel.obtain(OpenControl()))
        assert "it is open already" in refusal(channel, OpenControl())

    assert_done(tmp_path, work)


def tuned() -> tuple[bool, bool, int, int]:
    active = features("lan")
    attributes = (int(read_attribute("lan", name)) for name in (FLUSH_TIMEOUT, DEFERRALS))
    return active[GRO], active[UDP_GRO_FORWARDING], *attributes  # type: ignore[return-value]


@emulation
@pytest.mark.parametrize("ending", ["asked", "ended", "killed"])
def test_interface_is_tuned_and_put_back(tmp_path: Path, ending: str) -> None:
    def before() -> None:
        """Here and, from outside the agent, after it."""
        subprocess.run(["ip", "link", "add", "lan", "type", "veth", "peer", "name", "far"], check=True)
        print(tuned(), flush=True)
        pid = os.fork()
        if pid:  # the child goes on, and becomes the agent
            os.waitpid(pid, 0)
            print(tuned(), flush=True)
            os._exit(0)

    def work(channel: Channel) -> int:
        for _ in range(2):  # what was before is not what the first one made
            channel.order(TUNE)
        print(tuned(), flush=True)
        if ending == "asked":
            for _ in range(2):
                channel.order(Untune("lan"))
            print(tuned(), flush=True)
        elif ending == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    _, (untouched, during, *after) = serve(configuration(tmp_path, interfaces=["lan"]), work, before=before)
    assert during == "(True, True, 30000, 2)"
    expected = {"asked": [untouched, untouched], "killed": ["dataplane: the worker was killed by SIGKILL", untouched]}
    assert after == expected.get(ending, [untouched])
    assert untouched != during


# What ends a worker


def forever(channel: Channel) -> None:
    """Outlive everything but SIGKILL."""
    while True:
        time.sleep(60)


@emulation
@pytest.mark.parametrize("what", ["no JSON", "a device of its own choice", "too long"])
def test_malformed_request_ends_the_worker(tmp_path: Path, what: str) -> None:
    message, reason = MALFORMED[what]

    def work(channel: Channel) -> None:
        channel.socket.send(message)
        forever(channel)

    status, lines = serve(configuration(tmp_path), unprivileged(work))
    assert (status, len(lines)) == (1, 2)
    assert lines[0].startswith("dataplane: the worker is killed, because it broke the channel's rules: ")
    assert reason in lines[0]
    assert lines[1] == "dataplane: the worker was killed by SIGKILL"


@emulation
def test_worker_that_asks_and_does_not_listen_is_killed(tmp_path: Path) -> None:
    def work(channel: Channel) -> None:
        while True:
            channel.socket.send(encode(SetMtu(1400)))

    status, lines = serve(configuration(tmp_path), unprivileged(work))
    assert status == 1
    assert "Resource temporarily unavailable" in lines[0]


@emulation
def test_descriptor_that_a_worker_sends_is_not_taken(tmp_path: Path) -> None:
    def work(channel: Channel) -> None:
        ours, theirs = socket.socketpair()
        socket.send_fds(channel.socket, [encode(OpenControl())], [theirs.fileno()])
        theirs.close()
        assert socket.recv_fds(channel.socket, 100, 1)[0] == b"null"
        assert ours.recv(1) == b""  # nobody holds the other end

    assert_done(tmp_path, work)


@emulation
def test_end_of_one_worker_is_the_end_of_all(tmp_path: Path) -> None:
    def told_to_end(channel: Channel) -> int:
        signal.sigwait([signal.SIGTERM])
        return 0

    assert serve(configuration(tmp_path), told_to_end, lambda _: 1, told_to_end) == (1, [])


@emulation
def test_worker_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "LEAVE_SECONDS", 0.1)
    status, lines = serve(configuration(tmp_path), unprivileged(forever), lambda _: 0)
    assert (status, lines) == (1, ["dataplane: the worker was killed by SIGKILL"])


@emulation
def test_worker_that_does_not_wait_for_its_answer(tmp_path: Path) -> None:
    def work(channel: Channel) -> int:
        for _ in range(3):
            channel.socket.send(encode(SetMtu(1400)))
        return 0

    assert serve(configuration(tmp_path), work) == (0, [])


@emulation
def test_worker_that_closes_its_channel_goes_on(tmp_path: Path) -> None:
    def work(channel: Channel) -> int:
        channel.close()
        time.sleep(0.05)
        return 2

    assert serve(configuration(tmp_path), work) == (2, [])


@emulation
def test_worker_that_fails_says_why(tmp_path: Path) -> None:
    def work(channel: Channel) -> int:
        raise ValueError("a mistake of ours")

    status, lines = serve(configuration(tmp_path), work)
    assert (status, lines[-1]) == (1, "ValueError: a mistake of ours")
