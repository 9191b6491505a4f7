"""The point of presence of a Cloud Connect Network: where the tunnels of gateways and of SAG APP's clients end."""

from __future__ import annotations

from ipaddress import IPv4Network

from lab.cloud import Cloud
from lab.cloud.alibaba.app.resources import SagApp
from lab.cloud.alibaba.propagation import ccn_routes
from lab.cloud.alibaba.resources import CloudConnectNetwork, SmartAccessGateway
from lab.compiler.app import client_peers
from lab.compiler.device import Devices, proof_of_presence, tunnel_name
from lab.compiler.draft import Draft, NodeDraft, no_route
from lab.compiler.gateway import MEGABIT, OVERLAY_MTU, UDP_PORT, ccn_address
from lab.compiler.names import CEN, TUN, WAN, interface_name, table_number
from lab.reasons import Reason
from lab.topology import ANY, Interface, NodeKind, Route, RouteTable, Tunnel, TunnelPeer


def write_ccn(draft: Draft, cloud: Cloud, ccn: CloudConnectNetwork, devices: Devices) -> None:
    """Its public address on the internet, and a peer for each device that is served and each client that is connected.

    From the internet it forwards nothing.

    The networks behind a gateway lie behind the first of its devices, and behind no other.
    """
    presence = draft.add(NodeDraft(ccn.id, ccn.name or "CCN", NodeKind.CCN, "alibaba", forwards=True))
    address = ccn_address(cloud, ccn.id)
    far = interface_name("ccn", ccn.id)
    draft.transfer(presence, WAN, draft.internet, far, ccn.origin, public=address)
    draft.internet.main.append(draft.through(draft.internet, far, IPv4Network(address), ccn.origin))
    way_out = draft.through(presence, WAN, ANY, ccn.origin)
    presence.main.append(Route(ANY, ccn.origin, WAN, way_out.via, source=address))
    presence.tables.append(RouteTable(table_number(ccn.origin), (no_route(ccn.origin),), (WAN,), ccn.id))
    peers = tuple(
        TunnelPeer(
            tunnel_name(gateway, device),
            gateway.cidr_blocks if devices.leads(gateway, device) else (),
            proof_of_presence(gateway, device, ccn.id),
            gateway.cidr_origin,
            bandwidth=gateway.max_bandwidth * MEGABIT,
            leads=gateway.id if devices.leads(gateway, device) else "",
        )
        for gateway in cloud.store.by(SmartAccessGateway, "ccn_id", ccn.id)
        for device in devices.served_of(gateway)
    )
    peers += tuple(client_peers(cloud, ccn.id))
    if peers:
        presence.interfaces.append(Interface(TUN, mtu=OVERLAY_MTU, tunnel=True, resource=ccn.id))
        presence.services.append(Tunnel(TUN, address, UDP_PORT, peers, ccn.origin, meters=ccn.id))


def write_routes(draft: Draft, cloud: Cloud, ccn: CloudConnectNetwork) -> None:
    """What lies behind the gateways goes into the tunnels, the rest of what the CEN knows to the CEN. Written last.

    The clients' networks go into the tunnels while anybody's tunnel is there.
    """
    presence = draft.nodes[ccn.id]
    own = {gateway.id for gateway in cloud.store.by(SmartAccessGateway, "ccn_id", ccn.id)}
    apps = {app.id for app in cloud.store.by(SagApp, "ccn_id", ccn.id)}
    connected = {peer.leads for service in presence.services for peer in service.peers}
    routes = []
    for learned in ccn_routes(cloud.store, ccn.id):
        if learned.next_hop_id in apps:
            nobody = None if presence.services else Reason.SAG_APP_NOT_CONNECTED
            routes.append(Route(learned.destination, learned.origin, "" if nobody else TUN, drop=nobody))
        elif learned.next_hop_id not in own:
            routes.append(draft.through(presence, CEN, learned.destination, learned.origin))
        elif learned.next_hop_id in connected:
            routes.append(Route(learned.destination, learned.origin, TUN))
    selected_by = tuple(interface.name for interface in presence.interfaces if interface.name != WAN)
    presence.main += routes
    if selected_by:
        number = table_number(ccn.origin) + 1
        presence.tables.append(RouteTable(number, (*routes, no_route(ccn.origin)), selected_by, ccn.id))
