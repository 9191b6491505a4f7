"""The emulation as a scenario's backend: built when the first packet is to be sent, then changed as the network changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

from lab.drops import Drop
from lab.emulation.emulation import Emulation
from lab.emulation.shell import open_shell, short_names
from lab.results import PingResult
from lab.topology import Topology
from lab.vpn import VpnEnd


class EmulationBackend:
    """Implements `lab.session.Backend`. Two open directories: `captures` takes a pcap of every link, `keylog` all keys."""

    def __init__(
        self, *, cipher: str, progress: Callable[[str], None], captures: int | None = None, keylog: int | None = None
    ) -> None:
        self._cipher = cipher
        self._progress = progress
        self._captures = captures
        self._keylog = None if keylog is None else _path_of(keylog)
        self._running = ExitStack()
        self.emulation: Emulation | None = None

    def apply(self, topology: Topology) -> None:
        if self.emulation is not None:
            self.emulation.apply(topology)
            return
        self.emulation = Emulation(topology, cipher=self._cipher, progress=self._progress, keylog=self._keylog)
        self._running.callback(self.emulation.close)
        if self._captures is not None:
            self._capture(self.emulation, self._captures)

    def _capture(self, emulation: Emulation, directory: int) -> None:
        names = short_names(emulation.topology)
        for node in emulation.topology.nodes:
            for interface in node.interfaces:
                path = Path(f"{names[node.name]}-{interface.name}.pcap")
                self._running.enter_context(emulation.capture(node.name, interface.name, path, directory))

    def ping(self, node: str, source: IPv4Address, destination: IPv4Address, *, count: int) -> PingResult:
        return self._emulation.ping(node, source, destination, count=count)

    def vpn_ends(self, tunnel: str, *, within: float) -> tuple[VpnEnd, ...]:
        return self._emulation.vpn_ends(tunnel, within=within)

    def new_drops(self) -> list[Drop]:
        return self._emulation.new_drops()

    def shell(self) -> None:
        """Open a shell on the terminal in which `on NODE COMMAND` runs a command in a node, and wait for its end."""
        open_shell(self._emulation)

    @property
    def names(self) -> dict[str, str]:
        """A short name for each node, by its full one."""
        return short_names(self._emulation.topology)

    def close(self) -> None:
        self._running.close()
        self.emulation = None

    @property
    def _emulation(self) -> Emulation:
        if self.emulation is None:
            raise RuntimeError("no network has been applied")
        return self.emulation


def _path_of(directory: int) -> Path:
    """A path under which all processes of the lab find a directory that this one has open, though their mounts may hide it."""
    return Path("/proc", str(os.getpid()), "fd", str(directory))
