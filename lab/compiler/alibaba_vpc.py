"""An Alibaba Cloud VPC as a fabric: a port for each network interface, security groups, and one route table."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud import Cloud
from lab.cloud.alibaba.propagation import vpc_routes
from lab.cloud.alibaba.resources import Instance, NetworkInterface, SecurityGroup, Vpc, VSwitch
from lab.cloud.alibaba.resources import RouteTable as CloudTable
from lab.compiler.draft import Draft, NodeDraft, no_route, unique
from lab.compiler.fabric import Port, local_routes, plug
from lab.compiler.names import CEN, table_number
from lab.compiler.security import Members, ecs_gates
from lab.reasons import Reason
from lab.topology import NodeKind, Route, RouteTable

_RUNNING = "Running"


def write_vpc(draft: Draft, cloud: Cloud, vpc: Vpc) -> None:
    """Add a VPC's fabric and its running ECS instances to the draft."""
    fabric = draft.add(NodeDraft(vpc.id, vpc.vpc_name or "Alibaba VPC", NodeKind.VPC, "alibaba", forwards=True))
    members = _members(cloud, vpc)
    ports = []
    for eni, instance in _running(cloud, vpc):
        subnet = cloud.store.get(VSwitch, eni.v_switch_id).cidr_block
        port = Port(eni.id, eni.private_ip_addresses, subnet, "eth0", eni.origin)
        label = instance.instance_name or instance.id
        plug(draft, fabric, draft.add(NodeDraft(instance.id, label, NodeKind.HOST, "alibaba")), port)
        groups = [cloud.store.get(SecurityGroup, group_id) for group_id in eni.security_group_ids]
        fabric.gates += ecs_gates(port.name, groups, members, eni.groups_origin)
        ports.append(port)
    fabric.main += unique(local_routes(ports))


def _running(cloud: Cloud, vpc: Vpc) -> Iterator[tuple[NetworkInterface, Instance]]:
    for eni in cloud.store.by(NetworkInterface, "vpc_id", vpc.id):
        if eni.instance_id is None:
            continue
        instance = cloud.store.get(Instance, eni.instance_id)
        if instance.state == _RUNNING:
            yield eni, instance


def _members(cloud: Cloud, vpc: Vpc) -> Members:
    members: Members = {}
    for eni in cloud.store.by(NetworkInterface, "vpc_id", vpc.id):
        for group_id in eni.security_group_ids:
            members[group_id] = members.get(group_id, ()) + eni.private_ip_addresses
    return members


def write_routes(draft: Draft, cloud: Cloud, vpc: Vpc) -> None:
    """The VPC's route table: its own addresses, custom entries, what the CEN has taught it. Written once all links are there."""
    fabric = draft.nodes[vpc.id]
    table = cloud.store.get(CloudTable, vpc.route_table_id)
    local = tuple(fabric.main)
    learned = [draft.through(fabric, CEN, route.destination, route.origin) for route in vpc_routes(cloud.store, vpc.id)]
    unknown = Route(vpc.cidr_block, table.origin, drop=Reason.NO_POSSIBLE_DESTINATION)
    routes = unique([*local, *_custom(fabric, table), unknown, *learned, no_route(table.origin)])
    selected_by = tuple(interface.name for interface in fabric.interfaces)
    fabric.tables.append(RouteTable(table_number(table.origin), routes, selected_by, table.id))
    fabric.main += learned


def _custom(fabric: NodeDraft, table: CloudTable) -> Iterator[Route]:
    """Custom entries; one whose next hop does not run drops."""
    ports = {interface.resource: interface for interface in fabric.interfaces}
    for entry in table.routes:
        port = ports.get(entry.next_hop_id)
        if port is None:
            yield Route(entry.destination, entry.origin, drop=Reason.BAD_STATE_ROUTE)
        else:
            yield Route(entry.destination, entry.origin, port.name)
