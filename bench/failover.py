"""What a pair of vCPEs loses of a ping of 100 packets a second when the active one is killed, cut off, or switched from by hand.

    sudo .venv/bin/python bench/failover.py [ROUNDS]

The network is that of vcpe-ha, in a lab that stays up: it is the supervisor that notices, and the scenario's own script that
points the route elsewhere. `lost` are echoes without an answer, `silence` is the longest time between two answers, less the
usual one.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

import scenarios.vcpe_ha
from lab import connect
from lab.connection import Connection
from lab.emulation.tunnels import DEFAULT_CIPHER
from lab.scenario import Scenario
from lab.supervisor.client import Client
from lab.supervisor.daemon import Plan, start
from lab.supervisor.options import NetworkOptions
from testbed.machine import machine
from testbed.waiting import until

NAME = f"failover-{os.getpid()}"
INTERVAL = 0.01  # seconds between two echoes
SETTLE = 1.0  # seconds of undisturbed ping before
LASTS = 5.0  # seconds that a ping goes on


@dataclass(frozen=True)
class Loss:
    """Of one round: echoes lost, and the longest silence in milliseconds."""

    lost: int
    silence: float


@dataclass(frozen=True)
class Site:
    lab: Connection
    client: Client
    gateway: str

    @property
    def active(self) -> str:
        """The name of the machine that is the active device."""
        devices = self.lab.alibaba.describe_smart_access_gateway_attribute(self.gateway).devices
        return ("vcpe-a", "vcpe-b")[[device.role for device in devices].index("active")]

    @property
    def both_serve(self) -> bool:
        devices = self.lab.alibaba.describe_smart_access_gateway_attribute(self.gateway).devices
        tunnels = self.client.status().tunnels
        return all(device.online for device in devices) and all(tunnel.vpn_status == "Normal" for tunnel in tunnels)

    def kill(self) -> None:
        """kill -9 the dataplane of the active device."""
        os.kill(_worker(self.client, self.active), signal.SIGKILL)

    def cut(self) -> None:
        """Nothing comes through to the active device any more."""
        self.client.impair(f"{self.active}/aws", "down")

    def switch(self) -> None:
        self.lab.alibaba.switch_smart_access_gateway_device(self.gateway)


def _worker(client: Client, node: str) -> int:
    """The process, as this machine numbers it, that is the dataplane in the namespace of a node: a child of the warm parent."""
    place = subprocess.run([*client.entry(node), "readlink", "/proc/self/ns/net"], capture_output=True, text=True, check=True)
    for path in Path("/proc").iterdir():
        with suppress(OSError):
            is_here = path.name.isdigit() and str((path / "ns/net").readlink()) == place.stdout.strip()
            if is_here and "lab.emulation.warm" in (_parent(path) / "cmdline").read_text():
                return int(path.name)
    raise LookupError(f"no dataplane runs in {node}")


def _parent(process: Path) -> Path:
    return process.with_name((process / "stat").read_text().rpartition(")")[2].split()[1])


def measure(site: Site, disturb: Callable[[], None], log: Path) -> Loss:
    """Ping while something is done to the active device, until the other one has taken over and both serve again."""
    until("both devices", lambda: site.both_serve)
    before = site.active
    with log.open("wb") as file:
        command = [*site.client.entry("app"), "ping", "-n", "-D", "-i", str(INTERVAL), "-w", f"{LASTS:.0f}", "192.168.1.10"]
        ping = subprocess.Popen(command, stdout=file)
    time.sleep(SETTLE)
    disturb()
    until("the other device to take over", lambda: site.active != before)
    ping.wait()
    site.client.impair("", None)
    return loss_of(log.read_text())


def loss_of(printed: str) -> Loss:
    """What is missing in what `ping -D` printed."""
    answers = [(float(when), int(number)) for when, number in re.findall(r"\[([\d.]+)\].*icmp_seq=(\d+) ttl=", printed)]
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(answers)]
    numbers = {number for _, number in answers}
    return Loss(max(numbers) - len(numbers), 1000 * (max(gaps) - statistics.median(gaps)))


def main(rounds: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        start(Plan(NAME, Scenario.of(scenarios.vcpe_ha), (), Path(directory, "state"), NetworkOptions(DEFAULT_CIPHER)))
        client = Client(NAME)
        try:
            for event in client.events(follow=True):
                if event.kind in ("up", "failed"):
                    break
            lab = connect(NAME)
            site = Site(lab, client, lab.alibaba.describe_smart_access_gateways("ap-southeast-1")[0].id)
            disturbances = {"killed (kill -9)": site.kill, "cut off": site.cut, "switched by hand": site.switch}
            losses: dict[str, list[Loss]] = {name: [] for name in disturbances}
            for _ in range(rounds):
                for name, disturb in disturbances.items():
                    losses[name].append(measure(site, disturb, Path(directory, "ping")))
        finally:
            client.down()
    _print(losses)
    return 0


def _print(losses: dict[str, list[Loss]]) -> None:
    console = Console(width=120)
    table = Table("the active device is", "rounds", "lost, median", "lost, most", "silence, median", "silence, longest", box=None)
    for name, found in losses.items():
        lost, silence = [loss.lost for loss in found], [loss.silence for loss in found]
        echoes = [f"{statistics.median(lost):.0f}", f"{max(lost)}"]
        times = [f"{statistics.median(silence):.0f} ms", f"{max(silence):.0f} ms"]
        table.add_row(name, str(len(found)), *echoes, *times)
    console.print(", ".join(machine().values()), table, sep="\n")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
