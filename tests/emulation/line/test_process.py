"""A line between two hosts, in a lab: what its seed foretells is what happens to packets.

    a 10.0.0.1 ──── left m right ──── b 10.0.0.2
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pytest

from lab.emulation.line.direction import Direction
from lab.emulation.line.process import CUT_UP, LineProcess
from lab.emulation.machine import Machine
from lab.errors import MachineError
from lab.impairments import parse_impairments
from tests.emulation.lab_process import in_lab

pytestmark = pytest.mark.emulation

A, B = "10.0.0.1", "10.0.0.2"
SEED = "a seed of the tests"
PINGS = 100
WANTED = "delay 20ms loss 20% duplicate 10% / delay 10ms loss 10%"
SHORTEST = 30.0  # ms there and back
BULK, PORTION = 200_000, 20_000  # bytes; a portion waits in the sockets' buffers
WITHIN = 60.0  # seconds; a busy machine takes its time

Counted = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Observed:
    """The answers to pings as number and round trip in ms, and what the line had counted after them, and after the bulk."""

    answers: list[tuple[int, float]]
    counted: Counted
    received: int
    counted_later: Counted
    answers_when_down: int
    refusals: list[str]


def observe() -> Observed:
    with network() as (a, m, b):
        line = LineProcess(m, "left", "right", parse_impairments(WANTED), SEED)
        answers = ping(a, PINGS)
        counted = line.counters()
        line.set(parse_impairments(""))
        received = transfer(a, b)
        counted_later = line.counters()
        line.set(parse_impairments("/ down"))
        answers_when_down = len(ping(a, 2))
        line.stop()
        return Observed(answers, counted, received, counted_later, answers_when_down, [*refusals(m, line)])


@contextmanager
def network() -> Iterator[tuple[Machine, Machine, Machine]]:
    """Two hosts that know each other's link-layer address, so that nothing but their packets passes the line."""
    a, m, b = machines = (Machine("a"), Machine("m"), Machine("b"))
    try:
        for host, end, address in ((a, "left", A), (b, "right", B)):
            m.netlink.link("add", kind="veth", ifname=end, peer={"ifname": "eth0", "net_ns_fd": host.namespace.fd})
            for machine, name in ((m, end), (host, "eth0")):
                machine.netlink.link("set", index=machine.interface_index(name), state="up")
            host.netlink.addr("add", index=host.interface_index("eth0"), address=address, prefixlen=24)
            host.run("ethtool", "-K", "eth0", *CUT_UP)
        for host, neighbour, address in ((a, b, B), (b, a, A)):
            link = neighbour.run("cat", "/sys/class/net/eth0/address").strip()
            host.run("ip", "neighbour", "add", address, "lladdr", link, "dev", "eth0", "nud", "permanent")
        yield machines
    finally:
        for machine in machines:
            machine.terminate()


def ping(machine: Machine, count: int) -> list[tuple[int, float]]:
    process = machine.popen("ping", "-n", "-c", str(count), "-l", str(count), "-i", "2", "-W", "1", B)
    out, _ = process.communicate()
    return [(int(number), float(time)) for number, time in re.findall(r"icmp_seq=(\d+) ttl=\d+ time=([\d.]+)", out.decode())]


def transfer(a: Machine, b: Machine) -> int:
    """Send a lot over TCP, whose checksums the kernel leaves open on a veth. Returns how many bytes came."""
    with b.namespace.inside():
        server = socket.create_server((B, 5000))
    with a.namespace.inside():
        client = socket.socket()
    for each in (server, client):
        each.settimeout(WITHIN)
    with server, client:
        client.connect((B, 5000))
        accepted, _ = server.accept()
        accepted.settimeout(WITHIN)
        with accepted, accepted.makefile("rb") as stream:
            return sum(_portion(client, stream) for _ in range(BULK // PORTION))


def _portion(client: socket.socket, stream: BinaryIO) -> int:
    client.sendall(bytes(PORTION))
    return len(stream.read(PORTION))


def refusals(m: Machine, ended: LineProcess) -> Iterator[str]:
    """What is said where a line cannot be, or is no more."""
    for act in (lambda: LineProcess(m, "left", "none", parse_impairments(""), SEED), ended.counters):
        try:
            act()
        except MachineError as error:
            yield str(error)


@pytest.fixture(scope="module")
def observed() -> Observed:
    return in_lab(observe)


def foretold() -> tuple[list[int], int, int]:
    """Which echoes are answered, some of them twice, by the line's core alone; and how many requests and answers it loses."""
    wanted = zip(("forth", "back"), parse_impairments(WANTED), strict=True)
    forth, back = (Direction(impairments, f"{SEED} {name}", 0.0) for name, impairments in wanted)
    answered = _through(back, _through(forth, list(range(1, PINGS + 1))))
    return answered, forth.counters.lost, back.counters.lost


def _through(direction: Direction, numbers: list[int]) -> list[int]:
    came: list[int] = []
    for now, number in enumerate(numbers):
        direction.push(bytes([number]), 98, now)
        came.extend(frame[0] for frame in direction.pop(now + 0.5))
    return came


def test_every_packet_has_the_fate_that_its_number_and_the_seed_give_it(observed: Observed) -> None:
    answered, lost_forth, lost_back = foretold()
    assert sorted(number for number, _ in observed.answers) == sorted(answered)
    assert (observed.counted["forth"]["lost"], observed.counted["back"]["lost"]) == (lost_forth, lost_back)
    assert min(lost_forth, lost_back, len(answered) - len(set(answered))) > 0


def test_no_packet_comes_before_its_delay(observed: Observed) -> None:
    assert min(time for _, time in observed.answers) >= SHORTEST


def test_bulk_passes_whole_and_packet_by_packet(observed: Observed) -> None:
    assert observed.received == BULK
    for way in ("forth", "back"):
        later = observed.counted_later[way]
        assert (later["super_frames"], later["refused"]) == (0, 0)
        assert later["lost"] == observed.counted[way]["lost"]
    assert observed.counted_later["forth"]["arrived"] - observed.counted["forth"]["arrived"] >= BULK / 1460


def test_a_line_that_is_down_carries_nothing(observed: Observed) -> None:
    assert observed.answers_when_down == 0


def test_errors_say_which_node_and_what(observed: Observed) -> None:
    missing, ended = observed.refusals
    assert missing == "the line in node m did not start: line: a line cannot have the interface none: No such device"
    assert ended == "the line in node m has ended"
