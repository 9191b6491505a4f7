"""From a TUN device to the other end of the tunnel: what two dataplanes do, and the way of their datagrams.

Like the dataplane itself, an end sends packets only to a peer that has proved who it is. Who speaks first begins the handshake
(`handshake`), at the latest when a packet waits for it.

A packet for a peer that is not connected is dropped as PEER_NOT_HEARD, or as AUTHENTICATION_FAILED where the end knows that one
of the two was refused: so the dataplane counts it. What kept the ends apart is told beside it (`Passage.unheard`, `Walk.cause`).
A datagram that carries a packet names its own killer.

What is connected stays connected: an end takes seconds to notice that its peer is gone, and the simulation knows no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dataplane.ike.numbers import IKE_PORT
from lab.reasons import Reason
from lab.simulation.drops import Drop
from lab.simulation.handshake import IKE_SIZE, Dataplane, Ends, Handshake, Handshakes, Underlay, receiver, send, sender
from lab.simulation.probe import Probe
from lab.simulation.router import Router
from lab.simulation.state import State
from lab.simulation.visit import largest_piece
from lab.simulation.walk import Failure, Passage, TunnelEnd, Walk
from lab.status import StatusEnd, unspoken
from lab.topology import Interface, Topology, Tunnel

# Lengths in bytes: RFC 791, RFC 768, RFC 4303 §2 (SPI and sequence number; trailer; alignment), RFC 4106 §3.1 and §6 (IV, ICV)
IP_AND_UDP, ESP_HEADER, ESP_IV, ESP_TRAILER, ESP_ALIGNMENT, ESP_ICV = 28, 8, 8, 2, 4, 16


@dataclass(frozen=True, slots=True)
class Crossing:
    """A packet's way through a tunnel: where it came out, or why not."""

    passage: Passage
    outcome: TunnelEnd | Failure


class Tunnels:
    """The dataplanes of a topology."""

    def __init__(self, topology: Topology, state: State, underlay: Underlay) -> None:
        self._topology = topology
        self._state = state
        self._underlay = underlay
        self._handshakes = Handshakes(state, underlay)

    def cross(self, router: Router, device: Interface, packet: Probe, inside: Ends) -> Crossing:
        """Take a packet off a TUN device and carry it to the other end."""
        service = router.service(device.name)
        if service is None:
            return Crossing(Passage(None), Failure(Drop.NO_TUNNEL_SERVICE, None))
        passage = Passage(service)
        if (router.node.name, service.interface) in inside:
            return Crossing(passage, Failure(Drop.TUNNEL_LOOP, service.origin))
        if not _admits(service, packet):
            return Crossing(passage, Failure(Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, service.origin))
        peer = router.peer(service, packet.destination)
        if peer is None:
            return Crossing(passage, Failure(Drop.NO_PEER_FOR_DESTINATION, service.origin))
        size = largest_piece(packet.size, device.mtu)
        return self._carry(TunnelEnd(router.node, service, peer), size, inside)

    def open_all(self) -> Iterator[Walk]:
        """The datagrams of the handshakes that the ends which speak first begin, where they are not connected."""
        for end in self._all_ends:
            if end.peer.speaks_first:
                yield from (walk for handshake in self._open(end, frozenset()) for walk in handshake.walks)

    def chatter(self) -> Iterator[Walk]:
        """A datagram of each kind that ends send of their own accord: what begins a handshake, and what holds a tunnel open."""
        for end in self._all_ends:
            dataplane, known = Dataplane(end.node, end.service), self._state.connected.get(end.key)
            if end.peer.speaks_first and end.peer.endpoint is not None:
                yield send(dataplane, IKE_PORT, (end.peer.endpoint[0], IKE_PORT), IKE_SIZE, frozenset(), self._underlay)
            if known is not None:
                yield send(dataplane, end.service.port, known, IKE_SIZE, frozenset(), self._underlay)

    def vpn_ends(self, name: str) -> tuple[StatusEnd, ...]:
        """How the ends of a tunnel, or of that which leads for a gateway, see it now. Who speaks first comes first."""
        leading = [end for end in self._all_ends if end.peer.leads == name]
        ends = sorted(leading or self._ends.get(name, []), key=lambda end: not end.peer.speaks_first)
        return tuple(StatusEnd(end.node.name, self._trouble(end)) for end in ends)

    def _trouble(self, end: TunnelEnd) -> str:
        if end.key in self._state.connected:
            return ""
        if end.key in self._state.refused:
            return Drop.AUTHENTICATION_FAILED
        return unspoken(speaks_first=end.peer.speaks_first)

    def _carry(self, near: TunnelEnd, size: int, inside: Ends) -> Crossing:
        handshakes = tuple(self._open(near, inside))
        opening = tuple(walk for handshake in handshakes for walk in handshake.walks)
        endpoint = self._state.connected.get(near.key)
        if endpoint is None:
            refused = near.key in self._state.refused
            failure = Failure(Drop.AUTHENTICATION_FAILED if refused else Drop.PEER_NOT_HEARD, near.peer.origin)
            unheard = (handshakes[-1].failure if handshakes else None) or failure
            return Crossing(Passage(near.service, near.peer, None, opening, unheard), failure)
        walk = send(
            Dataplane(near.node, near.service), near.service.port, endpoint, datagram_size(size), inside, self._underlay
        )
        return Crossing(Passage(near.service, near.peer, walk, opening), self._receive(near, walk))

    def _open(self, near: TunnelEnd, inside: Ends) -> Iterator[Handshake]:
        """The handshakes by which `near` may become connected; none when it is."""
        openers = [near] if near.peer.speaks_first else [far for far in self._opposite(near) if far.peer.speaks_first]
        for opener in openers:
            if near.key not in self._state.connected:
                yield self._handshakes.run(opener, inside)

    def _receive(self, near: TunnelEnd, walk: Walk) -> TunnelEnd | Failure:
        """The end that a datagram with a packet reached. It learns from it where its peer is now."""
        at = receiver(walk, self._underlay)
        if isinstance(at, Failure):
            return at
        peer = next((peer for peer in at.service.peers if peer.name == near.peer.name), None)
        far = TunnelEnd(at.node, at.service, peer) if peer is not None else None
        if far is None or far.key == near.key or far.key not in self._state.connected:
            return Failure(Drop.UNKNOWN_SPI, at.service.origin, walk.hops[-1])
        self._state.connected[far.key] = sender(walk)
        return far

    def _opposite(self, near: TunnelEnd) -> list[TunnelEnd]:
        """The other ends that bear the peer's name: one, or two for a pair of gateways."""
        return [end for end in self._ends.get(near.peer.name, ()) if end.key != near.key]

    @cached_property
    def _all_ends(self) -> list[TunnelEnd]:
        return [end for ends in self._ends.values() for end in ends]

    @cached_property
    def _ends(self) -> dict[str, list[TunnelEnd]]:
        ends: dict[str, list[TunnelEnd]] = {}
        for node in self._topology.nodes:
            for service in node.services:
                for peer in service.peers:
                    ends.setdefault(peer.name, []).append(TunnelEnd(node, service, peer))
        return ends


def datagram_size(inner_size: int) -> int:
    """The length of the UDP datagram's IP packet that carries an inner packet of `inner_size` bytes."""
    padded = -(-(inner_size + ESP_TRAILER) // ESP_ALIGNMENT) * ESP_ALIGNMENT
    return IP_AND_UDP + ESP_HEADER + ESP_IV + padded + ESP_ICV


def _admits(service: Tunnel, packet: Probe) -> bool:
    """The receiving half of the interface's check where the dataplane enforces it; the gateway's own packets never came in."""
    check = service.check
    return check is None or packet.source in check.addresses or check.permits_inbound(packet.destination)
