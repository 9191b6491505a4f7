"""How exactly a gateway is held to its peak bandwidth: TCP and UDP, both ways, while it is changed on a running lab.

    sudo .venv/bin/python bench/bandwidth.py
    sudo .venv/bin/python bench/bandwidth.py --peaks 10 100 300 1000 --seconds 10 --rounds 3 --cores 1

The lab is that of vcpe-ping; data goes between app and ecs. UDP is 1024 bytes an IP packet, a fifth more than may pass is
offered, and IP packets count; of TCP what its user gets counts, so 97 % is all there can be. The first second is left out.
The last line has no limit: it is what the machine carries at all. Where that is little, the others say nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.emulation.emulation import Emulation
from lab.emulation.sandbox import run_in_sandbox
from lab.results import Echo
from lab.scenario import Scenario
from lab.session import Lab
from lab.topology import Topology, Tunnel
from scenarios import vcpe_ping
from testbed.machine import machine

OVER = 1.2  # times the peak bandwidth that UDP is offered at
NONE = 0  # stands for no limit; UDP is then offered at UNLIMITED
UNLIMITED = 500  # Mbit/s
WAYS = {"out": ("app", "ecs"), "in": ("ecs", "app")}

Figures = dict[tuple[int, str, str], list[float]]  # by peak bandwidth, protocol and way: Mbit/s of each round


def main() -> int:
    options = _arguments()
    return run_in_sandbox(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    lab = Lab("vcpe-ping", skip=["2.2"] if options.cores == 1 else [])
    Scenario.of(vcpe_ping).run(lab)
    emulation = Emulation(lab.compile())
    try:
        figures: Figures = {}
        for peak, _round in product((*options.peaks, NONE), range(options.rounds)):
            _set_peak(lab, emulation, peak)
            for protocol, way in product(("UDP", "TCP"), WAYS):
                figure = _measured(emulation, protocol, way, peak, options.seconds)
                figures.setdefault((peak, protocol, way), []).append(figure)
    finally:
        emulation.close()
    told = machine(options.cores)
    Console().print(_table(figures, "; ".join(told.values())))
    if options.json:
        names = ("peak", "protocol", "way")
        rows = [dict(zip(names, key, strict=True)) | {"mbit_s": values} for key, values in figures.items()]
        options.json.write_text(json.dumps({"machine": told, "figures": rows}, indent=2) + "\n")
    return 0


def _set_peak(lab: Lab, emulation: Emulation, peak: int) -> None:
    """Change it as a customer would, and let the running network follow. Nobody sells no limit: that is told to the network."""
    if peak == NONE:
        emulation.apply(_unlimited(lab.compile()))
        return
    (sag,) = lab.alibaba.describe_smart_access_gateways()
    if peak > sag.max_bandwidth:
        lab.alibaba.upgrade_smart_access_gateway(sag.id, peak)
    elif peak < sag.max_bandwidth:
        lab.alibaba.downgrade_smart_access_gateway(sag.id, peak)
    emulation.apply(lab.compile())


def _unlimited(topology: Topology) -> Topology:
    def without(tunnel: Tunnel) -> Tunnel:
        return replace(tunnel, peers=tuple(replace(peer, bandwidth=0) for peer in tunnel.peers))

    nodes = (replace(node, services=tuple(without(tunnel) for tunnel in node.services)) for node in topology.nodes)
    return replace(topology, nodes=tuple(nodes))


def _measured(emulation: Emulation, protocol: str, way: str, peak: int, seconds: int) -> float:
    """Mbit/s. Raises MachineError."""
    nodes = {node.label: node for node in emulation.topology.nodes}
    source, destination = (nodes[label] for label in WAYS[way])
    echo = Echo(source.name, *(node.interfaces[0].addresses[0].ip for node in (source, destination)))
    return emulation.flow(echo, protocol.lower(), rate=OVER * (peak or UNLIMITED) * 1e6, seconds=seconds) / 1e6


def _table(figures: Figures, title: str) -> Table:
    table = Table(title=title)
    for column in ("peak bandwidth", "UDP out", "UDP in", "TCP out", "TCP in"):
        table.add_column(column, justify="right")
    for peak in dict.fromkeys(peak for peak, _, _ in figures):
        table.add_row(f"{peak} Mbit/s" if peak else "no limit", *_cells(figures, peak))
    return table


def _cells(figures: Figures, peak: int) -> Iterator[str]:
    for protocol, way in product(("UDP", "TCP"), WAYS):
        median = statistics.median(figures[peak, protocol, way])
        yield f"{median:.1f} ({median / peak:.1%})" if peak else f"{median:.0f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peaks", type=int, nargs="+", default=[10, 100, 300], metavar="MBIT", help="each from 10 to 1000")
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=1, help="of which the median is taken (default: 1)")
    parser.add_argument("--cores", type=int, choices=(1, 2), default=2, help="of the vCPE's instance type")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value of every round")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
