"""What a pair of vCPEs loses of a ping of 100 packets a second when the active one is killed, cut off, or switched from by hand.

    sudo .venv/bin/python bench/failover.py
    sudo .venv/bin/python bench/failover.py --rounds 20 --only switched --json FILE

The network is that of vcpe-ha, in a lab that stays up: it is the supervisor that notices, and the scenario's own script that
points the route elsewhere. `lost` are echoes without an answer, `silence` is the longest time between two answers, less the
usual one. The ping has a real-time priority, so that it is never late itself: what it does not send it cannot lose.

It ends with status 1 when more was lost than may be: 1.5 s after a kill, 0.1 s by a switch.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
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
DISTURBANCES = ("killed", "cut", "switched")
MOST_LOST = {"killed": 150, "switched": 10}  # echoes; of a line that is cut nothing is promised


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

    def disturb(self, how: str) -> None:
        disturb: dict[str, Callable[[], None]] = dict(zip(DISTURBANCES, (self.kill, self.cut, self.switch), strict=True))
        disturb[how]()

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


def measure(site: Site, how: str, log: Path) -> Loss:
    """Ping while something is done to the active device, until the other one has taken over and both serve again."""
    until("both devices", lambda: site.both_serve)
    before = site.active
    with log.open("wb") as file:
        echoes = ["ping", "-n", "-D", "-i", str(INTERVAL), "-w", f"{LASTS:.0f}", "192.168.1.10"]
        ping = subprocess.Popen([*site.client.entry("app"), "chrt", "--fifo", "1", *echoes], stdout=file)
    time.sleep(SETTLE)
    site.disturb(how)
    until("the other device to take over", lambda: site.active != before)
    ping.wait()
    site.client.impair("", None)
    return loss_of(log.read_text())


def loss_of(printed: str) -> Loss:
    """What is missing in what `ping -D` printed. Raises ValueError when it had no two answers."""
    answers = [(float(when), int(number)) for when, number in re.findall(r"\[([\d.]+)\].*icmp_seq=(\d+) ttl=", printed)]
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(answers)]
    numbers = {number for _, number in answers}
    return Loss(max(numbers) - len(numbers), 1000 * (max(gaps) - statistics.median(gaps)))


def losses(rounds: int, only: Collection[str]) -> dict[str, list[Loss]]:
    """What each disturbance cost, of those that are asked for. They take turns."""
    found: dict[str, list[Loss]] = {how: [] for how in DISTURBANCES if how in only}
    with tempfile.TemporaryDirectory() as directory:
        scenario = Scenario.of(scenarios.vcpe_ha)
        start(Plan(NAME, scenario, (), Path(directory, "state"), NetworkOptions(DEFAULT_CIPHER), lambda _name: scenario))
        client = Client(NAME)
        try:
            for event in client.events(follow=True):
                if event.kind in ("up", "failed"):
                    break
            lab = connect(NAME)
            site = Site(lab, client, lab.alibaba.describe_smart_access_gateways("ap-southeast-1")[0].id)
            for _ in range(rounds):
                for how, suffered in found.items():
                    suffered.append(measure(site, how, Path(directory, "ping")))
        finally:
            client.down()
    return found


def passed(how: str, suffered: Sequence[Loss]) -> bool | None:
    """Whether no round lost more than may be; None where nothing is promised."""
    return max(loss.lost for loss in suffered) <= MOST_LOST[how] if how in MOST_LOST else None


def show(found: Mapping[str, Sequence[Loss]]) -> None:
    columns = ("the active device is", "rounds", "lost, median", "most", "at most", "", "silence, median", "longest")
    table = Table(*columns, box=None)
    for how, suffered in found.items():
        lost, silence = [loss.lost for loss in suffered], [loss.silence for loss in suffered]
        echoes = [f"{statistics.median(lost):.0f}", f"{max(lost)}", str(MOST_LOST.get(how, "-"))]
        verdict = {True: "passed", False: "failed", None: "-"}[passed(how, suffered)]
        times = [f"{statistics.median(silence):.0f} ms", f"{max(silence):.0f} ms"]
        table.add_row(how, str(len(suffered)), *echoes, verdict, *times)
    Console(width=120).print(", ".join(machine().values()), table, sep="\n")


def main() -> int:
    options = _arguments()
    found = losses(options.rounds, options.only)
    show(found)
    if options.json:
        rows = [
            {"how": how, "most": MOST_LOST.get(how), "passed": passed(how, suffered), "rounds": list(map(asdict, suffered))}
            for how, suffered in found.items()
        ]
        options.json.write_text(json.dumps({"machine": machine(), "figures": rows}, indent=2) + "\n")
    return 1 if any(passed(how, suffered) is False for how, suffered in found.items()) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of each (default: 5)")
    parser.add_argument("--only", nargs="+", choices=DISTURBANCES, default=DISTURBANCES, help="what is done to the active device")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
