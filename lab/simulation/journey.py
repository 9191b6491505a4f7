"""One packet on its way: from node to node until it is delivered or dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lab.simulation.drops import DroppedError
from lab.simulation.handshake import Ends
from lab.simulation.probe import Probe
from lab.simulation.tunnels import Crossing
from lab.simulation.visit import Visit
from lab.simulation.walk import Failure, Hop, TunnelEnd, Verdict, Walk
from lab.topology import Interface


@dataclass(frozen=True, slots=True)
class Place:
    """Where a packet comes in: a node and its interface, None for the sender's own. `entered` is the tunnel it came out of."""

    node: str
    came: Interface | None = None
    entered: TunnelEnd | None = None


class Network(Protocol):
    """What a journey needs of the simulation."""

    def visit(self, place: Place, packet: Probe) -> Visit: ...

    def across(self, visit: Visit, interface: Interface) -> Place | None: ...

    def through(self, visit: Visit, device: Interface, inside: Ends) -> Crossing: ...


class Journey:
    """`run` walks the probe from a node. Every node that forwards takes one off the TTL, so it ends."""

    def __init__(self, probe: Probe, inside: Ends, network: Network) -> None:
        self._probe = probe
        self._inside = inside
        self._network = network
        self._hops: list[Hop] = []

    def run(self, node: str) -> Walk:
        visit = self._network.visit(Place(node), self._probe)
        while True:
            try:
                visit.run()
                place = self._next(visit)
            except DroppedError as drop:
                self._hops.append(visit.hop())
                return self._dropped(visit, drop)
            self._hops.append(visit.hop())
            if place is None:
                return Walk(self._probe, tuple(self._hops), Verdict.DELIVERED, visit.packet, delivered_to=visit.node)
            visit = self._network.visit(place, visit.packet)

    def _next(self, visit: Visit) -> Place | None:
        """Where the packet goes from here, None when it has arrived."""
        leaves = visit.interface_out
        if leaves is None:
            return None
        if leaves.tunnel:
            return self._through(visit, leaves)
        place = self._network.across(visit, leaves)
        if place is None:
            raise visit.unreachable()
        return place

    def _through(self, visit: Visit, device: Interface) -> Place:
        crossing = self._network.through(visit, device, self._inside)
        visit.passage = crossing.passage
        outcome = crossing.outcome
        if isinstance(outcome, Failure):
            raise DroppedError(outcome.reason, outcome.origin, at=outcome.at)
        came = next(end for end in outcome.node.interfaces if end.name == outcome.service.interface)
        return Place(outcome.node.name, came, outcome)

    def _dropped(self, visit: Visit, drop: DroppedError) -> Walk:
        return Walk(
            probe=self._probe,
            hops=tuple(self._hops),
            verdict=Verdict.DROPPED,
            packet=visit.packet,
            reason=drop.reason,
            at=drop.at or self._hops[-1],
            origin=drop.origin,
            error=drop.error,
        )
