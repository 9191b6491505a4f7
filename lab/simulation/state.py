"""What lasts from one packet to the next: the connections of each node, and which tunnel ends have heard of their peers."""

from __future__ import annotations

from ipaddress import IPv4Address

from lab.simulation.connections import ConnectionTable
from lab.simulation.router import Router
from lab.topology import Topology, Tunnel, TunnelPeer

Endpoint = tuple[IPv4Address, int]
EndKey = tuple[str, str, str]  # node, TUN device, peer


class State:
    """`heard` holds, for a tunnel end that has heard its peer, where the peer speaks from."""

    def __init__(self) -> None:
        self.heard: dict[EndKey, Endpoint] = {}
        self._connections: dict[str, ConnectionTable] = {}

    def connections(self, router: Router) -> ConnectionTable:
        """The connections of a node. One without a stateful gate tracks nothing: it gets a table that is thrown away."""
        if not router.stateful:
            return ConnectionTable()
        return self._connections.setdefault(router.node.name, ConnectionTable())

    def carried(self, before: Topology, after: Topology) -> State:
        """A copy for a changed network. A node that is gone takes its connections along, a service or peer that changed its
        address or endpoint starts anew."""
        twin = State()
        twin._connections = {name: table.copy() for name, table in self._connections.items() if name in after.by_name}
        twin.heard = {key: at for key, at in self.heard.items() if _end(before, key) == _end(after, key)}
        return twin


def _end(topology: Topology, key: EndKey) -> tuple[IPv4Address, int, Endpoint | None, bool] | None:
    """What makes a tunnel end the same one as before; None when it is gone."""
    name, interface, peer_name = key
    node = topology.by_name.get(name)
    for service in node.services if node is not None else ():
        peer = _peer(service, peer_name) if service.interface == interface else None
        if peer is not None:
            return service.address, service.port, peer.endpoint, peer.speaks_first
    return None


def _peer(service: Tunnel, name: str) -> TunnelPeer | None:
    return next((peer for peer in service.peers if peer.name == name), None)
