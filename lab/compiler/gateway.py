"""What a virtual machine becomes: an ordinary host, or, with the vCPE image and a device's credentials, a gateway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from dataplane.check import EniCheck
from lab.cloud import Cloud
from lab.cloud.alibaba.controller_certificate import certificate_in
from lab.cloud.alibaba.propagation import gateway_routes
from lab.cloud.alibaba.resources import ARREARAGE, CloudConnectNetwork
from lab.cloud.aws.resources import Instance
from lab.cloud.aws.resources import RouteTable as CloudTable
from lab.compiler.device import (
    Claim,
    Devices,
    claim_of,
    has_configuration,
    is_vcpe,
    may_connect,
    proof_of_machine,
    tunnel_name,
    waits,
)
from lab.compiler.draft import NodeDraft, no_route
from lab.compiler.fabric import Port
from lab.compiler.names import TUN, table_number
from lab.compiler.phone import phone_of
from lab.origin import Origin
from lab.reasons import Reason
from lab.topology import Interface, NodeKind, Route, RouteTable, Tunnel, TunnelPeer

UDP_PORT = 4500  # RFC 3948
MEGABIT = 10**6
# What fits into 1500 bytes beside IPv4 (20), UDP (8), ESP (8), IV (8), pad length and next header (2), ICV (16): RFC 4303.
OVERLAY_MTU = 1438


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a gateway sits: its ports into private networks, primary first, and what it reaches the internet with.

    `own` is the address its packets into the tunnel bear, `underlay` the one the tunnel leaves from. `check` is the
    source/destination check where no fabric enforces it.
    """

    ports: Sequence[Port]
    own: IPv4Address
    underlay: IPv4Address
    check: EniCheck | None = None


def write_machine(cloud: Cloud, machine: NodeDraft, instance: Instance, ports: Sequence[Port], devices: Devices) -> None:
    """Add to a machine in AWS what it forwards, if it is one that other machines' packets are sent to."""
    claim, own = claim_of(cloud, instance), ports[0].addresses[0]
    machine.phone = phone_of(cloud, instance, own, devices)
    if claim is not None and not devices.came_late(claim):
        write_gateway(cloud, machine, claim, Seat(ports, own, own), devices)
    elif is_vcpe(cloud, instance) or any(_is_next_hop(cloud, port) for port in ports):
        write_refusal(machine, [port.device for port in ports], instance.origin)


def write_refusal(machine: NodeDraft, devices: Sequence[str], origin: Origin) -> None:
    """A machine that is sent other machines' packets on these devices and is no gateway."""
    write_table(machine, devices, origin, (no_route(origin, Reason.SAG_DEVICE_NOT_ASSOCIATED),))


def _is_next_hop(cloud: Cloud, port: Port) -> bool:
    return bool(cloud.store.by(CloudTable, "targets", port.resource))


def write_table(machine: NodeDraft, devices: Sequence[str], origin: Origin, routes: tuple[Route, ...]) -> None:
    """What a machine does with other machines' packets that come in on these devices."""
    machine.forwards = True
    if devices:
        machine.tables.append(RouteTable(table_number(origin), routes, tuple(devices), origin.resource))


def write_gateway(cloud: Cloud, machine: NodeDraft, claim: Claim, seat: Seat, devices: Devices) -> None:
    """From the LAN into the tunnel goes what the gateway has learned; from the tunnel to the LAN its static routes."""
    gateway = claim.gateway
    machine.kind = NodeKind.GATEWAY
    lan_side = [port.device for port in seat.ports]
    if gateway.ccn_id is None or not may_connect(claim) or not has_configuration(cloud, claim):
        write_table(machine, lan_side, gateway.origin, (_without_tunnel(cloud, claim),))
        return
    learned = gateway_routes(cloud.store, gateway.id)
    tunnel = tuple(Route(route.destination, route.origin, TUN, source=seat.own) for route in learned)
    lan = tuple(
        Route(cidr, gateway.cidr_origin, port.device, port.router) for port in seat.ports[:1] for cidr in gateway.cidr_blocks
    )
    machine.main += tunnel
    machine.interfaces.append(Interface(TUN, mtu=OVERLAY_MTU, tunnel=True, resource=gateway.id))
    write_table(machine, lan_side, gateway.origin, (*tunnel, no_route(gateway.origin)))
    machine.tables.append(RouteTable(table_number(gateway.ccn_origin), (*lan, no_route(gateway.origin)), (TUN,), gateway.id))
    peer = TunnelPeer(
        tunnel_name(gateway, claim.device),
        tuple(route.destination for route in learned),
        proof_of_machine(claim, gateway.ccn_id),
        gateway.ccn_origin,
        endpoint=(ccn_address(cloud, gateway.ccn_id), UDP_PORT),
        speaks_first=True,
        bandwidth=gateway.max_bandwidth * MEGABIT,
        leads=gateway.id if devices.leads(gateway, claim.device) else "",
    )
    machine.services.append(Tunnel(TUN, seat.underlay, UDP_PORT, (peer,), gateway.origin, seat.check))


def _without_tunnel(cloud: Cloud, claim: Claim) -> Route:
    """Why a gateway's machine has no tunnel. Overdue payment is told first, as the console does."""
    gateway = claim.gateway
    if gateway.status == ARREARAGE:
        return no_route(gateway.status_origin, Reason.SAG_OVERDUE_PAYMENT)
    if gateway.ccn_id is None:
        return no_route(gateway.origin, Reason.SAG_NOT_ATTACHED_TO_CCN)
    if waits(claim):
        return no_route(gateway.devices_origin, Reason.SAG_DEVICE_STANDBY)
    return no_route(certificate_in(cloud.store).origin, Reason.SAG_DEVICE_NOT_CONFIGURED)


def ccn_address(cloud: Cloud, ccn_id: str) -> IPv4Address:
    """The public address of a CCN's point of presence."""
    return cloud.store.get(CloudConnectNetwork, ccn_id).point_of_presence
