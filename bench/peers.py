"""What many peers cost one gateway: handshakes, memory, and packets through 1,000 security associations against one.

    a ── v ══ w ══ p ── b          p is the gateway; its peers are one process on w, which speaks IKE and ESP for all of them

    sudo .venv/bin/python bench/peers.py [--peers 1000] [--packets 5000] [--rounds 15] [--json FILE]

Every peer has an identity, a key and a prefix of its own. Packets go to or from one peer and all peers in turn, one by one and in
bursts of one peer after another; the rounds alternate, and the median counts. What is measured is p's processor time, so that the
processes on the same machine that make the load do not matter.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path as File

from rich.console import Console
from rich.table import Table

from lab.emulation.sandbox import run_in_sandbox
from testbed import saglab
from testbed.calling import Callers, add_peers
from testbed.many import PAYLOAD_LENGTH, TARGET_PORT
from testbed.path import WAN_P, B, Path
from testbed.programs import Program, ask
from testbed.tuning import Tuning
from testbed.usage import exact_seconds, memory

WAN_W = "198.51.100.2"
NETWORKS = "10.64.0.0/10"
LENGTH = 28 + PAYLOAD_LENGTH  # bytes of an IP packet
AT_ONCE = 32  # handshakes under way
BURSTS = (1, 32)
ENOUGH = 0.9  # of the packets a second through one association, at least, through all of them
ARRIVES_WITHIN = 20.0  # seconds


@dataclass
class Rates:
    """Packets a second of p's processor time, a figure for each round."""

    direction: str
    burst: int
    one: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)
    lost: int = 0

    @property
    def ratio(self) -> float:
        return statistics.median(self.all) / statistics.median(self.one)


@dataclass
class Cost:
    """`added` is the seconds that each of the first and of the last tenth of the peers took to add, `memory` bytes a peer."""

    peers: int
    added: tuple[float, float] = (0.0, 0.0)
    connected: int = 0
    handshake_seconds: float = 0.0
    handshake_cpu: float = 0.0
    memory: float = 0.0
    status_seconds: float = 0.0
    status_bytes: int = 0
    rates: list[Rates] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.connected == self.peers and all(rates.ratio >= ENOUGH and not rates.lost for rates in self.rates)


def measure(peers: int, packets: int, rounds: int) -> Cost:
    with Path(cores=1, tuning=Tuning.UNTUNED) as path:
        saglab.start(path, "aes-256-gcm", {})
        path.wait_until_it_carries()
        path.p.netlink.route("add", dst=NETWORKS, oif=path.p.interface_index("tun0"))
        cost, roots = Cost(peers), path.dataplane(path.p)
        before = memory(roots)
        cost.added = _add(path, peers)
        callers = Callers(path.w, WAN_W, WAN_P, 4500)
        _connect(path, callers, cost)
        cost.memory = (memory(roots) - before) / peers
        started = time.monotonic()
        cost.status_bytes = len(json.dumps(ask(path, path.p, op="status")))
        cost.status_seconds = time.monotonic() - started
        cost.rates = [Rates(direction, burst) for direction in ("to p", "from p") for burst in BURSTS]
        for _ in range(rounds):
            for rates in cost.rates:
                _compare(path, callers, rates, peers, packets)
    return cost


def _add(path: Path, peers: int) -> tuple[float, float]:
    tenth = peers // 10
    times = []
    for first in range(0, peers, tenth):
        started = time.monotonic()
        add_peers(path, path.p, first, tenth)
        times.append((time.monotonic() - started) / tenth)
    return times[0], times[-1]


def _connect(path: Path, callers: Callers, cost: Cost) -> None:
    used = exact_seconds(path.dataplane(path.p))
    answer = callers.ask("connect", first=0, count=cost.peers, at_once=AT_ONCE)
    cost.handshake_cpu = (exact_seconds(path.dataplane(path.p)) - used) / cost.peers
    cost.connected, cost.handshake_seconds = answer["connected"], answer["seconds"]


def _compare(path: Path, callers: Callers, rates: Rates, peers: int, packets: int) -> None:
    run = _to_gateway if rates.direction == "to p" else _from_gateway
    for count, results in ((1, rates.one), (peers, rates.all)):
        used = exact_seconds(path.dataplane(path.p))
        received = run(path, callers, count, packets, rates.burst)
        results.append(packets / (exact_seconds(path.dataplane(path.p)) - used))
        rates.lost += packets - received


def _to_gateway(path: Path, callers: Callers, peers: int, packets: int, burst: int) -> int:
    receiver = Program(path.b, "udp_receiver", B, TARGET_PORT, LENGTH, packets)
    receiver.line()
    arrived = _datagrams(path) + packets
    callers.ask("send", peers=peers, packets=packets, burst=burst)
    _wait_until(lambda: _datagrams(path) >= arrived)
    received: int = receiver.end()["received"]
    return received


def _from_gateway(path: Path, callers: Callers, peers: int, packets: int, burst: int) -> int:
    before: int = callers.ask("received")["received"]
    Program(path.b, "scatter", peers, packets, burst).end()
    _wait_until(lambda: callers.ask("received")["received"] >= before + packets)
    received: int = callers.ask("received")["received"]
    return received - before


def _datagrams(path: Path) -> int:
    """UDP datagrams that b has received since ever; proc(5), net/snmp."""
    names, figures = (line.split() for line in path.b.run("cat", "/proc/net/snmp").splitlines() if line.startswith("Udp:"))
    return int(figures[names.index("InDatagrams")])


def _wait_until(all_arrived: Callable[[], bool]) -> None:
    """Wait for what is under way. What does not arrive in time counts as lost."""
    deadline = time.monotonic() + ARRIVES_WITHIN
    while not all_arrived() and time.monotonic() < deadline:
        time.sleep(0.05)


def show(cost: Cost) -> None:
    console = Console()
    first, last = cost.added
    console.print(f"{cost.peers} peers added: {first * 1000:.1f} ms each at first, {last * 1000:.1f} ms each at last")
    wall, cpu = cost.connected / cost.handshake_seconds, 1 / cost.handshake_cpu
    console.print(f"{cost.connected} connected: {wall:.0f} a second; {cpu:.0f} a second of p's processor time")
    console.print(f"memory: {cost.memory / 1024:.1f} KiB a peer")
    console.print(f"status: {cost.status_bytes / 1024:.0f} KiB in {cost.status_seconds * 1000:.0f} ms")
    table = Table("packets", "burst", "of one peer", f"of {cost.peers} peers", "ratio", "lost")
    for rates in cost.rates:
        one, many = (statistics.median(figures) for figures in (rates.one, rates.all))
        table.add_row(rates.direction, str(rates.burst), f"{one:,.0f}/s", f"{many:,.0f}/s", f"{rates.ratio:.2f}", str(rates.lost))
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=int, default=1000)
    parser.add_argument("--packets", type=int, default=5000, help="of each trial")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=File)
    options = parser.parse_args()
    return run_in_sandbox(lambda: _main(options))


def _main(options: argparse.Namespace) -> int:
    cost = measure(options.peers, options.packets, options.rounds)
    show(cost)
    if options.json:
        ratios = [rates.ratio for rates in cost.rates]
        options.json.write_text(json.dumps({**asdict(cost), "ratios": ratios, "passed": cost.passed}, indent=1) + "\n")
    return 0 if cost.passed else 1


if __name__ == "__main__":
    sys.exit(main())
