"""The emulation as a scenario's backend: built when the first packet is to be sent, then changed as the network changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from dataplane.meters import Reading
from lab.contact import Contact, Seen
from lab.drops import Drop, Filter
from lab.emulation.capture import Point
from lab.emulation.emulation import Emulation
from lab.emulation.machine import Machine
from lab.emulation.recording import Recording
from lab.emulation.shell import open_shell, short_names
from lab.impairments import Order
from lab.logon import AppAnswer, AppRequest, Serve
from lab.results import Echo, PingResult
from lab.simulation import Exchange
from lab.status import StatusEnd
from lab.supervisor.answers import LinkInfo
from lab.supervisor.links import LinkOrders, find_links, link_infos
from lab.supervisor.options import NetworkOptions
from lab.topology import Node, Topology

if TYPE_CHECKING:
    from lab.supervisor.contacting import Contacting


class EmulationBackend:
    """Implements `lab.backend.Backend`."""

    def __init__(self, options: NetworkOptions, progress: Callable[[str], None]) -> None:
        self._cipher = options.cipher
        self._progress = progress
        self._keylog = None if options.keylog is None else _path_of(options.keylog)
        self._meters = None if options.meters is None else _path_of(options.meters)
        self._recording = None if options.capture is None else Recording(options.capture)
        self._labels: dict[str, str] = {}
        self._orders = LinkOrders(options.wan)
        self._contacting: Contacting | None = None
        self.emulation: Emulation | None = None

    def apply(self, topology: Topology) -> None:
        self._labels = short_names(topology)
        orders = self._orders.on(topology)
        if self.emulation is not None:
            self.emulation.apply(topology, orders)
            return
        self.emulation = Emulation(
            topology,
            cipher=self._cipher,
            progress=self._progress,
            keylog=self._keylog,
            meters=self._meters,
            orders=orders,
            onlooker=self._record,
        )

    def impair(self, word: str, order: Order | None) -> list[LinkInfo]:
        """Have the links that a word means do something to packets; with None, no more. Returns them as they are now.

        Raises UsageError for a word that means none, and MachineError when it cannot be; then all is as before.
        """
        topology = self._emulation.topology
        found = find_links(topology, self.names, word)
        orders = self._orders.changed(word, found, order)
        self._emulation.apply(topology, orders.on(topology))
        self._orders = orders
        return self.links(word)

    def make_good(self) -> None:
        """Let no link do anything to packets."""
        self._emulation.apply(self._emulation.topology, {})
        self._orders = LinkOrders()

    def links(self, word: str = "") -> list[LinkInfo]:
        """The links that a word means, or all, and what they do to packets. Raises UsageError for a word that means none."""
        emulation = self._emulation
        links = [one.link for one in find_links(emulation.topology, self.names, word)] if word else emulation.topology.links
        return link_infos(emulation.topology, self.names, links, emulation.orders, emulation.ways)

    def _record(self, interfaces: list[tuple[Machine, Node, str]]) -> None:
        if self._recording is not None:
            self._recording.add(
                Point(f"{self._labels[node.name]}:{name}", tuple(machine.entry()), name) for machine, node, name in interfaces
            )

    def ping(self, node: str, source: IPv4Address, destination: IPv4Address, *, count: int) -> PingResult:
        return self._emulation.ping(node, source, destination, count=count)

    def echo(self, echoes: Sequence[Echo], expected: Sequence[bool]) -> list[bool]:
        return self._emulation.echo(echoes, expected)

    def flow(self, echo: Echo, protocol: str, *, rate: float, seconds: float) -> float:
        return self._emulation.flow(echo, protocol, rate=rate, seconds=seconds)

    def contact(self, wanted: Contact, foretold: Exchange) -> Seen:
        from lab.supervisor.contacting import Contacting  # few runs need it, and it takes long to load

        self._contacting = self._contacting or Contacting()
        return self._contacting.contact(self._emulation, wanted, foretold)

    def vpn_ends(self, tunnel: str, *, within: float) -> tuple[StatusEnd, ...]:
        return self._emulation.vpn_ends(tunnel, within=within)

    def control_ends(self, device: str, *, within: float) -> tuple[StatusEnd, ...]:
        return self._emulation.control_ends(device, within=within)

    def new_drops(self, *, lost: int = 0) -> list[Drop]:
        """What IKE drops, as what came before, is about no packet; where it matters, the tunnel's status tells."""
        return [drop for drop in self._emulation.new_drops(lost=lost) if drop.place.filter is not Filter.HANDSHAKE]

    def look_up(self, node: str, name: str) -> tuple[IPv4Address, ...]:
        return self._emulation.look_up(node, name)

    def meters(self) -> dict[str, Reading]:
        return {} if self.emulation is None else self.emulation.meters()

    def fail(self, node: str) -> None:
        self._emulation.fail(node)

    def ask_apps(self, requests: Mapping[str, AppRequest], serve: Serve) -> dict[str, AppAnswer]:
        return self._emulation.ask_apps(requests, serve)

    def device_news(self) -> list[tuple[str, bool]]:
        return self._emulation.device_news()

    def shell(self) -> None:
        """Open a shell on the terminal in which `on NODE COMMAND` runs a command in a node, and wait for its end."""
        open_shell(self._emulation)

    @property
    def names(self) -> dict[str, str]:
        """A short name for each node, by its full one."""
        return short_names(self._emulation.topology)

    def close(self) -> None:
        """End the capture, then the network. Raises MachineError when the capture could not be written."""
        emulation, self.emulation = self.emulation, None
        try:
            self.end_capture()
        finally:
            if emulation is not None:
                emulation.close()

    def end_capture(self) -> None:
        """Write what is still to be written of it. Raises MachineError when the capture could not be written."""
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.stop()

    @property
    def _emulation(self) -> Emulation:
        if self.emulation is None:
            raise RuntimeError("no network has been applied")
        return self.emulation


def _path_of(directory: int) -> Path:
    """A path under which all processes of the lab find a directory that this one has open, though their mounts may hide it."""
    return Path("/proc", str(os.getpid()), "fd", str(directory))
