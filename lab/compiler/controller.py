"""The controller: a node on the internet, with a register of all devices that were bought, at which the SAG app logs on, too."""

from __future__ import annotations

from ipaddress import IPv4Network

from lab.cloud import Cloud
from lab.cloud.alibaba.controller_certificate import certificate_in
from lab.cloud.alibaba.propagation import gateway_routes
from lab.cloud.alibaba.resources import ACTIVE_ACTIVE, ARREARAGE, Device, SmartAccessGateway
from lab.compiler.device import Devices, entry_name
from lab.compiler.draft import Draft, NodeDraft
from lab.compiler.gateway import ccn_address
from lab.compiler.names import CONTROLLER, WAN
from lab.compiler.phone import CONTROLLER_ADDRESS, HTTPS
from lab.origin import Origin
from lab.phoning import Configuration, Controller, Entry, Validity
from lab.reasons import Reason
from lab.topology import ANY, NodeKind, Route

_ORIGIN = Origin(CONTROLLER, "")  # like the internet it was there before any call


def write_controller(draft: Draft, cloud: Cloud, devices: Devices) -> None:
    """Added where a machine calls it, or an app may. Written last."""
    if all(node.phone is None and node.app is None for node in draft.nodes.values()):
        return
    node = draft.add(NodeDraft(CONTROLLER, CONTROLLER, NodeKind.CONTROLLER, "alibaba"))
    draft.transfer(node, WAN, draft.internet, CONTROLLER, _ORIGIN, public=CONTROLLER_ADDRESS)
    draft.internet.main.append(draft.through(draft.internet, CONTROLLER, IPv4Network(CONTROLLER_ADDRESS), _ORIGIN))
    way_out = draft.through(node, WAN, ANY, _ORIGIN)
    node.main.append(Route(ANY, _ORIGIN, WAN, way_out.via, source=CONTROLLER_ADDRESS))
    register = tuple(
        _entry(cloud, gateway, device, devices) for gateway in cloud.store.all(SmartAccessGateway) for device in gateway.devices
    )
    certificate = certificate_in(cloud.store)
    validity = Validity(certificate.not_before, certificate.not_after)
    node.controller = Controller(CONTROLLER_ADDRESS, HTTPS, register, validity)


def _entry(cloud: Cloud, gateway: SmartAccessGateway, device: Device, devices: Devices) -> Entry:
    withheld = _withheld(gateway)
    return Entry(
        name=entry_name(gateway, device, devices),
        serial_number=device.serial_number,
        key=device.secret_key.encode(),
        holder=devices.holders.get(device.serial_number, ""),
        is_paired=gateway.ha_type == ACTIVE_ACTIVE and all(it.serial_number in devices.holders for it in gateway.devices),
        configuration=None if withheld else _configuration(cloud, gateway, device),
        withheld=withheld,
    )


def _withheld(gateway: SmartAccessGateway) -> str:
    """Why a gateway's devices have nothing to be told. Overdue payment comes first, as in the console."""
    if gateway.status == ARREARAGE:
        return Reason.SAG_OVERDUE_PAYMENT
    return "" if gateway.ccn_id is not None else Reason.SAG_NOT_ATTACHED_TO_CCN


def _configuration(cloud: Cloud, gateway: SmartAccessGateway, device: Device) -> Configuration:
    return Configuration(
        gateway=gateway.id,
        role=device.role,
        point_of_presence=ccn_address(cloud, gateway.ccn_id or ""),
        learned=tuple(route.destination for route in gateway_routes(cloud.store, gateway.id)),
        announced=gateway.cidr_blocks,
        max_bandwidth=gateway.max_bandwidth,
    )
