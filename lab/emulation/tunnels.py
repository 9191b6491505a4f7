"""The dataplanes of a network: which processes run, which peers they serve, with which keys.

A change disturbs only the tunnels it is about: a peer is added, removed or given other prefixes while the others go on. A
tunnel whose end is started anew gets new keys at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.drops import Drop, Filter, Place
from lab.emulation.gateway import GatewayProcess
from lab.emulation.keys import PairKeys, fresh_keys
from lab.emulation.machine import Machine
from lab.topology import Node, Topology, Tunnel, TunnelPeer

HEARD_WITHIN = 3.0  # seconds, our choice

End = tuple[str, str]  # node and TUN device


@dataclass
class _Running:
    """A dataplane process and the peers it serves now."""

    process: GatewayProcess
    tunnel: Tunnel
    mtu: int
    peers: dict[str, TunnelPeer] = field(default_factory=dict)


class Tunnels:
    """`keys` are those of each tunnel by its name; they are there to decrypt a capture with."""

    def __init__(self, machines: Mapping[str, Machine], cipher: str, heard_within: float = HEARD_WITHIN) -> None:
        self._heard_within = heard_within
        self.keys: dict[str, PairKeys] = {}
        self._machines = machines
        self._cipher = cipher
        self._running: dict[End, _Running] = {}

    def stop_obsolete(self, topology: Topology) -> list[End]:
        """End the processes that have no place in a network, or another one. Returns whose TUN devices are gone."""
        wanted = {(node.name, tunnel.interface): (tunnel, _mtu(node, tunnel)) for node, tunnel in _services(topology)}
        obsolete = [end for end, running in self._running.items() if end not in wanted or _moved(running, *wanted[end])]
        for end in obsolete:
            self._running.pop(end).process.stop()
        return obsolete

    def apply(self, topology: Topology) -> None:
        """Start what is missing and give every process its peers.

        Of the two ends of a new tunnel the one that waits learns its keys first, so that the first word of the other is heard.
        """
        services = _services(topology)
        wanted = {(node.name, tunnel.interface): tunnel for node, tunnel in services}
        pairs = _pairs(wanted)
        for end, running in self._running.items():
            self._withdraw(running, {peer.name: peer for peer in wanted[end].peers if peer.name in pairs})
        self._make_keys(pairs)
        missing = [(node, tunnel) for node, tunnel in services if (node.name, tunnel.interface) not in self._running]
        self._introduce(wanted, speakers=False)
        self._start(missing, pairs)
        self._introduce(wanted, speakers=True)
        for end, running in self._running.items():
            running.tunnel = wanted[end]
        for node, tunnel in missing:
            self._running[node.name, tunnel.interface].process.wait_until_heard(self._heard_within)

    def _make_keys(self, pairs: Mapping[str, tuple[End, End]]) -> None:
        """New keys for every tunnel that not both ends serve already; an end that served it forgets the old ones."""
        for name in self.keys.keys() - pairs.keys():
            del self.keys[name]
        for name, ends in pairs.items():
            serving = [self._running[end] for end in ends if end in self._running and name in self._running[end].peers]
            if len(serving) == len(ends):
                continue
            self.keys[name] = fresh_keys(ends[0][0], ends[1][0], cipher=self._cipher)
            for running in serving:
                running.process.ask(op="remove_peer", peer=name)
                del running.peers[name]

    def _introduce(self, wanted: Mapping[End, Tunnel], *, speakers: bool) -> None:
        """Tell running processes of the peers that they do not serve yet, those that this end speaks first to or the others."""
        for end, running in self._running.items():
            for peer in wanted[end].peers:
                if peer.name in self.keys and peer.name not in running.peers and peer.speaks_first == speakers:
                    running.process.add_peer(peer, self._cipher, self.keys[peer.name].seen_from(end[0]))
                    running.peers[peer.name] = peer

    def _start(self, missing: list[tuple[Node, Tunnel]], pairs: Mapping[str, tuple[End, End]]) -> None:
        started = []
        for node, tunnel in sorted(missing, key=lambda pair: any(peer.speaks_first for peer in pair[1].peers)):
            peers = {peer.name: peer for peer in tunnel.peers if peer.name in pairs}
            keys = {name: self.keys[name].seen_from(node.name) for name in peers}
            mtu = _mtu(node, tunnel)
            process = GatewayProcess(self._machines[node.name], tunnel, peers.values(), mtu=mtu, cipher=self._cipher, keys=keys)
            self._running[node.name, tunnel.interface] = _Running(process, tunnel, mtu, peers)
            started.append(process)
        for process in started:
            process.wait_until_ready()

    def _withdraw(self, running: _Running, wanted: dict[str, TunnelPeer]) -> None:
        """Take from a process the peers that are gone or elsewhere now, and the prefixes that are."""
        for name, peer in list(running.peers.items()):
            new = wanted.get(name)
            if new is None or (new.endpoint, new.speaks_first) != (peer.endpoint, peer.speaks_first):
                running.process.ask(op="remove_peer", peer=name)
                del running.peers[name]
            elif new.prefixes != peer.prefixes:
                running.process.ask(op="set_prefixes", peer=name, prefixes=[])
                running.peers[name] = new
        for name, peer in running.peers.items():
            if peer is wanted[name]:
                running.process.ask(op="set_prefixes", peer=name, prefixes=[str(prefix) for prefix in peer.prefixes])

    def status(self) -> dict[str, dict[str, Any]]:
        """What each process says of itself, by node."""
        return {node: running.process.status() for (node, _), running in self._running.items()}

    def drops(self) -> Iterator[tuple[tuple[str, str], Drop]]:
        """Every count of every dataplane, under a key of its own."""
        for (node, device), running in self._running.items():
            status = running.process.status()
            for reason, packets in status["drops"].items():
                place = Place(Filter.TUNNEL, reason, running.tunnel.origin, device)
                yield (node, f"{running.process.pid} {reason}"), Drop(node, place, packets)
            for name, state in status["peers"].items():
                for reason, packets in state["drops"].items():
                    place = Place(Filter.TUNNEL, reason, running.peers[name].origin, device)
                    yield (node, f"{running.process.pid} {self.keys[name].forth.spi} {reason}"), Drop(node, place, packets)

    def stop(self) -> None:
        for running in self._running.values():
            running.process.stop()
        self._running.clear()


def _services(topology: Topology) -> list[tuple[Node, Tunnel]]:
    return [(node, service) for node in topology.nodes for service in node.services]


def _pairs(wanted: Mapping[End, Tunnel]) -> dict[str, tuple[End, End]]:
    """The tunnels that have both their ends, and these the same key, by name."""
    ends: dict[str, list[tuple[End, TunnelPeer]]] = {}
    for end, tunnel in wanted.items():
        for peer in tunnel.peers:
            ends.setdefault(peer.name, []).append((end, peer))
    return {
        name: (found[0][0], found[1][0])
        for name, found in ends.items()
        if len(found) == 2 and found[0][1].authentication.fits(found[1][1].authentication)
    }


def _mtu(node: Node, tunnel: Tunnel) -> int:
    return next(interface.mtu for interface in node.interfaces if interface.name == tunnel.interface)


def _moved(running: _Running, tunnel: Tunnel, mtu: int) -> bool:
    old = running.tunnel
    return (old.address, old.port, old.check, running.mtu) != (tunnel.address, tunnel.port, tunnel.check, mtu)
