"""Links, addresses, routes and rules of a Topology, brought into the kernel through netlink, as a difference.

What is there is remembered, so that a change does only what differs, and half of a change can be undone by changing back.
Within a node a new or changed route is in before an old one goes, and a changed one is replaced in one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from lab.emulation.machine import Machine
from lab.emulation.ruleset import SINK
from lab.topology import Interface, Link, Node, Route, Topology

_RULE_PRIORITY = 100  # after the local table (0), before main (32766)
_ON_LINK = "onlink"
_NO_PREFIX_ROUTE = 0x200  # IFA_F_NOPREFIXROUTE: every route is a line of the Topology, the kernel adds none

Key = tuple[str, str]  # node and interface
Place = tuple[int, IPv4Network]  # table and destination: where the kernel keeps one route
Target = tuple[str, str, str]  # device, next hop, preferred source; empty where there is none


class Network:
    """What the kernel has of a Topology."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._machines = machines
        self._links: dict[Link, None] = {}
        self._interfaces: dict[Key, Interface] = {}
        self._rules: dict[str, set[tuple[str, int]]] = {}
        self._routes: dict[str, dict[Place, Target]] = {}

    def forget(self, node: str) -> None:
        """The node is gone, and with it all that it had and the links to it."""
        self._rules.pop(node, None)
        self._routes.pop(node, None)
        for link in [link for link in self._links if node in (link.a[0], link.b[0])]:
            self._unlink(link)

    def remove_links(self, topology: Topology) -> None:
        """Take away the links that are not wanted."""
        wanted = set(topology.links)
        for link in [link for link in self._links if link not in wanted]:
            machine = self._machines[link.a[0]]
            machine.netlink.link("del", index=machine.interface_index(link.a[1]))
            self._unlink(link)

    def _unlink(self, link: Link) -> None:
        del self._links[link]
        for node, name in (link.a, link.b):
            self._interfaces.pop((node, name), None)
            self.forget_device(node, name)

    def forget_device(self, node: str, name: str) -> None:
        """A device is gone; the kernel has taken its routes with it."""
        routes = self._routes.get(node, {})
        for place in [place for place, target in routes.items() if target[0] == name]:
            del routes[place]

    def add_links(self, topology: Topology) -> None:
        """A veth pair for each new link, each end born in its own namespace: the host never sees it."""
        for link in topology.links:
            if link not in self._links:
                (a, name_a), (b, name_b) = link.a, link.b
                peer = {"ifname": name_b, "net_ns_fd": self._machines[b].namespace.fd}
                self._machines[a].netlink.link("add", kind="veth", ifname=name_a, peer=peer)
                self._links[link] = None

    def configure(self, node: Node) -> None:
        """Parameters and addresses of a node's interfaces."""
        for interface in node.interfaces:
            if not interface.tunnel and self._interfaces.get((node.name, interface.name)) != interface:
                self._configure(node.name, interface)

    def _configure(self, node: str, interface: Interface) -> None:
        machine = self._machines[node]
        before = self._interfaces.get((node, interface.name))
        if before is None or before.proxy_arp != interface.proxy_arp:
            machine.namespace.set_sysctls(_parameters(interface))
        index = machine.interface_index(interface.name)
        machine.netlink.link("set", index=index, mtu=interface.mtu, state="up")
        old = before.addresses if before else ()
        for verb, addresses in (("add", set(interface.addresses) - set(old)), ("del", set(old) - set(interface.addresses))):
            for address in sorted(addresses, key=interface.addresses.index if verb == "add" else old.index):
                prefix = {"address": str(address.ip), "prefixlen": address.network.prefixlen}
                flags = {"flags": _NO_PREFIX_ROUTE} if verb == "add" else {}
                machine.netlink.addr(verb, index=index, **prefix, **flags)
                self._forget_source(node, str(address.ip), gone=verb == "del")
        self._interfaces[node, interface.name] = interface

    def _forget_source(self, node: str, address: str, *, gone: bool) -> None:
        """The kernel takes away the routes that prefer an address which goes."""
        routes = self._routes.get(node, {})
        for place in [place for place, target in routes.items() if gone and target[2] == address]:
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
        netlink = self._machines[node].netlink
        present = self._routes.setdefault(node, {})
        for place, target in wanted.items():
            if present.get(place) != target:
                netlink.route("replace", **self._fields(node, place, target))
                present[place] = target
        for place, target in list(present.items()):
            if place not in wanted and target[0] not in keep:
                netlink.route("del", **self._fields(node, place, target))
                del present[place]

    def _set_rules(self, node: str, wanted: set[tuple[str, int]]) -> None:
        netlink = self._machines[node].netlink
        present = self._rules.setdefault(node, set())
        for verb, rules in (("add", wanted - present), ("del", present - wanted)):
            for name, number in sorted(rules):
                netlink.rule(verb, iifname=name, table=number, priority=_RULE_PRIORITY)
                (present.add if verb == "add" else present.discard)((name, number))

    def _fields(self, node: str, place: Place, target: Target) -> dict[str, Any]:
        (table, destination), (device, via, source) = place, target
        fields: dict[str, Any] = {"dst": str(destination), "table": table}
        fields["oif"] = self._machines[node].interface_index(device)
        fields |= {"gateway": via, "flags": [_ON_LINK]} if via else {"scope": "link"}
        if source:
            fields["prefsrc"] = source
        return fields


def _target(route: Route) -> Target:
    device = SINK if route.drop else route.interface
    return device, str(route.via or ""), str(route.source or "")


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
