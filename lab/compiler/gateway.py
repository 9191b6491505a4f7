"""What a virtual machine in AWS becomes: an ordinary host, or, with the vCPE image and a device's credentials, a gateway."""

from __future__ import annotations

from ipaddress import IPv4Address

from lab.cloud import Cloud
from lab.cloud.alibaba.propagation import gateway_routes
from lab.cloud.alibaba.resources import CloudConnectNetwork, SmartAccessGateway
from lab.cloud.aws.resources import Image, Instance
from lab.cloud.aws.resources import RouteTable as CloudTable
from lab.cloud.user_data import MalformedUserData, parse_user_data
from lab.compiler.draft import NodeDraft, no_route
from lab.compiler.fabric import Port
from lab.compiler.names import TUN, table_number
from lab.origin import Origin
from lab.reasons import Reason
from lab.topology import Interface, NodeKind, Route, RouteTable, Tunnel, TunnelPeer

UDP_PORT = 4500  # RFC 3948
# What fits into 1500 bytes beside IPv4 (20), UDP (8), ESP (8), IV (8), pad length and next header (2), ICV (16): RFC 4303.
OVERLAY_MTU = 1438


def write_machine(cloud: Cloud, machine: NodeDraft, instance: Instance, port: Port) -> None:
    """Add to a machine what it forwards, if it is one that other machines' packets are sent to."""
    gateway = gateway_of(cloud, instance)
    if gateway is not None:
        machine.kind = NodeKind.GATEWAY
        _write_gateway(cloud, machine, gateway, port)
    elif _is_vcpe_image(cloud, instance) or _is_next_hop(cloud, port):
        refuse = no_route(instance.origin, Reason.SAG_DEVICE_NOT_ASSOCIATED)
        _write_sink(machine, port, instance.origin, (refuse,))


def gateway_of(cloud: Cloud, instance: Instance) -> SmartAccessGateway | None:
    """The purchased gateway whose device runs on an instance: the image is right, and so are serial number and key."""
    if not _is_vcpe_image(cloud, instance):
        return None
    try:
        credentials = parse_user_data(instance.user_data)
    except MalformedUserData:
        return None
    for gateway in cloud.store.all(SmartAccessGateway):
        for device in gateway.devices:
            if (device.serial_number, device.secret_key) == (credentials.serial_number, credentials.key):
                return gateway
    return None


def _is_vcpe_image(cloud: Cloud, instance: Instance) -> bool:
    return cloud.store.get(Image, instance.image_id).sag_vcpe


def _is_next_hop(cloud: Cloud, port: Port) -> bool:
    return bool(cloud.store.by(CloudTable, "targets", port.resource))


def _write_sink(machine: NodeDraft, port: Port, origin: Origin, routes: tuple[Route, ...]) -> None:
    machine.forwards = True
    machine.tables.append(RouteTable(table_number(origin), routes, (port.device,), origin.resource))


def _write_gateway(cloud: Cloud, machine: NodeDraft, gateway: SmartAccessGateway, port: Port) -> None:
    """From the LAN into the tunnel goes what the gateway has learned; from the tunnel to the LAN its static routes."""
    if gateway.ccn_id is None:
        _write_sink(machine, port, gateway.origin, (no_route(gateway.origin, Reason.SAG_NOT_ATTACHED_TO_CCN),))
        return
    own = port.addresses[0]
    learned = gateway_routes(cloud.store, gateway.id)
    tunnel = tuple(Route(route.destination, route.origin, TUN, source=own) for route in learned)
    lan = tuple(Route(cidr, gateway.cidr_origin, port.device, port.router) for cidr in gateway.cidr_blocks)
    machine.main += tunnel
    machine.interfaces.append(Interface(TUN, mtu=OVERLAY_MTU, tunnel=True, resource=gateway.id))
    _write_sink(machine, port, gateway.origin, (*tunnel, no_route(gateway.origin)))
    machine.tables.append(RouteTable(table_number(gateway.ccn_origin), (*lan, no_route(gateway.origin)), (TUN,), gateway.id))
    peer = TunnelPeer(
        gateway.id,
        tuple(route.destination for route in learned),
        gateway.ccn_origin,
        endpoint=(ccn_address(cloud, gateway.ccn_id), UDP_PORT),
        speaks_first=True,
    )
    machine.services.append(Tunnel(TUN, own, UDP_PORT, (peer,), gateway.origin))


def ccn_address(cloud: Cloud, ccn_id: str) -> IPv4Address:
    """The public address of a CCN's point of presence."""
    return cloud.store.get(CloudConnectNetwork, ccn_id).point_of_presence
