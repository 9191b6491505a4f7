"""What lasts from one packet to the next: the connections of each node, and which tunnel ends know their peers."""

from __future__ import annotations

from ipaddress import IPv4Address

from lab.simulation.connections import ConnectionTable
from lab.simulation.router import Router
from lab.topology import Topology, translated_otherwise

Endpoint = tuple[IPv4Address, int]
EndKey = tuple[str, str, str]  # node, TUN device, peer


class State:
    """`connected` holds the tunnel ends whose peer has proved who it is, and where that peer takes ESP; `refused` those that were
    refused at the last attempt, or refused a peer."""

    def __init__(self) -> None:
        self.connected: dict[EndKey, Endpoint] = {}
        self.refused: set[EndKey] = set()
        self._connections: dict[str, ConnectionTable] = {}

    def connections(self, router: Router) -> ConnectionTable:
        """The connections of a node. One without a stateful gate or a masquerade tracks nothing: its table is thrown away."""
        if not router.stateful:
            return ConnectionTable()
        return self._connections.setdefault(router.node.name, ConnectionTable())

    def carried(self, before: Topology, after: Topology) -> State:
        """A copy for a changed network. A node that is gone takes its connections along; a tunnel begins anew at all its ends
        when one of them is another."""
        twin = State()
        twin._connections = {
            name: table.copy(translated_otherwise(before.by_name[name], after.by_name[name]))
            for name, table in self._connections.items()
            if name in after.by_name
        }
        same = {name for name, footings in after.footings.items() if before.footings.get(name) == footings}
        twin.connected = {key: at for key, at in self.connected.items() if key[2] in same}
        twin.refused = {key for key in self.refused if key[2] in same}
        return twin
