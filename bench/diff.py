"""How long `saglab diff` takes on two large lab files that differ in one rule, part by part.

    .venv/bin/python bench/diff.py [--endpoints 1000] [--json FILE]

Half of the machines are in AWS, half in Alibaba Cloud, 25 in a VPC, all VPCs joined by one CEN; ten AWS VPCs have a gateway. The
change takes one rule out of one VPC's group. Every part is measured once, in a process that does nothing else, as the verb is.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HOSTS = 25
GATEWAYS = 10  # an account has as many CCNs, and one CCN is enough here


def network(vpcs: int, *, cut: bool = False) -> str:
    """A lab file. With `cut`, one group no longer admits one of the offices."""
    lines = ["aws:", "  vpcs:"]
    for rank in range(vpcs):
        lines += _office(rank, joined=rank < GATEWAYS)
    lines += ["alibaba:", "  vpcs:"]
    for rank in range(vpcs):
        left_out = 1 if cut and rank == vpcs // 2 else None
        lines += _shop(rank, [office for office in range(vpcs) if office != left_out])
    lines += ["  smart_access_gateways:"]
    joined = range(min(vpcs, GATEWAYS))
    lines += [f"    sag-{rank}: {{runs_on: vcpe-{rank}, cidr_blocks: [{_office_block(rank)}]}}" for rank in joined]
    return "\n".join(lines) + "\n"


def _office(rank: int, *, joined: bool) -> list[str]:
    lines = [f"    office-{rank}:", f"      cidr_block: {_office_block(rank)}"]
    if joined:
        lines += ["      route_tables:", f"        main: {{0.0.0.0/0: internet_gateway, 172.16.0.0/12: vcpe-{rank}}}"]
    lines += [f"      security_groups: {{default: {{ingress: [all from {_office_block(rank)}, all from 172.16.0.0/12]}}}}"]
    lines += ["      instances:", *(f"        o{rank}-{host}:" for host in range(HOSTS))]
    return [*lines, *([f"        vcpe-{rank}:"] if joined else [])]


def _shop(rank: int, offices: list[int]) -> list[str]:
    rules = ", ".join(["all from 172.16.0.0/12", *(f"all from {_office_block(office)}" for office in offices)])
    lines = [f"    shop-{rank}:", f"      cidr_block: 172.{16 + rank // 16}.{16 * (rank % 16)}.0/20"]
    lines += [f"      security_groups: {{default: {{ingress: [{rules}]}}}}", "      instances:"]
    return [*lines, *(f"        s{rank}-{host}:" for host in range(HOSTS))]


def _office_block(rank: int) -> str:
    return f"10.{rank}.0.0/16"


def measure(endpoints: int) -> dict[str, Any]:
    """Seconds of each part; `whole` is what a user waits for beyond the start of Python."""
    gc.disable()  # as the verb does
    vpcs = max(2, endpoints // HOSTS // 2)
    texts = network(vpcs), network(vpcs, cut=True)
    clock = _Clock()
    from lab.files import LabFile
    from lab.files.source import Source
    from lab.reachability import compare

    clock.lap("import")
    files = LabFile.pair(*(Source("lab.yaml", text) for text in texts))
    clock.lap("read")
    states = [file.state for file in files]
    machines = [len(state.topology.nodes) for state in states]
    clock.lap("compile")
    difference = compare(*states)
    clock.lap("compare")
    return {"endpoints": endpoints, "nodes": machines[0], "pairs_lost": difference.pairs, **clock.laps, "whole": clock.total}


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = self._first = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now

    @property
    def total(self) -> float:
        return self._last - self._first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoints", type=int, default=1_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    row = measure(options.endpoints)
    table = Table(*row)
    table.add_row(*(f"{value:.2f} s" if isinstance(value, float) else f"{value:,}" for value in row.values()))
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(row, indent=2) + "\n")


if __name__ == "__main__":
    main()
