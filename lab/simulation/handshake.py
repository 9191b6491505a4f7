"""The IKE handshake between the two ends of a tunnel, and what each knows by it. RFC 7296 §1.2, §2.23.

    IKE_SA_INIT  port 500   the end that speaks first asks, the other answers: nobody knows anybody yet
    IKE_AUTH     port 4500  the first proves who it is: now the other is connected, or refuses it
                            the other answers likewise: now the first is connected, or knows that it was refused

Each of the four datagrams walks the underlay, and the death of one ends the handshake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dataplane.ike.numbers import IKE_PORT
from lab.simulation.drops import Drop
from lab.simulation.probe import Probe
from lab.simulation.router import Router
from lab.simulation.state import Endpoint, State
from lab.simulation.walk import Failure, TunnelEnd, Walk
from lab.topology import Node, Tunnel

# Bytes of an IKE message with its IP and UDP headers. Ours, measured: none of the four is longer, and no link here is narrower.
IKE_SIZE = 320

Ends = frozenset[tuple[str, str]]  # (node, TUN device) of the tunnels that a datagram is inside of


class Underlay(Protocol):
    """What the tunnels need of the simulation."""

    def walk_datagram(self, datagram: Probe, node: str, inside: Ends) -> Walk: ...

    def router(self, node: str) -> Router: ...


@dataclass(frozen=True, slots=True)
class Dataplane:
    """A tunnel's service on its node."""

    node: Node
    service: Tunnel


@dataclass(frozen=True, slots=True)
class Handshake:
    """The walks of its datagrams, and why it came to nothing; None when both ends are connected."""

    walks: tuple[Walk, ...]
    failure: Failure | None


def send(source: Dataplane, port: int, to: Endpoint, size: int, inside: Ends, underlay: Underlay) -> Walk:
    """Walk a datagram of a dataplane. `size` is that of the whole IP packet in bytes."""
    node, service = source.node.name, source.service
    datagram = Probe(service.address, to[0], "udp", port, to[1], size=size, dont_fragment=True)
    return underlay.walk_datagram(datagram, node, inside | {(node, service.interface)})


def receiver(walk: Walk, underlay: Underlay) -> Dataplane | Failure:
    """The dataplane that a datagram reached, or why it reached none."""
    if walk.reason is not None:
        return Failure(walk.reason, walk.origin, walk.at)
    node = walk.hops[-1].node
    service = underlay.router(node.name).listener(walk.packet.destination, walk.packet.destination_port)
    return Failure(Drop.NO_TUNNEL_SERVICE, None, walk.hops[-1]) if service is None else Dataplane(node, service)


def sender(walk: Walk) -> Endpoint:
    """Where a datagram came from, as its receiver sees it."""
    return walk.packet.source, walk.packet.source_port


class Handshakes:
    """Runs handshakes; `state` remembers what came of each."""

    def __init__(self, state: State, underlay: Underlay) -> None:
        self._state = state
        self._underlay = underlay

    def run(self, opener: TunnelEnd, inside: Ends) -> Handshake:
        """Let an end that knows where its peer is try to connect."""
        self._state.refused.discard(opener.key)
        if opener.peer.endpoint is None:
            return Handshake((), Failure(Drop.PEER_NOT_HEARD, opener.peer.origin))
        address, port = opener.peer.endpoint
        init = self._exchange(opener, IKE_PORT, (address, IKE_PORT), inside)
        if init.failure is not None:
            return init
        proof = self._exchange(opener, opener.service.port, (address, port), inside, prove=True)
        return Handshake((*init.walks, *proof.walks), proof.failure)

    def _exchange(self, opener: TunnelEnd, port: int, to: Endpoint, inside: Ends, *, prove: bool = False) -> Handshake:
        """A request and the response to it."""
        request = send(Dataplane(opener.node, opener.service), port, to, IKE_SIZE, inside, self._underlay)
        far = receiver(request, self._underlay)
        if isinstance(far, Failure):
            return Handshake((request,), far)
        refusal = self._refusal(opener, far, sender(request)) if prove else None
        response = send(far, to[1], sender(request), IKE_SIZE, inside, self._underlay)
        near = receiver(response, self._underlay)
        walks = (request, response)
        if isinstance(near, Failure):
            return Handshake(walks, near)
        if refusal is not None:
            self._state.refused.add(opener.key)
        elif prove:
            self._state.connected[opener.key] = sender(response)
        return Handshake(walks, refusal)

    def _refusal(self, opener: TunnelEnd, far: Dataplane, at: Endpoint) -> Failure | None:
        """Why the other end refuses the opener; None when it is connected now.

        It knows the opener by the identity that this claims. A stranger's claim is noted nowhere.
        """
        claim = opener.peer.authentication
        peer = next((peer for peer in far.service.peers if peer.authentication.remote == claim.local), None)
        if peer is None:
            return Failure(Drop.AUTHENTICATION_FAILED, claim.origin)
        key = TunnelEnd(far.node, far.service, peer).key
        if not peer.authentication.fits(claim):
            self._state.refused.add(key)
            return Failure(Drop.AUTHENTICATION_FAILED, claim.origin)
        self._state.refused.discard(key)
        self._state.connected[key] = at
        return None
