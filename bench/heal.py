"""How long a lab's tunnel is gone when a process of it is killed: from `kill -9` to the next echo that is answered.

    sudo .venv/bin/python bench/heal.py [--rounds 10]

The network is that of the scenario vcpe-ping, its WAN a line by a seed, and healed as a supervisor does.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.emulation.emulation import Emulation
from lab.emulation.sandbox import run_in_sandbox
from lab.impairments import Order, parse_impairments
from lab.scenario import Scenario
from lab.supervisor.links import wan_links
from scenarios import vcpe_ping

WITHIN = 20.0  # seconds to wait for anything
Victim = Callable[[Emulation], int]


def victims(emulation: Emulation) -> Iterator[tuple[str, Victim]]:
    for node in emulation.tunnel_pids():
        label = emulation.topology.by_name[node].label
        yield f"the dataplane of {label}", lambda emulation, node=node: emulation.tunnel_pids()[node]
    yield "the parent of all dataplanes", lambda emulation: _parent(next(iter(emulation.tunnel_pids().values())))
    yield "the line", lambda emulation: next(iter(emulation.line_pids().values()))


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def outage(emulation: Emulation, victim: Victim) -> float:
    """Seconds."""
    pid = victim(emulation)
    started = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while not emulation.is_whole or not _answered(emulation):
        poll = select.poll()
        for lifeline in emulation.lifelines():
            poll.register(lifeline, select.POLLIN)
        if poll.poll(0):
            emulation.heal()
        if time.monotonic() - started > WITHIN:
            raise SystemExit(f"no echo was answered within {WITHIN:.0f} s")
    return time.monotonic() - started


def _answered(emulation: Emulation) -> bool:
    app, ecs = (next(node for node in emulation.topology.nodes if node.label == label) for label in ("app", "ecs"))
    source, destination = (node.interfaces[0].addresses[0].ip for node in (app, ecs))
    ping = ["ping", "-n", "-c", "1", "-W", "0.1", "-I", str(source), str(destination)]
    return bool(emulation.machines[app.name].popen(ping).wait() == 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how often each is killed (10)")
    options = parser.parse_args()
    return run_in_sandbox(lambda: _measure(options.rounds))


def _measure(rounds: int) -> int:
    topology = Scenario.of(vcpe_ping).topology((), b"bench")
    order = Order(parse_impairments("delay 1ms"), "bench")
    emulation = Emulation(topology, orders={found.link: order for found in wan_links(topology)})
    table = Table("killed", "median", "longest")
    for name, victim in victims(emulation):
        times = [outage(emulation, victim) for _ in range(rounds)]
        table.add_row(name, f"{statistics.median(times):.2f} s", f"{max(times):.2f} s")
    emulation.close()
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
