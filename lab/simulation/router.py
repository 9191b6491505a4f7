"""A node, indexed for the questions that a packet asks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from ipaddress import IPv4Address

from dataplane.ike.numbers import IKE_PORT
from lab.simulation.prefixes import PrefixTable
from lab.topology import EniGate, Gate, Interface, Masquerade, Nat, Node, Route, RouteTable, Side, Stage, Tunnel, TunnelPeer

Checkpoint = tuple[Gate | EniGate, Side]


class Router:
    """Lookups in one node. Costs what the node holds, once; a question then costs what it finds."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.interfaces: dict[str, Interface] = {interface.name: interface for interface in node.interfaces}
        self.stateful = bool(node.masquerades) or any(gate.stateful for gate in node.gates)

    def route(self, destination: IPv4Address, came: str) -> Route | None:
        """The route for a packet that came in on an interface ("" for the node's own), None when there is none.

        Like Linux's rules: first the table that the interface selects, then the main table.
        """
        for table in (*self._selected.get(came, ()), *self._main):
            route = table.lookup(destination)
            if route is not None:
                return route
        return None

    @cached_property
    def _main(self) -> tuple[PrefixTable[Route], ...]:
        return tuple(_indexed(table) for table in self.node.tables if not table.selected_by)

    @cached_property
    def _selected(self) -> dict[str, tuple[PrefixTable[Route], ...]]:
        chosen: dict[str, tuple[PrefixTable[Route], ...]] = {}
        for table in self.node.tables:
            if table.selected_by:
                indexed = _indexed(table)
                chosen.update({interface: (*chosen.get(interface, ()), indexed) for interface in table.selected_by})
        return chosen

    def checkpoints(self, came: str, leaves: str) -> Iterator[Checkpoint]:
        """The gates on the way from one interface to another, in order; `leaves` "" is the sink."""
        for stage in Stage:
            yield from self._checkpoints.get((stage, Side.IN, came), ())
            yield from self._checkpoints.get((stage, Side.OUT, leaves), ())

    @cached_property
    def _checkpoints(self) -> dict[tuple[Stage, Side, str], list[Checkpoint]]:
        places: dict[tuple[Stage, Side, str], list[Checkpoint]] = {}
        for check in self.node.checks:
            places.setdefault((Stage.SOURCE_CHECK, Side.IN, check.interface), []).append((check, Side.IN))
            places.setdefault((Stage.DESTINATION_CHECK, Side.OUT, check.interface), []).append((check, Side.OUT))
        for gate in self.node.gates:
            places.setdefault((gate.stage, gate.side, gate.interface), []).append((gate, gate.side))
        return places

    def nat_in(self, interface: str, destination: IPv4Address) -> Nat | None:
        """The translation of a destination that comes in through an interface."""
        return self._nat_by_public.get((interface, destination))

    def nat_out(self, interface: str, source: IPv4Address) -> Nat | None:
        """The translation of a source that goes out through an interface."""
        return self._nat_by_private.get((interface, source))

    def masquerade(self, interface: str) -> Masquerade | None:
        """What hides those who send through an interface."""
        return next((one for one in self.node.masquerades if one.interface == interface), None)

    @cached_property
    def _nat_by_public(self) -> dict[tuple[str, IPv4Address], Nat]:
        return {(nat.interface, nat.public): nat for nat in self.node.nats}

    @cached_property
    def _nat_by_private(self) -> dict[tuple[str, IPv4Address], Nat]:
        return {(nat.interface, nat.private): nat for nat in self.node.nats}

    def service(self, interface: str) -> Tunnel | None:
        """The dataplane behind a TUN device."""
        return next((one for one in self.node.services if one.interface == interface), None)

    def listener(self, address: IPv4Address, port: int) -> Tunnel | None:
        """The dataplane that receives datagrams at an address and port: its own, or the one where IKE begins."""
        return next((one for one in self.node.services if one.address == address and port in (one.port, IKE_PORT)), None)

    def peer(self, service: Tunnel, destination: IPv4Address) -> TunnelPeer | None:
        """The peer behind which a destination lies."""
        return self._peers[service.interface].lookup(destination)

    @cached_property
    def _peers(self) -> dict[str, PrefixTable[TunnelPeer]]:
        return {
            service.interface: PrefixTable((prefix, peer) for peer in service.peers for prefix in peer.prefixes)
            for service in self.node.services
        }


def _indexed(table: RouteTable) -> PrefixTable[Route]:
    return PrefixTable((route.destination, route) for route in table.routes)
