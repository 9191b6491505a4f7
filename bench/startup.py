"""How quickly a lab is up and gone, and what it keeps in memory, beside plain Mininet and munet building the same network.

    sudo .venv/bin/python bench/startup.py                        # a minute or two
    sudo .venv/bin/python bench/startup.py --rounds 5 --sizes 100 --json startup.json

Three things, each in sandboxes of its own, so that nothing is left: `saglab run vcpe-ping` from the command to the verdict; a lab
of 100 hosts in 10 VPCs with 5 gateways, whose nodes and links Mininet and munet build too, in turns; and memory at several sizes.
munet (`pip install munet`) is built once, because it takes minutes, and left out where it is not installed.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from big_cloud import big_cloud  # beside this file
from lab.compiler import compile_topology
from lab.topology import Topology
from testbed.bringup import Built, build_mininet, build_munet, build_saglab
from testbed.machine import machine

HOSTS = 100
HOSTS_PER_VPC = 10
LARGEST = "the lab of 100 hosts in 10 VPCs with 5 gateways"
MEGABYTE = 1e6
_TIMES = "network", "processor", "up", "gone"


def main() -> int:
    options = _arguments()
    say = Console(stderr=True)
    verdicts = [_verdict() for _ in range(options.rounds)]
    topology = lab_of(HOSTS)
    built: dict[str, list[Built]] = {}
    for number in range(options.rounds):
        for name, build in _builders(with_munet=number == 0).items():
            say.print(f"round {number + 1}: {name}")
            built.setdefault(name, []).append(build(topology))
    sizes = [_size(hosts) for hosts in options.sizes]
    console = Console(width=140)
    console.print(_verdict_table(verdicts), _network_table(built), _memory_table(sizes))
    if options.json:
        options.json.write_text(json.dumps(_as_json(verdicts, built, sizes), indent=1) + "\n")
    return 0


def lab_of(hosts: int) -> Topology:
    """Half of the hosts in AWS, half in Alibaba Cloud, ten in a VPC; each AWS VPC has a gateway, ten in all at most."""
    return compile_topology(big_cloud(hosts, min(HOSTS_PER_VPC, hosts // 2), vpcs_per_cen=1))


def _builders(*, with_munet: bool) -> dict[str, Callable[[Topology], Built]]:
    builders: dict[str, Callable[[Topology], Built]] = {"saglab": build_saglab, "Mininet": build_mininet}
    if not with_munet:
        return builders
    try:
        import munet  # noqa: F401 - only whether it is there
    except ImportError:
        print("munet is left out: it is not installed; pip install munet", file=sys.stderr)
        return builders
    return builders | {"munet": build_munet}


def _verdict() -> dict[str, float]:
    """Seconds from the command to its end, and processor seconds of all its processes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([Path(sys.executable).parent / "saglab", "run", "vcpe-ping"], check=True, stdout=subprocess.DEVNULL)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": ended - started, "processor": processor}


def _size(hosts: int) -> Built:
    return build_saglab(lab_of(hosts), f"{hosts} hosts")


def _verdict_table(verdicts: Sequence[dict[str, float]]) -> Table:
    table = Table("saglab run vcpe-ping", "median", "best", title="From the command to the verdict")
    for what, unit in (("seconds", "s"), ("processor", "s of processor time")):
        values = [verdict[what] for verdict in verdicts]
        table.add_row(what, f"{statistics.median(values):.2f} {unit}", f"{min(values):.2f} {unit}")
    return table


def _network_table(built: dict[str, list[Built]]) -> Table:
    first = built["saglab"][0]
    table = Table(title=f"{LARGEST}: {first.nodes} nodes, {first.links} links; medians")
    for column in ("", "nodes and links", "a second", "ratio", "processor", "up", "gone"):
        table.add_column(column, justify="left" if not column else "right")
    for name, rounds in built.items():
        ratio = statistics.median(ours.rate / theirs.rate for ours, theirs in zip(built["saglab"], rounds, strict=False))
        median = {what: statistics.median(getattr(one, what) for one in rounds) for what in _TIMES}
        rate = statistics.median(one.rate for one in rounds)
        seconds = {what: f"{value:.2f} s" for what, value in median.items()}
        table.add_row(
            name, seconds["network"], f"{rate:.0f}", f"{ratio:.1f}", seconds["processor"], seconds["up"], seconds["gone"]
        )
    return table


def _memory_table(sizes: Sequence[Built]) -> Table:
    table = Table("hosts", "nodes", "gateways", "a node", "a further gateway", "everything", title="Memory (PSS)")
    for before, size in zip([None, *sizes], sizes, strict=False):
        further = "" if before is None else f"{_further(before, size) / MEGABYTE:.1f} MB"
        kept = size.memory
        node, everything = f"{kept['node'] / MEGABYTE:.2f} MB", f"{kept['everything'] / MEGABYTE:.0f} MB"
        table.add_row(size.name, str(size.nodes), str(kept["number"]), node, further, everything)
    return table


def _further(before: Built, size: Built) -> float:
    """Bytes that one more gateway takes: what more of them hold, the warm parent with them, which share pages."""
    more = size.memory["number"] - before.memory["number"]
    return (size.memory["dataplanes"] - before.memory["dataplanes"]) / more if more else 0.0


def _as_json(verdicts: Sequence[dict[str, float]], built: dict[str, list[Built]], sizes: Sequence[Built]) -> dict[str, Any]:
    return {
        "machine": machine(),
        "verdicts": verdicts,
        "networks": {name: [asdict(one) for one in rounds] for name, rounds in built.items()},
        "sizes": [asdict(size) for size in sizes],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken (default: 3)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 300], metavar="HOSTS", help="labs for memory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value of every round")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
