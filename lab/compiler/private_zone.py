"""The servers of PrivateZone: two addresses in each VPC whose machines, or whose CEN's clients, may ask for private names."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud import Cloud
from lab.cloud.alibaba.private_zone import APEX, SERVERS, PrivateZone, PrivateZoneRoute, ZoneRecord
from lab.cloud.alibaba.resources import Vpc
from lab.compiler.addressing import host_network, in_network
from lab.compiler.draft import Draft, NodeDraft
from lab.topology import ANY, Name, NameService, NodeKind, Route

_DEVICE, _FABRICS = "eth0", "dns"


def write_servers(draft: Draft, cloud: Cloud, vpc: Vpc) -> None:
    """Nothing where there is nobody to ask. The VPC's fabric must be in the draft already, and its table not yet."""
    zones = cloud.store.by(PrivateZone, "vpc_ids", vpc.id)
    origins = [zone.bind_origin for zone in zones]
    origins += [route.origin for route in cloud.store.by(PrivateZoneRoute, "host_vpc_id", vpc.id)]
    if not origins:
        return
    origin = min(origins, key=lambda one: one.number)
    fabric = draft.nodes[vpc.id]
    node = draft.add(NodeDraft(f"dns-{vpc.id}", f"PrivateZone of {fabric.label}", NodeKind.DNS, "alibaba"))
    draft.transfer(node, _DEVICE, fabric, _FABRICS, origin, public=SERVERS[0])
    own = node.interfaces[0]
    node.interfaces[0] = replace(own, addresses=(own.addresses[0], in_network(SERVERS[1], 32), *own.addresses[1:]))
    way_out = draft.through(node, _DEVICE, ANY, origin)
    node.main.append(Route(ANY, origin, _DEVICE, way_out.via, source=SERVERS[0]))
    fabric.main += [draft.through(fabric, _FABRICS, host_network(server), origin) for server in SERVERS]
    node.name_service = NameService(SERVERS, tuple(zone.zone_name for zone in zones), _names(zones), origin)


def _names(zones: tuple[PrivateZone, ...]) -> tuple[Name, ...]:
    return tuple(Name(_full(zone, record), record.value, record.ttl) for zone in zones for record in zone.records)


def _full(zone: PrivateZone, record: ZoneRecord) -> str:
    return zone.zone_name if record.rr == APEX else f"{record.rr}.{zone.zone_name}"
