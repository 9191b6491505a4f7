"""Which software runs at the two ends of a lab's tunnels: our own dataplane, or strongSwan, which shows how standard it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lab.topology import Node, NodeKind, Software, Topology

STRONGSWAN_DEVICE = "ipsec0"  # what strongSwan's kernel-libipsec calls its TUN device, always


def with_software(topology: Topology, chosen: Mapping[NodeKind, Software]) -> Topology:
    """The same network with other software at the ends of its tunnels: on gateways, on points of presence, or on both."""
    if not chosen:
        return topology
    return replace(topology, nodes=tuple(_run_on(node, chosen.get(node.kind)) for node in topology.nodes))


def _run_on(node: Node, software: Software | None) -> Node:
    """strongSwan brings its own TUN device, so everything that names the device names that one."""
    if software is not Software.STRONGSWAN or not node.services:
        return node
    devices = {service.interface for service in node.services}

    def name(interface: str) -> str:
        return STRONGSWAN_DEVICE if interface in devices else interface

    return replace(
        node,
        interfaces=tuple(replace(one, name=name(one.name)) for one in node.interfaces),
        tables=tuple(
            replace(
                table,
                routes=tuple(replace(route, interface=name(route.interface)) for route in table.routes),
                selected_by=tuple(map(name, table.selected_by)),
            )
            for table in node.tables
        ),
        services=tuple(replace(one, interface=name(one.interface), software=software) for one in node.services),
    )
