"""How long the model takes on networks of growing size: to load them, and to explain one pair.

    .venv/bin/python bench/explain.py [--endpoints 1000 10000 100000] [--json FILE]

Loading is what turns the clouds' state into something that can be asked: compiling it into a Topology. Explaining is one question
with its fixes, asked of different pairs; the figures are the median and the slowest of them.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from big_cloud import big_cloud  # beside this file
from lab.explanation import Question, State, explain
from lab.topology import NodeKind

PAIRS = 20


def measure(endpoints: int, seed: int) -> dict[str, Any]:
    """Build a cloud with that many endpoints, load it, and explain pairs of its machines. Times in seconds."""
    built, cloud = _timed(lambda: big_cloud(endpoints))
    state = State(cloud)
    loaded, topology = _timed(lambda: state.topology)
    hosts = [node for node in topology.nodes if node.kind is NodeKind.HOST]
    chosen = random.Random(seed)  # noqa: S311 - pairs, not secrets
    times, reached = [], 0
    for _ in range(PAIRS):
        source, destination = chosen.sample(hosts, 2)
        took, answer = _timed(lambda ends=(source, destination): explain(state, Question(ends[0].resource, ends[1].resource)))
        times.append(took)
        reached += answer.reaches
    return {
        "endpoints": len(hosts),
        "vpcs": sum(node.kind is NodeKind.VPC for node in topology.nodes),
        "cens": sum(node.kind is NodeKind.CEN for node in topology.nodes),
        "build_s": built,
        "load_s": loaded,
        "load_us_per_endpoint": loaded / len(hosts) * 1e6,
        "explain_median_s": statistics.median(times),
        "explain_slowest_s": max(times),
        "reached": f"{reached}/{PAIRS}",
    }


def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoints", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [measure(endpoints, options.seed) for endpoints in options.endpoints]
    table = Table("endpoints", "VPCs", "CENs", "load", "per endpoint", "explain, median", "slowest", "pairs that reach")
    for row in rows:
        table.add_row(
            f"{row['endpoints']:,}",
            str(row["vpcs"]),
            str(row["cens"]),
            f"{row['load_s']:.2f} s",
            f"{row['load_us_per_endpoint']:.0f} µs",
            f"{row['explain_median_s'] * 1000:.0f} ms",
            f"{row['explain_slowest_s'] * 1000:.0f} ms",
            row["reached"],
        )
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
