"""Whether a tunnel loses or doubles a packet, or grows, while its keys are replaced all the time.

    a ── v ══ w ══ p ── b          the tunnel is between v and p

    sudo .venv/bin/python bench/soak.py [--minutes 10] [--rate 5000] [--json FILE]

Numbered packets go from a to b, and a tenth as many back. Every 2 s one end asks for another child, every 10 s one end for
another IKE SA; the ends take turns. Memory is what each gateway's processes made themselves. The exit status is 1 when a packet
is missing or came twice, or when a rekey did not take place. Drops are shown too: on a machine with much else to do, IKE repeats
a request now and then.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path as File
from typing import Any

from rich.console import Console

from lab.emulation.machine import Machine
from lab.emulation.sandbox import run_in_sandbox
from testbed import saglab
from testbed.path import A, B, Path
from testbed.programs import Program, ask
from testbed.tuning import Tuning
from testbed.usage import own_memory

CHILD_SECONDS = 2.0
IKE_SECONDS = 10.0
SAMPLE_SECONDS = 5.0
SETTLES_IN = 60.0  # seconds: until then the allocator may still grow
PACKET_LENGTH = 200  # bytes of an IP packet
PORT = 5001
_PEER_OF = {"v": "p", "p": "v"}


@dataclass
class Flow:
    """What became of the packets in one direction."""

    name: str
    sent: int = 0
    received: int = 0
    duplicates: int = 0
    reordered: int = 0


@dataclass
class Soak:
    """`memory` holds (seconds since the start, bytes of v, bytes of p)."""

    rate: int
    seconds: float = 0.0
    flows: list[Flow] = field(default_factory=list)
    child_rekeys: int = 0
    ike_rekeys: int = 0
    asked_child: int = 0
    asked_ike: int = 0
    drops: dict[str, int] = field(default_factory=dict)
    memory: list[tuple[float, int, int]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        whole = all(flow.received == flow.sent and not flow.duplicates for flow in self.flows)
        return whole and self.child_rekeys >= self.asked_child and self.ike_rekeys >= self.asked_ike

    def growth(self) -> list[float]:
        """KiB a minute that each gateway grew by, once it had settled."""
        settled = [sample for sample in self.memory if sample[0] >= min(SETTLES_IN, self.seconds / 2)]
        times = [sample[0] / 60 for sample in settled]
        return [statistics.linear_regression(times, [sample[end] / 1024 for sample in settled]).slope for end in (1, 2)]


class Clock:
    """Something that is done again and again."""

    def __init__(self, interval: float, now: float) -> None:
        self._interval = interval
        self._next = now + interval
        self.count = 0

    def is_due(self, now: float) -> bool:
        if now < self._next:
            return False
        self._next += self._interval
        self.count += 1
        return True


def soak(seconds: float, rate: int) -> Soak:
    with Path(cores=1, tuning=Tuning.UNTUNED) as path:
        saglab.start(path, "aes-256-gcm", {})
        path.wait_until_it_carries()
        result = Soak(rate)
        before = _statuses(path)
        flows = [
            _Running("a to b", path.a, path.b, B, rate, seconds),
            _Running("b to a", path.b, path.a, A, rate // 10, seconds),
        ]
        _renew(path, result, seconds, flows)
        result.flows = [flow.end() for flow in flows]
        _compare(path, result, before)
    return result


class _Running:
    """A flow of packets while it lasts."""

    def __init__(self, name: str, source: Machine, target: Machine, address: str, rate: int, seconds: float) -> None:
        self.name = name
        packets = int(rate * seconds)
        self._receiver = Program(target, "udp_receiver", address, PORT, PACKET_LENGTH, packets)
        self._receiver.line()
        self._sender = Program(source, "udp_sender", address, PORT, PACKET_LENGTH, rate, packets)

    def is_over(self) -> bool:
        return self._sender.is_over()

    def end(self) -> Flow:
        sent = self._sender.end()["sent"]
        return Flow(self.name, sent, **self._receiver.end())


def _renew(path: Path, result: Soak, seconds: float, flows: Sequence[_Running]) -> None:
    """Replace keys as long as packets are under way."""
    started = time.monotonic()
    child, ike, sample = (Clock(interval, started) for interval in (CHILD_SECONDS, IKE_SECONDS, SAMPLE_SECONDS))
    while not all(flow.is_over() for flow in flows):
        time.sleep(0.05)
        now = time.monotonic()
        if now < started + seconds - CHILD_SECONDS:
            _rekey_if_due(path, child, "child", now)
            _rekey_if_due(path, ike, "ike", now)
        if sample.is_due(now):
            result.memory.append((now - started, *(own_memory(path.dataplane(gateway)) for gateway in (path.v, path.p))))
    result.seconds = time.monotonic() - started
    result.asked_child, result.asked_ike = child.count, ike.count


def _rekey_if_due(path: Path, clock: Clock, what: str, now: float) -> None:
    if clock.is_due(now):
        asking = (path.v, path.p)[clock.count % 2]
        ask(path, asking, op="rekey", peer=_PEER_OF[asking.name], what=what)


def _statuses(path: Path) -> dict[str, dict[str, Any]]:
    return {gateway.name: ask(path, gateway, op="status") for gateway in (path.v, path.p)}


def _compare(path: Path, result: Soak, before: Mapping[str, Mapping[str, Any]]) -> None:
    """Rekeys as v counts them, and what either end dropped since the start."""
    after = _statuses(path)
    counts = [status["v"]["peers"]["p"]["ike"] for status in (before, after)]
    result.child_rekeys, result.ike_rekeys = (counts[1][key] - counts[0][key] for key in ("child_rekeys", "rekeys"))
    for name in _PEER_OF:
        earlier = dict(_drops(before[name]))
        for reason, count in _drops(after[name]):
            if count > earlier.get(reason, 0):
                result.drops[f"{name}: {reason}"] = count - earlier.get(reason, 0)


def _drops(status: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield from status["drops"].items()
    for name, peer in status["peers"].items():
        yield from ((f"{reason} of {name}", count) for reason, count in peer["drops"].items())


def show(result: Soak) -> None:
    console = Console()
    console.print(f"{result.seconds:.0f} s at {result.rate} packets/s")
    for flow in result.flows:
        lost = flow.sent - flow.received
        console.print(f"{flow.name}: sent {flow.sent:,}, lost {lost}, doubled {flow.duplicates}, reordered {flow.reordered}")
    children, ikes = f"{result.child_rekeys} of {result.asked_child}", f"{result.ike_rekeys} of {result.asked_ike}"
    console.print(f"rekeys that were asked for: {children} of children, {ikes} of IKE SAs")
    console.print(f"drops: {result.drops or 'none'}")
    first, last = result.memory[0], result.memory[-1]
    for end, (name, slope) in enumerate(zip("vp", result.growth(), strict=True), 1):
        sizes = f"{first[end] / 2**20:.1f} MiB at first, {last[end] / 2**20:.1f} MiB at last"
        console.print(f"memory of {name}: {sizes}, {slope:+.1f} KiB a minute")
    console.print("passed" if result.passed else "FAILED")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=5000, help="packets a second from a to b")
    parser.add_argument("--json", type=File)
    options = parser.parse_args()
    return run_in_sandbox(lambda: _main(options))


def _main(options: argparse.Namespace) -> int:
    result = soak(options.minutes * 60, options.rate)
    show(result)
    if options.json:
        options.json.write_text(json.dumps({**asdict(result), "growth": result.growth(), "passed": result.passed}) + "\n")
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
