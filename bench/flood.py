"""What a gateway does under a flood of forged IKE_SA_INIT: whether its tunnels go on, and whether others still connect.

    a ── v ══ w ══ p ── b          the tunnel is between v and p; the flood comes from w, in the name of many addresses

    sudo .venv/bin/python bench/flood.py [--rate 20000] [--seconds 15] [--json FILE]

The same without a flood, then with one on UDP/500, then with one on UDP/4500, where ESP is too. All the while numbered packets go
from a to b, and one gateway after another connects to p for the first time. Memory is that of p's processes together (PSS).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path as File

from rich.console import Console
from rich.table import Table

from lab.emulation.sandbox import run_in_sandbox
from testbed import saglab
from testbed.calling import Callers, add_peers
from testbed.path import WAN_P, B, Path
from testbed.programs import Program, ask
from testbed.tuning import Tuning
from testbed.usage import memory, usage

WAN_W = "198.51.100.2"
FORGED_FROM = "100.64.0.0/10"
TUNNEL_RATE = 1000  # packets a second
PACKET_LENGTH = 200  # bytes
PORT = 5001
NEWCOMERS = 5
RISE_SECONDS = 2.0  # from the flood's beginning to the first newcomer
CONNECTS_WITHIN = 2.0  # seconds


@dataclass
class Trial:
    """`offered` is forged messages a second; `slowest` the time that the slowest newcomer took to connect, in seconds."""

    flood: str
    offered: float = 0.0
    sent: int = 0
    received: int = 0
    duplicates: int = 0
    slowest: float | None = None
    connected: int = 0
    cpu: float = 0.0
    memory: tuple[int, int] = (0, 0)
    counted: dict[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        quick = self.slowest is not None and self.slowest < CONNECTS_WITHIN
        return self.sent == self.received and not self.duplicates and self.connected == NEWCOMERS and quick


def measure(rate: int, seconds: float) -> list[Trial]:
    with Path(cores=1, tuning=Tuning.UNTUNED) as path:
        saglab.start(path, "aes-256-gcm", {})
        path.wait_until_it_carries()
        path.w.netlink.route("add", dst=FORGED_FROM, type="blackhole")
        callers = Callers(path.w, WAN_W, WAN_P, 500)
        floods = (("none", None), ("UDP/500", 500), ("UDP/4500", 4500))
        return [_trial(path, callers, index, name, port, rate, seconds) for index, (name, port) in enumerate(floods)]


def _trial(path: Path, callers: Callers, index: int, name: str, port: int | None, rate: int, seconds: float) -> Trial:
    trial, roots = Trial(name), path.dataplane(path.p)
    add_peers(path, path.p, index * NEWCOMERS, NEWCOMERS)
    before, used, size = _counted(path), usage(roots), memory(roots)
    packets = int(TUNNEL_RATE * seconds)
    receiver = Program(path.b, "udp_receiver", B, PORT, PACKET_LENGTH, packets)
    receiver.line()
    flood = None if port is None else Program(path.w, "forger", WAN_P, port, rate, seconds)
    sender = Program(path.a, "udp_sender", B, PORT, PACKET_LENGTH, TUNNEL_RATE, packets)
    time.sleep(RISE_SECONDS)
    answers = [callers.ask("connect", first=index * NEWCOMERS + each, count=1, at_once=1) for each in range(NEWCOMERS)]
    trial.connected = sum(answer["connected"] for answer in answers)
    trial.slowest = max((answer["slowest"] for answer in answers if answer["connected"]), default=None)
    trial.sent = sender.end()["sent"]
    tally = receiver.end()
    trial.received, trial.duplicates = tally["received"], tally["duplicates"]
    if flood is not None:
        offered = flood.end()
        trial.offered = offered["sent"] / offered["seconds"]
    spent = usage(roots) - used
    trial.cpu, trial.memory = spent.dataplane / seconds, (size, memory(roots))
    more = {reason: count - before.get(reason, 0) for reason, count in _counted(path).items()}
    trial.counted = {reason: count for reason, count in more.items() if count}
    return trial


def _counted(path: Path) -> Mapping[str, int]:
    """What p dropped, by reason, and what the kernel did because p's sockets were full."""
    drops: dict[str, int] = dict(ask(path, path.p, op="status")["drops"])
    for line in path.p.run("cat", "/proc/net/udp").splitlines()[1:]:
        fields = line.split()
        socket = f"kernel, UDP/{int(fields[1].rpartition(':')[2], 16)}"
        drops[socket] = drops.get(socket, 0) + int(fields[-1])  # ESP and IKE share a port with a socket each
    return drops


def show(trials: list[Trial]) -> None:
    titles = ("flood on", "offered", "tunnel: lost", "doubled", "newcomers", "slowest", "processor", "memory, then", "counted")
    table = Table(*titles)
    for trial in trials:
        table.add_row(
            trial.flood,
            f"{trial.offered:,.0f}/s",
            f"{trial.sent - trial.received} of {trial.sent:,}",
            str(trial.duplicates),
            f"{trial.connected} of {NEWCOMERS}",
            "-" if trial.slowest is None else f"{trial.slowest:.2f} s",
            f"{trial.cpu:.0%}",
            " ".join(f"{size / 2**20:.1f} MiB" for size in trial.memory),
            "\n".join(f"{reason} {count:,}" for reason, count in trial.counted.items()),
        )
    Console(width=150).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=20_000, help="forged messages a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each trial")
    parser.add_argument("--json", type=File)
    options = parser.parse_args()
    return run_in_sandbox(lambda: _main(options))


def _main(options: argparse.Namespace) -> int:
    trials = measure(options.rate, options.seconds)
    show(trials)
    if options.json:
        options.json.write_text(json.dumps([asdict(trial) for trial in trials], indent=1) + "\n")
    return 0 if all(trial.passed for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
