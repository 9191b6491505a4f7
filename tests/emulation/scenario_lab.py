"""The full network of vcpe-ping as an Emulation, for tests that look at its packets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lab.emulation.emulation import Emulation
from lab.emulation.machine import Machine
from lab.emulation.tunnels import DEFAULT_CIPHER
from lab.scenario import Scenario
from lab.topology import Topology
from scenarios import vcpe_ping

SEED = b"tests of the emulation"


def topology(scenario: ModuleType = vcpe_ping) -> Topology:
    return Scenario.of(scenario).topology((), SEED)


@dataclass(frozen=True)
class ScenarioLab:
    """The running network; machines are found by the name that the scenario gave them."""

    emulation: Emulation

    def node(self, label: str) -> str:
        return next(node.name for node in self.emulation.topology.nodes if node.label == label)

    def machine(self, label: str) -> Machine:
        return self.emulation.machines[self.node(label)]

    def drops(self) -> list[tuple[str, str, int]]:
        """What was dropped since the last call, as (label of the node, reason, packets)."""
        labels = {node.name: node.label for node in self.emulation.topology.nodes}
        return [(labels[drop.node], str(drop.place.reason), drop.packets) for drop in self.emulation.new_drops()]

    def ping(self, source: str, destination: str, *options: str, echoes: int = 2) -> Ping:
        """Ping an address from a machine. Unlike Machine.run it takes unanswered pings as a result."""
        command = ["ping", "-n", "-c", str(echoes), "-l", str(echoes), "-i", "2", "-W", "2", *options, destination]
        process = self.machine(source).popen(command)
        out, err = process.communicate()
        return Ping(process.returncode, out.decode() + err.decode())


@dataclass(frozen=True)
class Ping:
    """A ping's exit status (0 with answers, 1 without) and what it printed."""

    status: int
    text: str

    @property
    def counts(self) -> str:
        """How many echoes were answered, as "4 of 4"."""
        found = re.search(r"(\d+) packets transmitted, (\d+) received", self.text)
        assert found is not None, self.text
        return f"{found[2]} of {found[1]}"


@contextmanager
def scenario_lab(
    cipher: str = DEFAULT_CIPHER, keylog: Path | None = None, scenario: ModuleType = vcpe_ping
) -> Iterator[ScenarioLab]:
    """Inside a lab process: the network, up."""
    emulation = Emulation(topology(scenario), cipher=cipher, keylog=keylog)
    try:
        yield ScenarioLab(emulation)
    finally:
        emulation.close()
