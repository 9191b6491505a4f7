"""Links, addresses, routes and rules of a Topology, put into the kernel through netlink."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab.emulation.machine import Machine
from lab.emulation.ruleset import SINK
from lab.topology import Interface, Link, Node, Route, RouteTable

_RULE_PRIORITY = 100  # after the local table (0), before main (32766)
_ON_LINK = "onlink"
_NO_PREFIX_ROUTE = 0x200  # IFA_F_NOPREFIXROUTE: every route is a line of the Topology, the kernel adds none


def connect(machines: Mapping[str, Machine], link: Link) -> None:
    """A veth pair between two nodes, each end born in its own namespace: the host never sees it."""
    (a, name_a), (b, name_b) = link.a, link.b
    machines[a].netlink.link("add", kind="veth", ifname=name_a, peer={"ifname": name_b, "net_ns_fd": machines[b].namespace.fd})


def configure_interfaces(machine: Machine, node: Node) -> None:
    """Parameters and addresses of the interfaces, and the sink that routes without a destination lead to."""
    if node.forwards:
        machine.netlink.link("add", kind="veth", ifname=SINK, peer={"ifname": f"{SINK}-end"})
        for name in (SINK, f"{SINK}-end"):
            machine.netlink.link("set", index=machine.interface_index(name), state="up")
    for interface in node.interfaces:
        if not interface.tunnel:
            _configure(machine, interface)


def _configure(machine: Machine, interface: Interface) -> None:
    conf = f"ipv4/conf/{interface.name}"
    parameters: dict[str, str | int] = {f"{conf}/rp_filter": 0, f"{conf}/send_redirects": 0, f"{conf}/accept_redirects": 0}
    if interface.proxy_arp:
        parameters |= {f"{conf}/proxy_arp": 1, f"{conf}/proxy_arp_pvlan": 1}
        parameters |= {f"ipv4/neigh/{interface.name}/proxy_delay": 0}
    machine.namespace.set_sysctls(parameters)
    index = machine.interface_index(interface.name)
    machine.netlink.link("set", index=index, mtu=interface.mtu, state="up")
    for address in interface.addresses:
        machine.netlink.addr(
            "add", index=index, address=str(address.ip), prefixlen=address.network.prefixlen, flags=_NO_PREFIX_ROUTE
        )


def add_routes(machine: Machine, node: Node, *, tunnels: bool) -> None:
    """The routes of a node: those into its TUN devices (which exist once the dataplane runs), or all the others."""
    devices = {interface.name for interface in node.interfaces if interface.tunnel}
    for table in node.tables:
        for route in table.routes:
            if (route.interface in devices) == tunnels:
                machine.netlink.route("add", **_route(machine, table, route))


def add_rules(machine: Machine, node: Node) -> None:
    """Which interface uses which table."""
    for table in node.tables:
        for name in table.selected_by:
            machine.netlink.rule("add", iifname=name, table=table.number, priority=_RULE_PRIORITY)


def _route(machine: Machine, table: RouteTable, route: Route) -> dict[str, Any]:
    fields: dict[str, Any] = {"dst": str(route.destination), "table": table.number}
    fields["oif"] = machine.interface_index(SINK if route.drop else route.interface)
    if route.via:
        fields |= {"gateway": str(route.via), "flags": [_ON_LINK]}
    else:
        fields["scope"] = "link"
    if route.source:
        fields["prefsrc"] = str(route.source)
    return fields


def check_interface_names(nodes: Iterable[Node]) -> None:
    """Refuse what the kernel would cut off. Raises ValueError: the compiler generates these names."""
    for node in nodes:
        for interface in node.interfaces:
            if not 0 < len(interface.name) <= 15:
                raise ValueError(f"interface name {interface.name!r} of {node.name} does not fit 15 characters")
