"""A Topology made of namespaces, veth pairs, kernel routes, nftables and dataplane processes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from lab.drops import Drop, Filter, Place
from lab.emulation import network
from lab.emulation.capture import Capture
from lab.emulation.gateway import GatewayProcess
from lab.emulation.keys import DEFAULT_CIPHER, PairKeys, make_keys
from lab.emulation.machine import Machine
from lab.emulation.ping import ping
from lab.emulation.ruleset import TABLE, render
from lab.results import PingResult
from lab.topology import Node, Topology

Progress = Callable[[str], None]


class Emulation:
    """A running network. Make it inside the sandbox; `close` ends it, and so does the death of the process."""

    def __init__(self, topology: Topology, *, cipher: str = DEFAULT_CIPHER, progress: Progress = lambda _text: None) -> None:
        network.check_interface_names(topology.nodes)
        self.topology = topology
        self.cipher = cipher
        self.keys: dict[str, PairKeys] = make_keys(topology, cipher)
        self.machines: dict[str, Machine] = {}
        self._gateways: dict[str, GatewayProcess] = {}
        self._counters: dict[str, dict[str, Place]] = {}
        self._seen: dict[tuple[str, str], int] = {}
        self._build(progress)

    def _build(self, progress: Progress) -> None:
        progress(f"{len(self.topology.nodes)} nodes, {len(self.topology.links)} links")
        for number, node in enumerate(self.topology.nodes):
            self.machines[node.name] = Machine(f"n{number}", forwards=node.forwards)
        for link in self.topology.links:
            network.connect(self.machines, link)
        progress("addresses, gates and routes")
        for node in self.topology.nodes:
            self._configure(node)
        progress("tunnels")
        self._start_gateways()

    def _configure(self, node: Node) -> None:
        machine = self.machines[node.name]
        network.configure_interfaces(machine, node)
        if node.forwards:
            ruleset = render(node)
            machine.run("nft", "-f", "-", stdin=ruleset.text)
            self._counters[node.name] = ruleset.counters
        network.add_routes(machine, node, tunnels=False)
        network.add_rules(machine, node)

    def _start_gateways(self) -> None:
        """Those that wait for their peers first, so that the first word of the others is heard."""
        nodes = [(node, service) for node in self.topology.nodes for service in node.services]
        nodes.sort(key=lambda pair: any(peer.speaks_first for peer in pair[1].peers))
        for node, service in nodes:
            mtu = next(interface.mtu for interface in node.interfaces if interface.name == service.interface)
            machine = self.machines[node.name]
            self._gateways[node.name] = GatewayProcess(machine, node.name, service, mtu=mtu, cipher=self.cipher, keys=self.keys)
        for node, _ in nodes:
            self._gateways[node.name].wait_until_ready()
            network.add_routes(self.machines[node.name], node, tunnels=True)
        for node, _ in nodes:
            self._gateways[node.name].wait_until_heard()

    def ping(self, node: str, source: IPv4Address, destination: IPv4Address, *, count: int) -> PingResult:
        return ping(self.machines[node], source, destination, count=count)

    def tunnel_status(self) -> dict[str, dict[str, Any]]:
        """What each dataplane says of itself, by node."""
        return {name: gateway.status() for name, gateway in self._gateways.items()}

    def new_drops(self) -> list[Drop]:
        """What was dropped since the last call, from the counters of every gate and every dataplane."""
        fresh = []
        for key, drop in self._drops():
            before, self._seen[key] = self._seen.get(key, 0), drop.packets
            if drop.packets > before:
                fresh.append(replace(drop, packets=drop.packets - before))
        return fresh

    def _drops(self) -> Iterator[tuple[tuple[str, str], Drop]]:
        for name, counters in self._counters.items():
            for counter, packets in _read_counters(self.machines[name]).items():
                yield (name, counter), Drop(name, counters[counter], packets)
        for name, gateway in self._gateways.items():
            yield from _dataplane_drops(name, gateway)

    @contextmanager
    def capture(self, node: str, interface: str, path: Path, directory: int) -> Iterator[None]:
        """Write what passes an interface to `path`, a name inside the open `directory`."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644, dir_fd=directory)
        try:
            capture = Capture(self.machines[node], interface, fd)
        finally:
            os.close(fd)
        try:
            yield
        finally:
            capture.stop()

    def close(self) -> None:
        for gateway in self._gateways.values():
            gateway.stop()
        for machine in self.machines.values():
            machine.terminate()
        self._gateways.clear()
        self.machines.clear()


def _read_counters(machine: Machine) -> dict[str, int]:
    listing = json.loads(machine.run("nft", "-j", "list", "counters", "table", "inet", TABLE))
    return {entry["counter"]["name"]: entry["counter"]["packets"] for entry in listing["nftables"] if "counter" in entry}


def _dataplane_drops(name: str, gateway: GatewayProcess) -> Iterator[tuple[tuple[str, str], Drop]]:
    status = gateway.status()
    tunnel = gateway.tunnel
    origins = {peer.name: peer.origin for peer in tunnel.peers}
    for reason, packets in status["drops"].items():
        yield (name, reason), Drop(name, Place(Filter.TUNNEL, reason, tunnel.origin, tunnel.interface), packets)
    for peer, state in status["peers"].items():
        for reason, packets in state["drops"].items():
            place = Place(Filter.TUNNEL, reason, origins[peer], tunnel.interface)
            yield (name, f"{peer} {reason}"), Drop(name, place, packets)
