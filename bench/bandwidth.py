"""How exactly a gateway is held to its peak bandwidth: TCP and UDP, both ways, while it is changed on a running lab.

    sudo .venv/bin/python bench/bandwidth.py
    sudo .venv/bin/python bench/bandwidth.py --peaks 10 100 300 1000 --seconds 10 --rounds 3 --cores 1

The lab is that of vcpe-ping; iperf3 runs between app and ecs. UDP is 1024 bytes an IP packet, half as much again as may pass is
offered, and IP packets count; of TCP what its user gets counts, so 97 % is all there can be. The first second is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.emulation.emulation import Emulation
from lab.emulation.machine import Machine
from lab.emulation.sandbox import run_in_sandbox
from lab.errors import MachineError
from lab.scenario import Scenario
from lab.session import Lab
from scenarios import vcpe_ping
from testbed.machine import machine

LENGTH = 1024  # bytes of an IP packet: the document's, step 2.2
HEADERS = 28  # IPv4 and UDP
OVER = 1.5  # times the peak bandwidth that UDP is offered at
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
        for peak, _round in product(options.peaks, range(options.rounds)):
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
    """Change it as a customer would, and let the running network follow."""
    (sag,) = lab.alibaba.describe_smart_access_gateways()
    if peak > sag.max_bandwidth:
        lab.alibaba.upgrade_smart_access_gateway(sag.id, peak)
    elif peak < sag.max_bandwidth:
        lab.alibaba.downgrade_smart_access_gateway(sag.id, peak)
    emulation.apply(lab.compile())


def _measured(emulation: Emulation, protocol: str, way: str, peak: int, seconds: int) -> float:
    """Mbit/s. Raises MachineError."""
    nodes = {node.label: node for node in emulation.topology.nodes}
    source, destination = (nodes[label] for label in WAYS[way])
    offered = ["-u", "-b", f"{OVER * peak:g}M", "-l", str(LENGTH - HEADERS)] if protocol == "UDP" else []
    address = str(destination.interfaces[0].addresses[0].ip)
    with _serving(emulation.machines[destination.name]):
        command = ["iperf3", "-c", address, "-J", "-O", "1", "-t", str(seconds), *offered]
        report = json.loads(emulation.machines[source.name].run(*command))
    if "error" in report:
        raise MachineError(f"iperf3: {report['error']}")
    received = float(report["end"]["sum_received"]["bits_per_second"]) / 1e6
    return received * LENGTH / (LENGTH - HEADERS) if protocol == "UDP" else received


class _serving:  # noqa: N801 - reads as a verb
    """An iperf3 server that takes one client, and listens once it is entered."""

    def __init__(self, node: Machine) -> None:
        self._process = node.popen("iperf3", "-s", "-1", "--forceflush")

    def __enter__(self) -> None:
        for line in self._process.stdout:
            if b"listening" in line:
                return
        raise MachineError(f"iperf3 did not start: {self._process.communicate()[1].decode(errors='replace').strip()}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


def _table(figures: Figures, title: str) -> Table:
    table = Table(title=title)
    for column in ("peak bandwidth", "UDP out", "UDP in", "TCP out", "TCP in"):
        table.add_column(column, justify="right")
    for peak in dict.fromkeys(peak for peak, _, _ in figures):
        table.add_row(f"{peak} Mbit/s", *_cells(figures, peak))
    return table


def _cells(figures: Figures, peak: int) -> Iterator[str]:
    for protocol, way in product(("UDP", "TCP"), WAYS):
        median = statistics.median(figures[peak, protocol, way])
        yield f"{median:.1f} ({median / peak:.1%})"


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
