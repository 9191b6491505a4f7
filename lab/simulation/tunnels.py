"""From a TUN device to the other end of the tunnel: what two dataplanes do, and the way of their datagrams.

Like the dataplane itself, an end sends packets only to a peer that it has heard. Who speaks first opens with an empty datagram,
and the other end answers it once; both walk the underlay. What is heard stays heard.

A packet for a peer that was not heard is dropped as PEER_NOT_HEARD: so the dataplane counts it. What kept the ends from hearing
each other is told beside it (`Passage.unheard`, `Walk.cause`). A datagram that carries a packet names its own killer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from lab.reasons import Reason
from lab.simulation.drops import Drop
from lab.simulation.probe import Probe
from lab.simulation.router import Router
from lab.simulation.state import Endpoint, State
from lab.simulation.visit import largest_piece
from lab.simulation.walk import Failure, Passage, TunnelEnd, Walk
from lab.topology import Interface, Topology, Tunnel

# Lengths in bytes: RFC 791, RFC 768, RFC 4303 §2 (SPI and sequence number; trailer; alignment), RFC 4106 §3.1 and §6 (IV, ICV)
IP_AND_UDP, ESP_HEADER, ESP_IV, ESP_TRAILER, ESP_ALIGNMENT, ESP_ICV = 28, 8, 8, 2, 4, 16

EMPTY = 0  # the dummy packet of RFC 4303 §2.6 carries nothing

Ends = frozenset[tuple[str, str]]  # (node, TUN device) of the tunnels that a datagram is inside of


class Underlay(Protocol):
    """What the tunnels need of the simulation."""

    def walk_datagram(self, datagram: Probe, node: str, inside: Ends) -> Walk: ...

    def router(self, node: str) -> Router: ...


@dataclass(frozen=True, slots=True)
class Crossing:
    """A packet's way through a tunnel: where it came out, or why not."""

    passage: Passage
    outcome: TunnelEnd | Failure


@dataclass(frozen=True, slots=True)
class _Sent:
    """A datagram's walk, and the end that took it in, or why none did."""

    walk: Walk
    outcome: TunnelEnd | Failure


class Tunnels:
    """The dataplanes of a topology."""

    def __init__(self, topology: Topology, state: State, underlay: Underlay) -> None:
        self._topology = topology
        self._state = state
        self._underlay = underlay

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
        """The datagrams by which the ends that speak first make themselves heard, where they have not been answered yet."""
        for end in [end for ends in self._ends.values() for end in ends if end.peer.speaks_first]:
            yield from (sent.walk for sent in self._open(end, frozenset()))

    def _carry(self, near: TunnelEnd, size: int, inside: Ends) -> Crossing:
        conversation = tuple(self._open(near, inside))
        opening = tuple(sent.walk for sent in conversation)
        endpoint = self._endpoint(near)
        if endpoint is None:
            failure = Failure(Drop.PEER_NOT_HEARD, near.peer.origin)
            last = conversation[-1].outcome if conversation else None
            unheard = last if isinstance(last, Failure) else failure
            return Crossing(Passage(near.service, near.peer, None, opening, unheard), failure)
        sent = self._send(near, endpoint, size, inside)
        return Crossing(Passage(near.service, near.peer, sent.walk, opening), sent.outcome)

    def _endpoint(self, near: TunnelEnd) -> Endpoint | None:
        """Where packets for the peer go. An end that opens must have heard the answer; another may be told where its peer is."""
        heard = self._state.heard.get(near.key)
        return heard if heard is not None or near.peer.speaks_first else near.peer.endpoint

    def _open(self, near: TunnelEnd, inside: Ends) -> Iterator[_Sent]:
        """The datagrams by which `near` hears of its peer; none when it has."""
        if near.key in self._state.heard:
            return
        if near.peer.speaks_first:
            yield from self._converse(near, inside)
            return
        for far in self._opposite(near):
            if far.peer.speaks_first and near.key not in self._state.heard:
                yield from self._converse(far, inside)

    def _converse(self, opener: TunnelEnd, inside: Ends) -> Iterator[_Sent]:
        """The opening datagram and, when it got through, the answer."""
        if opener.peer.endpoint is None:
            return
        opening = self._send(opener, opener.peer.endpoint, EMPTY, inside)
        yield opening
        if isinstance(opening.outcome, TunnelEnd):
            yield self._send(opening.outcome, self._state.heard[opening.outcome.key], EMPTY, inside)

    def _send(self, near: TunnelEnd, endpoint: Endpoint, inner_size: int, inside: Ends) -> _Sent:
        """Walk a datagram, and let the end that takes it in hear of `near`."""
        datagram = Probe(
            source=near.service.address,
            destination=endpoint[0],
            protocol="udp",
            source_port=near.service.port,
            destination_port=endpoint[1],
            size=datagram_size(inner_size),
            dont_fragment=True,
        )
        name, interface, _ = near.key
        walk = self._underlay.walk_datagram(datagram, name, inside | {(name, interface)})
        outcome = self._receive(near, walk)
        if isinstance(outcome, TunnelEnd):
            self._state.heard[outcome.key] = (walk.packet.source, walk.packet.source_port)
        return _Sent(walk, outcome)

    def _receive(self, near: TunnelEnd, walk: Walk) -> TunnelEnd | Failure:
        """The end that a datagram reached."""
        if walk.reason is not None:
            return Failure(walk.reason, walk.origin, walk.at)
        node = walk.hops[-1].node
        service = self._underlay.router(node.name).listener(walk.packet.destination, walk.packet.destination_port)
        if service is None:
            return Failure(Drop.NO_TUNNEL_SERVICE, None, walk.hops[-1])
        peer = next((peer for peer in service.peers if peer.name == near.peer.name), None)
        far = TunnelEnd(node, service, peer) if peer is not None else None
        if far is None or far.key == near.key:
            return Failure(Drop.UNKNOWN_SPI, service.origin, walk.hops[-1])
        return far

    def _opposite(self, near: TunnelEnd) -> list[TunnelEnd]:
        """The other ends that bear the peer's name: one, or two for a pair of gateways."""
        return [end for end in self._ends.get(near.peer.name, ()) if end.key != near.key]

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
