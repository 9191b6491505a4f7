"""People's own devices on the internet: terminals with public addresses, and home routers with several terminals behind one."""

from __future__ import annotations

from ipaddress import IPv4Network

from lab.cloud import Cloud
from lab.cloud.lab_time import time_in
from lab.cloud.terminals import HomeRouter, Terminal
from lab.compiler.app import write_client
from lab.compiler.draft import Draft, NodeDraft
from lab.compiler.fabric import Port, local_routes, plug
from lab.compiler.names import WAN, interface_name
from lab.compiler.phone import CONTROLLER_ADDRESS, HTTPS
from lab.compiler.resolver import RESOLVER_ADDRESS
from lab.logon import AppPhone
from lab.reasons import Reason
from lab.topology import ANY, Masquerade, NodeKind, Route

_DEVICE = "eth0"


def write_router(draft: Draft, cloud: Cloud, router: HomeRouter) -> None:
    """A router, and the network of the home behind it with its terminals."""
    node = draft.add(NodeDraft(router.id, router.name or router.id, NodeKind.ROUTER, "", forwards=True))
    far = interface_name("rtr", router.id)
    draft.transfer(node, WAN, draft.internet, far, router.origin, public=router.public_ip_address)
    draft.internet.main.append(draft.through(draft.internet, far, IPv4Network(router.public_ip_address), router.origin))
    node.masquerades.append(Masquerade(WAN, router.public_ip_address, router.origin))
    ports = []
    for terminal in cloud.store.by(Terminal, "home_router_id", router.id):
        port = Port(terminal.id, (terminal.address,), router.cidr_block, _DEVICE, terminal.network_origin)
        plug(draft, node, _add(draft, cloud, terminal), port)
        write_client(draft.nodes[terminal.id], cloud, terminal)
        ports.append(port)
    way_out = draft.through(node, WAN, ANY, router.origin)
    nobody = Route(router.cidr_block, router.origin, drop=Reason.NO_ROUTE_TO_DESTINATION)
    node.main += [*local_routes(ports), nobody, Route(ANY, router.origin, WAN, way_out.via, source=router.public_ip_address)]


def write_terminal(draft: Draft, cloud: Cloud, terminal: Terminal) -> None:
    """A terminal that is behind no router: a link to the internet with the public address on the terminal itself."""
    if terminal.home_router_id is not None:
        return
    node = _add(draft, cloud, terminal)
    far = interface_name("app", terminal.id)
    draft.transfer(node, _DEVICE, draft.internet, far, terminal.network_origin, public=terminal.address)
    draft.internet.main.append(
        draft.through(draft.internet, far, IPv4Network(terminal.address), terminal.network_origin)
    )
    way_out = draft.through(node, _DEVICE, ANY, terminal.network_origin)
    node.main.append(Route(ANY, terminal.network_origin, _DEVICE, way_out.via, source=terminal.address))
    write_client(node, cloud, terminal)


def _add(draft: Draft, cloud: Cloud, terminal: Terminal) -> NodeDraft:
    node = draft.add(NodeDraft(terminal.id, terminal.name or terminal.id, NodeKind.TERMINAL, ""))
    node.nameservers = (RESOLVER_ADDRESS,)
    node.app = AppPhone(terminal.address, (CONTROLLER_ADDRESS, HTTPS), time_in(cloud.store))
    return node
