"""From a walk of the simulation to the path that is told."""

from __future__ import annotations

from collections.abc import Iterator

from lab.drops import FILTER_OF, Filter
from lab.explanation import words
from lab.explanation.path import Consulted, Death, Path, Station
from lab.explanation.place import cause_of, place_of
from lab.explanation.state import State
from lab.origin import Origin
from lab.simulation import Consultation, Failure, Hop, Passage, TunnelEnd, Walk
from lab.topology import EniGate, Side

_NOWHERE = Origin("", "")


class Teller:
    """Tells walks over the network of one state."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._topology = state.topology

    def path(self, walk: Walk) -> Path:
        return Path(words.packet(walk.probe), tuple(self._station(hop) for hop in walk.hops), self._death(walk))

    def _station(self, hop: Hop) -> Station:
        node = hop.node
        came, left = (end.resource or end.name if end is not None else "" for end in (hop.interface_in, hop.interface_out))
        consulted = tuple(self._consulted(hop))
        underlay = self._underlay(hop.passage) if hop.passage is not None else None
        return Station(node.name, node.label, node.kind.value, node.resource, came, left, consulted, underlay, hop.note)

    def _underlay(self, passage: Passage) -> Path | None:
        """The datagram that matters: the one that should have opened the tunnel, else the one that carries the packet."""
        dead = next((walk for walk in passage.opening if not walk.delivered), None)
        walk = dead if passage.unheard is not None else passage.underlay
        return self.path(walk) if walk is not None else None

    def _consulted(self, hop: Hop) -> Iterator[Consulted]:
        if hop.entered is not None:
            yield self._left_tunnel(hop, hop.entered)
        if hop.route is not None and hop.route.drop is None:
            yield self._route(hop)
        for asked in hop.gates:
            yield self._gate(hop, asked)
        if hop.route is not None and hop.route.drop is not None and all(asked.permit for asked in hop.gates):
            yield self._route(hop)
        for nat in hop.nats:
            says = f"{nat.private} outside is {nat.public}"
            yield self._line("address translation", True, says, nat.origin)
        if hop.passage is not None:
            yield self._into_tunnel(hop, hop.passage)

    def _line(self, kind: str, permits: bool, says: str, origin: Origin, machine: str = "") -> Consulted:
        step, place = self._state.step_of(origin.number), self._state.place_of(origin)
        return Consulted(kind, permits, says, origin.resource, origin.operation, step, machine, place)

    def _route(self, hop: Hop) -> Consulted:
        route = hop.route
        origin = route.origin if route is not None else _NOWHERE
        permits = route is not None and route.drop is None
        return self._line(Filter.ROUTE, permits, words.route(self._topology, hop), origin)

    def _gate(self, hop: Hop, asked: Consultation) -> Consulted:
        gate = asked.gate
        kind = FILTER_OF[asked.stage]
        if isinstance(gate, EniGate):
            kind = Filter.SOURCE_CHECK if asked.side is Side.IN else Filter.DESTINATION_CHECK
        machine = words.behind(self._topology, hop.node, gate.interface)
        return self._line(kind, asked.permit, words.verdict(asked, words.as_judged(hop)), asked.origin, machine)

    def _left_tunnel(self, hop: Hop, end: TunnelEnd) -> Consulted:
        prefixes = ", ".join(map(str, end.peer.prefixes)) or "none"
        inside = any(hop.packet.source in prefix for prefix in end.peer.prefixes)
        says = f"{hop.packet.source} is {'' if inside else 'not '}within the prefixes behind the peer ({prefixes})"
        return self._line(Filter.TUNNEL, inside, says, end.peer.origin)

    def _into_tunnel(self, hop: Hop, passage: Passage) -> Consulted:
        if passage.peer is None:
            origin = passage.service.origin if passage.service is not None else _NOWHERE
            return self._line(Filter.TUNNEL, False, f"{hop.packet.destination} lies behind no peer", origin)
        if passage.unheard is not None:
            return self._line(Filter.TUNNEL, False, f"{passage.peer.name}'s tunnel has not opened", passage.peer.origin)
        arrived = passage.underlay is not None and passage.underlay.delivered
        says = "ESP in UDP to the other end" if arrived else "the encrypted datagram died under way"
        return self._line(Filter.TUNNEL, arrived, says, passage.peer.origin)

    def _death(self, walk: Walk) -> Death | None:
        cause = cause_of(walk)
        if walk.reason is None or cause is None:
            return None
        if walk.reason is not cause.reason:
            return self._dead(Failure(walk.reason, walk.origin, walk.at), self._dead(cause))
        return self._dead(cause)

    def _dead(self, failure: Failure, cause: Death | None = None) -> Death:
        hop = failure.at
        if hop is None:
            raise ValueError(f"a drop for {failure.reason} is at no hop")
        place = place_of(failure)
        origin = failure.origin or _NOWHERE
        stopped = next((line for line in reversed(tuple(self._consulted(hop))) if not line.permits), None)
        return Death(
            code=str(failure.reason),
            text=failure.reason.text,
            node=hop.node.name,
            label=hop.node.label,
            filter=str(place.filter) if place is not None else "the kernel",
            machine=stopped.machine if stopped is not None else "",
            rule=stopped.says if stopped is not None else "",
            resource=origin.resource,
            operation=origin.operation,
            step=self._state.step_of(origin.number),
            cause=cause,
            place=self._state.place_of(origin),
        )
