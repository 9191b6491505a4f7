"""Links, addresses, routes and rules of a Topology, brought into the kernel through netlink, as a difference.

What is there is remembered, so that a change does only what differs, and half of a change can be undone by changing back.
Within a node a new or changed route is in before an old one goes, and a changed one is replaced in one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.emulation.identity import own_alias
from lab.emulation.line.middle import Middle
from lab.emulation.machine import Machine
from lab.emulation.ruleset import SINK
from lab.topology import Interface, Link, Node, Route, Topology

_RULE_PRIORITY = 100  # after the local table (0), before main (32766)

Key = tuple[str, str]  # node and interface
Place = tuple[int, IPv4Network]  # table and destination: where the kernel keeps one route


@dataclass(frozen=True, slots=True)
class Target:
    """Where a route leads: into a device, to a next hop, with a preferred source."""

    device: str
    via: IPv4Address | None
    source: IPv4Address | None


class Network:
    """What the kernel has of a Topology."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._machines = machines
        self._links: dict[Link, Middle | None] = {}  # each with what it passes
        self._numbers: dict[Link, tuple[int, int]] = {}  # of the interfaces of links that are made anew
        self._interfaces: dict[Key, Interface] = {}
        self._rules: dict[str, set[tuple[str, int]]] = {}
        self._routes: dict[str, dict[Place, Target]] = {}

    def forget(self, node: str) -> None:
        """The node is gone, and with it all that it had and the links to it."""
        self._rules.pop(node, None)
        self._routes.pop(node, None)
        for link in [link for link in self._links if node in (link.a[0], link.b[0])]:
            self._unlink(link)

    def remove_links(self, topology: Topology, middles: Mapping[Link, Middle]) -> set[Key]:
        """Take away the links that are not wanted, or are to pass something else in their middle. Returns their ends."""
        wanted = set(topology.links)
        removed = [link for link, middle in self._links.items() if link not in wanted or middle != middles.get(link)]
        for link in removed:
            self._remove(link, self._links[link], again=link in wanted)
        return {end for link in removed for end in (link.a, link.b)}

    def _remove(self, link: Link, middle: Middle | None, *, again: bool) -> None:
        (a, name_a), (b, name_b) = link.a, link.b
        numbers = self._machines[a].interface_index(name_a), self._machines[b].interface_index(name_b)
        self._machines[a].kernel.remove_link(numbers[0])
        if middle is not None:  # else the other end went with the first
            self._machines[b].kernel.remove_link(numbers[1])
        if again:
            self._numbers[link] = numbers
        self._unlink(link)

    def _unlink(self, link: Link) -> None:
        del self._links[link]
        for node, name in (link.a, link.b):
            self.forget_device(node, name)

    def forget_device(self, node: str, name: str) -> None:
        """A device is gone; the kernel has taken its routes and addresses with it."""
        self._interfaces.pop((node, name), None)
        routes = self._routes.get(node, {})
        for place in [place for place, target in routes.items() if target.device == name]:
            del routes[place]

    def add_links(self, topology: Topology, middles: Mapping[Link, Middle]) -> None:
        """A veth pair for each new link, each end born in its own namespace: the host never sees it. Two where it has a middle.

        A link that is made anew has interfaces of the same numbers: connections are admitted by them.
        """
        for link in topology.links:
            if link not in self._links:
                self._add(link, middles.get(link), self._numbers.pop(link, (0, 0)))

    def _add(self, link: Link, middle: Middle | None, numbers: tuple[int, int]) -> None:
        (a, name_a), (b, name_b) = link.a, link.b
        end_a, end_b = self._machines[a], self._machines[b]
        if middle is None:
            end_a.kernel.add_veth(name_a, name_b, end_b.namespace.fd, numbers=numbers)
        else:
            for end, name, number, face in ((end_a, name_a, numbers[0], middle.left), (end_b, name_b, numbers[1], middle.right)):
                end.kernel.add_veth(name, face, middle.machine.namespace.fd, numbers=(number, 0))
                middle.machine.kernel.set_up(middle.machine.interface_index(face), middle.MTU, alias=own_alias())
        self._links[link] = middle

    def configure(self, node: Node, *, tunnels: bool) -> None:
        """Parameters and addresses of a node's interfaces: of its TUN devices, once the dataplane runs, or of the others.

        A TUN device without an address is its dataplane's business alone.
        """
        for interface in node.interfaces:
            if interface.tunnel != tunnels or (tunnels and not interface.addresses):
                continue
            if self._interfaces.get((node.name, interface.name)) != interface:
                self._configure(node.name, interface)

    def _configure(self, node: str, interface: Interface) -> None:
        machine = self._machines[node]
        before = self._interfaces.get((node, interface.name))
        if before is None or before.proxy_arp != interface.proxy_arp:
            machine.namespace.set_sysctls(_parameters(interface))
        index = machine.interface_index(interface.name)
        machine.kernel.set_up(index, interface.mtu, alias=own_alias())
        old = before.addresses if before else ()
        for address in [address for address in interface.addresses if address not in old]:
            machine.kernel.add_address(index, address)
        for address in [address for address in old if address not in interface.addresses]:
            machine.kernel.remove_address(index, address)
            self._forget_source(node, address.ip)
        self._interfaces[node, interface.name] = interface

    def _forget_source(self, node: str, address: IPv4Address) -> None:
        """The kernel takes away the routes that prefer an address which goes."""
        routes = self._routes.get(node, {})
        for place in [place for place, target in routes.items() if target.source == address]:
            del routes[place]

    def route(self, node: Node, *, tunnels: bool) -> None:
        """The routes of a node and which interface uses which table.

        Without `tunnels` those into its TUN devices are left for later: the devices exist once the dataplane runs.
        """
        devices = {interface.name for interface in node.interfaces if interface.tunnel}
        wanted: dict[Place, Target] = {}
        for table in node.tables:
            for route in table.routes:
                if tunnels or route.interface not in devices:
                    wanted.setdefault((table.number, route.destination), _target(route))  # of two the first one counts
        self._set_routes(node.name, wanted, keep=set() if tunnels else devices)
        self._set_rules(node.name, {(name, table.number) for table in node.tables for name in table.selected_by})

    def _set_routes(self, node: str, wanted: Mapping[Place, Target], *, keep: set[str]) -> None:
        machine = self._machines[node]
        present = self._routes.setdefault(node, {})
        for place, target in wanted.items():
            if present.get(place) != target:
                machine.kernel.set_route(*place, machine.interface_index(target.device), target.via, target.source)
                present[place] = target
        for place, target in list(present.items()):
            if place not in wanted and target.device not in keep:
                machine.kernel.remove_route(*place, machine.interface_index(target.device), target.via, target.source)
                del present[place]

    def _set_rules(self, node: str, wanted: set[tuple[str, int]]) -> None:
        kernel = self._machines[node].kernel
        present = self._rules.setdefault(node, set())
        for name, number in sorted(wanted - present):
            kernel.add_rule(name, number, _RULE_PRIORITY)
            present.add((name, number))
        for name, number in sorted(present - wanted):
            kernel.remove_rule(name, number, _RULE_PRIORITY)
            present.discard((name, number))


def _target(route: Route) -> Target:
    return Target(SINK if route.drop else route.interface, route.via, route.source)


def _parameters(interface: Interface) -> dict[str, str | int]:
    conf = f"ipv4/conf/{interface.name}"
    proxy = int(interface.proxy_arp)
    return {
        f"{conf}/rp_filter": 0,
        f"{conf}/send_redirects": 0,
        f"{conf}/accept_redirects": 0,
        f"{conf}/proxy_arp": proxy,
        f"{conf}/proxy_arp_pvlan": proxy,
        f"ipv4/neigh/{interface.name}/proxy_delay": 0,
    }


def check_interface_names(nodes: Iterable[Node]) -> None:
    """Refuse what the kernel would cut off. Raises ValueError: the compiler generates these names."""
    for node in nodes:
        for interface in node.interfaces:
            if not 0 < len(interface.name) <= 15:
                raise ValueError(f"interface name {interface.name!r} of {node.name} does not fit 15 characters")
