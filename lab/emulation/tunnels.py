"""The dataplanes of a network: which processes run, which peers they serve.

A change disturbs only the tunnels it is about: a peer is added, removed or given other prefixes while the others go on. A tunnel
that has another footing at one end begins anew at both.

While the network changes, no end tries to connect (`hold`): a handshake could slip through a network that is neither the old one
nor the new one, and what is connected stays so. Afterwards each end that is not connected tries at once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from dataplane.ike.policy import Lease
from dataplane.suites import SUITES
from lab.drops import Drop, Filter, Place
from lab.emulation.gateway import Options
from lab.emulation.machine import Machine
from lab.emulation.processors import confine
from lab.emulation.tunnel_end import TunnelEnd, start_end
from lab.emulation.warm.parent import WarmParent
from lab.status import LEASE_MISMATCH, NORMAL, StatusEnd, unspoken
from lab.topology import Node, Topology, Tunnel, TunnelFooting, TunnelPeer

CIPHERS = tuple(SUITES)
DEFAULT_CIPHER = "aes-256-gcm"

CONNECTED_WITHIN = 2.0
"""Seconds that a change waits for ends that try to connect. Our choice: a handshake takes milliseconds, and a request that gets
lost is repeated after 0.5 and 1.5 s."""
POLL = 0.01  # seconds between two looks

End = tuple[str, str]  # node and TUN device


@dataclass
class _Running:
    """A dataplane process and the peers it serves now. `past` are drops, by peer and reason, of peers that were removed since.

    `overlapping` are peers that have, until the next `apply`, other prefixes than `peers` says: one has what was another's.
    """

    process: TunnelEnd
    tunnel: Tunnel
    mtu: int
    peers: dict[str, TunnelPeer] = field(default_factory=dict)
    overlapping: set[str] = field(default_factory=set)
    past: Counter[tuple[str, str]] = field(default_factory=Counter)

    def remove(self, names: Collection[str]) -> None:
        """Serve these peers no longer."""
        states = self.process.status()["peers"] if names else {}
        for name in names:
            self.past.update({(name, reason): packets for reason, packets in states[name]["drops"].items()})
            self.process.remove_peer(name)
            del self.peers[name]

    def drops(self, name: str, state: Mapping[str, Any]) -> Counter[str]:
        """What was dropped for a peer by reason, since the process began."""
        counted = Counter[str](state["drops"])
        counted.update({reason: packets for (peer, reason), packets in self.past.items() if peer == name})
        return counted


class Tunnels:
    """What runs where. A tunnel that cannot open is no error."""

    def __init__(self, machines: Mapping[str, Machine], options: Options) -> None:
        self._options = options
        self._machines = machines
        self._parent: WarmParent | None = None
        self._running: dict[End, _Running] = {}
        self._footings: Mapping[str, frozenset[TunnelFooting]] = {}

    def warm_up(self, topology: Topology) -> None:
        """Have a parent for the dataplanes of a network. It loads while the rest of the network is built."""
        if self._parent is not None and self._parent.has_ended:
            self._parent.close()
            self._parent = None
        if self._parent is None and _services(topology):
            self._parent = WarmParent()

    @property
    def _warm_parent(self) -> WarmParent:
        if self._parent is None:
            raise RuntimeError("warm_up comes before apply")
        return self._parent

    def processes(self) -> dict[str, TunnelEnd]:
        """What ends the tunnels of a node, by node."""
        return {node: running.process for (node, _), running in self._running.items()}

    def pids(self) -> dict[str, int]:
        """The process of each end, by node."""
        return {node: process.pid for node, process in self.processes().items()}

    def lifelines(self) -> Iterator[int]:
        """Descriptors of all that may die: each is readable once it has."""
        if self._parent is not None:
            yield self._parent.lifeline
        for running in self._running.values():
            yield running.process.lifeline

    @property
    def parent_has_ended(self) -> bool:
        return self._parent is not None and self._parent.has_ended

    def ended(self) -> list[End]:
        """Those whose processes have died."""
        return [end for end, running in self._running.items() if running.process.has_ended]

    def forget_ended(self) -> list[End]:
        """Let `apply` start anew what has died, and its tunnels at both ends. Returns whose TUN devices are gone."""
        ended = self.ended()
        for end in ended:
            running = self._running.pop(end)
            running.process.stop()
            tunnels = {peer.name for peer in running.tunnel.peers}
            self._footings = {name: footings for name, footings in self._footings.items() if name not in tunnels}
        return ended

    def stop_obsolete(self, topology: Topology) -> list[End]:
        """End the processes that have no place in a network, or another one. Returns whose TUN devices are gone."""
        wanted = {(node.name, tunnel.interface): (tunnel, _mtu(node, tunnel)) for node, tunnel in _services(topology)}
        obsolete = [end for end, running in self._running.items() if end not in wanted or _moved(running, *wanted[end])]
        for end in obsolete:
            self._running.pop(end).process.stop()
        return obsolete

    def hold(self) -> None:
        """Let no end that is not connected go on trying, until `apply`."""
        for running in self._running.values():
            states = running.process.status()["peers"]
            running.remove([name for name, peer in running.peers.items() if peer.speaks_first and not _is_normal(states[name])])

    def hand_over(self, topology: Topology) -> None:
        """Let each peer have what is another's that stays, too, until `apply`: for before a route leads packets to the one.

        So what is on its way to either, or from either, gets through, however long the change takes.
        """
        wanted = {(node.name, tunnel.interface): tunnel for node, tunnel in _services(topology)}
        kept = self._kept(topology)
        for end, running in self._running.items():
            _hand_over(running, [peer for peer in wanted[end].peers if peer.name in running.peers.keys() & kept])

    def _kept(self, topology: Topology) -> set[str]:
        """The tunnels that stay: each end stands on what it stood on."""
        return {name for name, footings in topology.footings.items() if self._footings.get(name) == footings}

    def apply(self, topology: Topology, ready: Callable[[], None] = lambda: None) -> None:
        """Start what is missing, and give every process its peers. Ends that are not connected begin to try.

        `ready` is called once every TUN device is there. Ends that speak first learn of their peers last, when those listen.
        """
        services = _services(topology)
        wanted = {(node.name, tunnel.interface): tunnel for node, tunnel in services}
        kept = self._kept(topology)
        self._footings = {}
        for end, running in self._running.items():
            _withdraw(running, wanted[end], kept)
        self._start([(node, tunnel) for node, tunnel in services if (node.name, tunnel.interface) not in self._running])
        ready()
        for speakers in (False, True):
            self._introduce(speakers=speakers)
        self._footings = topology.footings

    def _start(self, missing: list[tuple[Node, Tunnel]]) -> None:
        started = []
        for node, tunnel in missing:
            mtu = _mtu(node, tunnel)
            waiting = [peer for peer in tunnel.peers if not peer.speaks_first]
            machine = self._machines[node.name]
            process = start_end(machine, tunnel, waiting, mtu=mtu, options=self._options, parent=self._warm_parent)
            if node.cores:
                confine(process.pid, node.cores, number=len(self._running))
            self._running[node.name, tunnel.interface] = _Running(process, tunnel, mtu, {peer.name: peer for peer in waiting})
            started.append(process)
        for process in started:
            process.wait_until_ready()

    def _introduce(self, *, speakers: bool) -> None:
        """Tell every process of the peers that it does not serve yet: those it speaks first to, or the others."""
        for running in self._running.values():
            for peer in running.tunnel.peers:
                if peer.name not in running.peers and peer.speaks_first == speakers:
                    running.process.add_peer(peer)
                    running.peers[peer.name] = peer

    def wait(self, within: float) -> None:
        """Wait until each end that speaks first is connected, or knows why it is not. So many seconds at most."""
        deadline = time.monotonic() + within
        while any(self._is_trying(running) for running in self._running.values()) and time.monotonic() < deadline:
            time.sleep(POLL)  # a poll of the condition, with the deadline above

    def _is_trying(self, running: _Running) -> bool:
        speakers = [name for name, peer in running.peers.items() if peer.speaks_first]
        states = running.process.status()["peers"] if speakers else {}
        return any(not _is_normal(states[name]) and states[name]["ike"]["failure"] is None for name in speakers)

    def vpn_ends(self, name: str) -> tuple[StatusEnd, ...]:
        """How the ends of a tunnel, or of that which leads for a gateway, see it now. Who speaks first comes first."""
        peers = [(node, running, peer) for (node, _), running in self._running.items() for peer in running.peers.values()]
        name = next((peer.name for _, _, peer in peers if peer.leads == name), name)
        serving = [(node, running) for node, running, peer in peers if peer.name == name]
        serving.sort(key=lambda one: not one[1].peers[name].speaks_first)
        return tuple(
            StatusEnd(node, _trouble(running.process.status()["peers"][name], running.peers[name])) for node, running in serving
        )

    def ends(self, name: str) -> dict[str, TunnelEnd]:
        """The processes at the ends of a tunnel, by node."""
        return {node: running.process for (node, _), running in self._running.items() if name in running.peers}

    def status(self) -> dict[str, dict[str, Any]]:
        """What each process says of itself, by node."""
        return {node: running.process.status() for (node, _), running in self._running.items()}

    def drops(self) -> Iterator[tuple[tuple[str, str], Drop]]:
        """Every count of every dataplane, under a key of its own."""
        for (node, device), running in self._running.items():
            status = running.process.status()
            for reason, packets in status["drops"].items():
                place = Place(_filter(reason), reason, running.tunnel.origin, device)
                yield (node, f"{running.process.pid} {reason}"), Drop(node, place, packets)
            for name, state in status["peers"].items():
                for reason, packets in running.drops(name, state).items():
                    place = Place(_filter(reason), reason, running.peers[name].origin, device)
                    yield (node, f"{running.process.pid} {name} {reason}"), Drop(node, place, packets)

    def stop(self) -> None:
        for running in self._running.values():
            running.process.stop()
        self._running.clear()
        if self._parent is not None:
            self._parent.close()
            self._parent = None


def _services(topology: Topology) -> list[tuple[Node, Tunnel]]:
    return [(node, service) for node in topology.nodes for service in node.services]


def _mtu(node: Node, tunnel: Tunnel) -> int:
    return next(interface.mtu for interface in node.interfaces if interface.name == tunnel.interface)


def _moved(running: _Running, tunnel: Tunnel, mtu: int) -> bool:
    old = running.tunnel
    return (old.address, old.port, old.check is None, running.mtu) != (tunnel.address, tunnel.port, tunnel.check is None, mtu)


def _hand_over(running: _Running, peers: Collection[TunnelPeer]) -> None:
    """Let those of these peers that get something of another's have it beside what is theirs."""
    owners = {prefix: name for name, peer in running.peers.items() for prefix in peer.prefixes}
    for peer in peers:
        own = running.peers[peer.name].prefixes
        gained = tuple(prefix for prefix in peer.prefixes if prefix in owners and prefix not in own)
        if gained:
            running.overlapping.update((peer.name, *(owners[prefix] for prefix in gained)))
            running.process.set_prefixes(peer.name, own + gained, take_over=True)


def _withdraw(running: _Running, tunnel: Tunnel, kept: Collection[str]) -> None:
    """Take from a process the peers that are gone or begin anew, and bring it up to date on the others."""
    new = {peer.name: peer for peer in tunnel.peers}
    running.remove([name for name in running.peers if name not in new or name not in kept])
    for name, peer in running.peers.items():
        if name in running.overlapping or new[name].prefixes != peer.prefixes:
            running.process.set_prefixes(name, new[name].prefixes, take_over=True)
    running.overlapping.clear()
    for name, peer in running.peers.items():
        if (new[name].bandwidth, new[name].inbound_bandwidth) != (peer.bandwidth, peer.inbound_bandwidth):
            running.process.set_bandwidth(new[name])
    if tunnel.check is not None and tunnel.check != running.tunnel.check:
        running.process.set_check(tunnel.check)
    running.peers = {name: new[name] for name in running.peers}
    running.tunnel = tunnel


def _filter(reason: str) -> Filter:
    return Filter.HANDSHAKE if "IKE" in reason else Filter.TUNNEL


def _is_normal(state: Mapping[str, Any]) -> bool:
    return bool(state["vpn_status"] == NORMAL)


def _trouble(state: Mapping[str, Any], peer: TunnelPeer) -> str:
    """Why a peer is not connected, empty when it is."""
    if not _is_normal(state):
        return state["ike"]["failure"] or unspoken(speaks_first=peer.speaks_first)
    return "" if not peer.request_lease or _obtained(state) == peer.lease else LEASE_MISMATCH


def _obtained(state: Mapping[str, Any]) -> Lease | None:
    """What a client's end was given by its peer."""
    told = state["ike"]["lease"]
    return None if told is None else Lease(IPv4Address(told["address"]), dns=tuple(map(IPv4Address, told["dns"])))
