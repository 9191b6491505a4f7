"""What of a network is another in a second one, whatever its identifiers are there.

A packet whose way meets nothing that has changed fares as before. So only pairs whose packets may meet a changed node need be
asked again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from lab.topology import (
    Interface,
    Node,
    NodeKind,
    PeerAuthentication,
    Route,
    RouteTable,
    Rule,
    Topology,
    Tunnel,
    TunnelPeer,
)

_TRANSFER = IPv4Network("100.64.0.0/10")  # between fabrics; their numbers follow from the order of calls
_TRANSFER_MASK = int(_TRANSFER.netmask)


class Portrait:
    """What each node of a network is like, in terms that are the same in another network."""

    def __init__(self, topology: Topology, names: Mapping[str, str]) -> None:
        self._topology = topology
        self._names = names
        self._rules: dict[int, tuple[Hashable, tuple[Rule, ...]]] = {}
        self._ends: dict[str, list[tuple[str, PeerAuthentication]]] = defaultdict(list)  # of each tunnel, by its name
        for node in topology.nodes:
            for peer in (peer for one in node.services for peer in one.peers):
                self._ends[peer.name].append((node.name, peer.authentication))
        self.nodes: dict[str, Hashable] = {names[node.name]: self._node(node) for node in topology.nodes}

    def _node(self, node: Node) -> Hashable:
        behind = {interface.name: self._behind(node, interface) for interface in node.interfaces}
        return (
            node.kind,
            node.forwards,
            tuple((behind[one.name], tuple(map(_address, one.addresses)), one.mtu, one.proxy_arp) for one in node.interfaces),
            frozenset(self._table(table, behind) for table in node.tables) if node.forwards else (),
            tuple((behind[one.interface], one.check.enabled, one.check.addresses) for one in node.checks),
            tuple(
                (behind[one.interface], one.side, one.stage, one.default, one.stateful, one.reason, self._list(one.rules))
                for one in node.gates
            ),
            tuple((behind[one.interface], one.private, one.public) for one in node.nats),
            tuple(self._service(node, one) for one in node.services),
        )

    def _behind(self, node: Node, interface: Interface) -> str:
        far = self._topology.far_end.get((node.name, interface.name))
        return f"{self._names[far[0]]}" if far is not None else interface.name

    def _table(self, table: RouteTable, behind: Mapping[str, str]) -> Hashable:
        routes = frozenset(self._route(route, behind) for route in table.routes)
        return tuple(sorted(behind.get(name, name) for name in table.selected_by)), routes

    def _route(self, route: Route, behind: Mapping[str, str]) -> Hashable:
        destination = _TRANSFER if route.destination.subnet_of(_TRANSFER) else route.destination
        via = route.via is not None and _address(route.via)
        return destination, behind.get(route.interface, ""), via, route.source and _address(route.source), route.drop

    def _list(self, rules: tuple[Rule, ...]) -> Hashable:
        """What rules say, without who said it. Lists are shared, and read once."""
        if id(rules) not in self._rules:
            self._rules[id(rules)] = tuple((rule.match, rule.permit, rule.reason) for rule in rules), rules
        return self._rules[id(rules)][0]

    def _service(self, node: Node, service: Tunnel) -> Hashable:
        check = service.check and (service.check.enabled, service.check.addresses)
        return service.address, service.port, check, tuple(self._peer(node, peer) for peer in service.peers)

    def _peer(self, node: Node, peer: TunnelPeer) -> Hashable:
        fits = any(peer.authentication.fits(other) for at, other in self._ends[peer.name] if at != node.name)
        return peer.prefixes, peer.endpoint, peer.speaks_first, peer.bandwidth, bool(peer.leads), fits


def changed_nodes(before: Portrait, after: Portrait) -> frozenset[str]:
    """The names of the nodes that are not in both networks, or are another in the second."""
    names = before.nodes.keys() | after.nodes.keys()
    return frozenset(name for name in names if before.nodes.get(name) != after.nodes.get(name))


def prefixes_to(topology: Topology, names: Mapping[str, str], changed: frozenset[str]) -> Iterator[IPv4Network]:
    """The destinations of which packets may meet a changed node on their way, whoever sends them.

    They are those that a router sends to such a node; and, if a tunnel's datagrams may meet one, those that go into tunnels.
    """
    shaken = any(names[node] in changed for node in _underlay(topology))
    for node in topology.nodes:
        for route in (route for table in node.tables if node.forwards for route in table.routes):
            far = topology.far_end.get((node.name, route.interface))
            if shaken if far is None and route.drop is None else far is not None and names[far[0]] in changed:
                yield route.destination


def _underlay(topology: Topology) -> Iterator[str]:
    """The nodes that a tunnel's datagrams may come by: its ends, what these hang at, and the internet."""
    for node in topology.nodes:
        if node.services or node.kind is NodeKind.INTERNET:
            yield node.name
            ends = (topology.far_end.get((node.name, interface.name)) for interface in node.interfaces)
            yield from (far[0] for far in ends if far is not None and node.services)


def _address(address: IPv4Address) -> Hashable:
    """Also of an address with its prefix, IPv4Interface."""
    return "transfer" if int(address) & _TRANSFER_MASK == int(_TRANSFER.network_address) else address
