"""Which machines fare alike: for packets from them and to them, nothing in the network can tell one from another.

Two machines are alike when they hang at the same fabric, at ports with the same gates, checks and routes, and when their
addresses are alike: every prefix in the network that holds one holds the other, and where addresses are listed one by one (the
members of a group) both are listed by the same rules at the same place. What is not a plain host (a gateway, a machine with a
public address or several interfaces) is like no other. So who reaches whom is to be asked once for each pair of classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from ipaddress import IPv4Network

from lab.topology import Gate, Node, Rule, Topology

_HOST = 32  # the prefix length of one address


class Classes:
    """`of` gives the number of each machine's class, by its name; `members` the names in each class."""

    def __init__(self, topology: Topology, machines: Mapping[str, Node]) -> None:
        self.of: dict[str, int] = {}
        self.members: list[list[str]] = []
        addresses = _Addresses(topology)
        numbers: dict[Hashable, int] = {}
        for name, node in machines.items():
            number = numbers.setdefault(_likeness(topology, addresses, name, node), len(numbers))
            self.of[name] = number
            if number == len(self.members):
                self.members.append([])
            self.members[number].append(name)


def _likeness(topology: Topology, addresses: _Addresses, name: str, node: Node) -> Hashable:
    """Equal for machines that are alike."""
    first = node.interfaces[0]
    far = topology.far_end.get((node.name, first.name))
    plain = len(node.interfaces) == 1 and len(first.addresses) == 1 and not (node.forwards or node.services or node.phone)
    if not plain or far is None or far[0] == "internet":
        return name
    address = int(first.addresses[0].ip)
    if (far[0], address) in addresses.translated:
        return name
    return far[0], node.kind, first.mtu, addresses.ports[far], addresses.wide(address), addresses.single(address, far[1])


class _Addresses:
    """What a network says about addresses. `ports` describes each port of a fabric, but for the address behind it."""

    def __init__(self, topology: Topology) -> None:
        self.translated = {(node.name, int(nat.private)) for node in topology.nodes for nat in node.nats}
        self.ports: dict[tuple[str, str], Hashable] = {}
        self._wide: dict[int, set[int]] = defaultdict(set)  # network addresses by prefix length
        self._single: dict[int, dict[Hashable, None]] = defaultdict(dict)  # what is said of one address alone
        self._routed: dict[int, list[tuple[str, Hashable]]] = defaultdict(list)  # host routes, with the interface they lead to
        self._rules: dict[int, int] = {}  # a number for each list of rules, by where it is in memory: they are shared
        self._kept: list[tuple[Rule, ...]] = []
        for node in topology.nodes:
            self._read(node)

    def wide(self, address: int) -> Hashable:
        """The prefixes that hold an address."""
        return tuple(
            (length, start)
            for length, starts in self._wide.items()
            if (start := address >> (_HOST - length) << (_HOST - length)) in starts
        )

    def single(self, address: int, own: str) -> Hashable:
        """What is said of an address alone, but for the routes to its own port."""
        routes = tuple(what for interface, what in self._routed.get(address, ()) if interface != own)
        return tuple(self._single.get(address, ())), routes

    def _read(self, node: Node) -> None:
        if not node.forwards:
            return
        self._read_routes(node)
        for service in node.services:
            for peer in service.peers:
                for prefix in peer.prefixes:
                    self._note(prefix, ("peer", node.name, peer.name))
        gates: dict[str, list[Hashable]] = defaultdict(list)
        for gate in node.gates:
            gates[gate.interface].append((gate.side, gate.stage, gate.default, gate.stateful, gate.reason, self._number(gate)))
        for check in node.checks:
            gates[check.interface].append(("check", check.check.enabled))
        selects = defaultdict(list)
        for table in node.tables:
            for name in table.selected_by:
                selects[name].append(table.number)
        for interface in node.interfaces:
            port = node.name, interface.name
            self.ports[port] = (tuple(gates[interface.name]), tuple(selects[interface.name]), interface.mtu, interface.proxy_arp)

    def _read_routes(self, node: Node) -> None:
        for table in node.tables:
            for route in table.routes:
                if route.destination.prefixlen < _HOST:
                    self._note(route.destination, None)
                else:
                    what = (node.name, table.number, route.interface, route.drop)
                    self._routed[int(route.destination.network_address)].append((route.interface, what))

    def _note(self, network: IPv4Network, what: Hashable) -> None:
        if network.prefixlen < _HOST:
            self._wide[network.prefixlen].add(int(network.network_address))
        else:
            self._single[int(network.network_address)][what] = None

    def _number(self, gate: Gate) -> int:
        """The number of a gate's list of rules, which is read the first time it is met."""
        number = self._rules.get(id(gate.rules))
        if number is None:
            number = self._rules[id(gate.rules)] = len(self._rules)
            self._kept.append(gate.rules)  # so that nothing else gets its place in memory
            for network, what in _said(gate.rules):
                self._note(network, (number, what))
        return number


def _said(rules: tuple[Rule, ...]) -> Iterator[tuple[IPv4Network, Hashable]]:
    """Each prefix that rules speak of, and what they say of it.

    Of one address that is its place among the rules for wider prefixes, since rules are asked in their order.
    """
    before = 0
    for rule in rules:
        match = rule.match
        says = (match.protocol, match.ports, match.icmp, rule.permit, rule.reason)
        alone = False
        for side, network, other in (("from", match.source, match.destination), ("to", match.destination, match.source)):
            alone = alone or network.prefixlen == _HOST
            yield network, (before, side, other, says)
        before += not alone
