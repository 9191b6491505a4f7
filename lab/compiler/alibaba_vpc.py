"""An Alibaba Cloud VPC as a fabric: a port for each network interface, security groups, and one route table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.cloud import Cloud
from lab.cloud.alibaba.propagation import vpc_routes
from lab.cloud.alibaba.resources import RUNNING, Instance, NetworkInterface, RouteEntry, SecurityGroup, Vpc, VSwitch
from lab.cloud.alibaba.resources import RouteTable as CloudTable
from lab.compiler.draft import Draft, NodeDraft, no_route, unique
from lab.compiler.fabric import ALIBABA_ROUTER, Port, local_routes, plug
from lab.compiler.gateway import write_refusal
from lab.compiler.names import CEN, table_number
from lab.compiler.security import Chain, Members, blame, ecs_chains, group_gates
from lab.reasons import Reason
from lab.topology import NodeKind, Route, RouteTable


@dataclass(frozen=True, slots=True)
class _Plugged:
    """A network interface of a running instance."""

    eni: NetworkInterface
    instance: Instance
    port: Port


def write_vpc(draft: Draft, cloud: Cloud, vpc: Vpc) -> None:
    """Add a VPC's fabric and its running ECS instances to the draft."""
    fabric = draft.add(NodeDraft(vpc.id, vpc.vpc_name or "Alibaba VPC", NodeKind.VPC, "alibaba", forwards=True))
    plugged = list(_running(cloud, vpc))
    _write_machines(draft, cloud, fabric, plugged)
    _write_groups(cloud, fabric, plugged)
    fabric.main += unique(local_routes(item.port for item in plugged))


def _running(cloud: Cloud, vpc: Vpc) -> Iterator[_Plugged]:
    for eni in cloud.store.by(NetworkInterface, "vpc_id", vpc.id):
        if eni.instance_id is None:
            continue
        instance = cloud.store.get(Instance, eni.instance_id)
        if instance.state != RUNNING:
            continue
        subnet = cloud.store.get(VSwitch, eni.v_switch_id).cidr_block
        device = f"eth{instance.network_interface_ids.index(eni.id)}"
        yield _Plugged(eni, instance, Port(eni.id, eni.private_ip_addresses, subnet, device, eni.origin, ALIBABA_ROUTER))


def _write_machines(draft: Draft, cloud: Cloud, fabric: NodeDraft, plugged: list[_Plugged]) -> None:
    ports = {item.eni.id: item.port for item in plugged}
    for instance in dict.fromkeys(item.instance for item in plugged):
        label = instance.instance_name or instance.id
        machine = draft.add(NodeDraft(instance.id, label, NodeKind.HOST, "alibaba"))
        own = [ports[interface_id] for interface_id in instance.network_interface_ids]
        for port in own:
            plug(draft, fabric, machine, port)
        hops = (instance.id, *instance.network_interface_ids)
        if any(cloud.store.count(CloudTable, "next_hop_ids", hop) for hop in hops):
            write_refusal(machine, [port.device for port in own], instance.origin)


def _write_groups(cloud: Cloud, fabric: NodeDraft, plugged: list[_Plugged]) -> None:
    members = _members(cloud, fabric.name)
    chains: dict[tuple[str, ...], tuple[Chain, ...]] = {}
    for item in plugged:
        ids = item.eni.security_group_ids
        groups = [cloud.store.get(SecurityGroup, group_id) for group_id in ids]
        if ids not in chains:
            chains[ids] = ecs_chains(groups, members)
        fabric.gates += group_gates(item.port.name, chains[ids], blame(groups, item.eni.groups_origin))


def _members(cloud: Cloud, vpc_id: str) -> Members:
    members: dict[str, list[IPv4Address]] = defaultdict(list)
    for eni in cloud.store.by(NetworkInterface, "vpc_id", vpc_id):
        for group_id in eni.security_group_ids:
            members[group_id] += eni.private_ip_addresses
    return members


def write_routes(draft: Draft, cloud: Cloud, vpc: Vpc) -> None:
    """The VPC's route table: its own addresses, custom entries, what the CEN has taught it. Written once all links are there."""
    fabric = draft.nodes[vpc.id]
    table = cloud.store.get(CloudTable, vpc.route_table_id)
    local = tuple(fabric.main)
    learned = [draft.through(fabric, CEN, route.destination, route.origin) for route in vpc_routes(cloud.store, vpc.id)]
    unknown = Route(vpc.cidr_block, table.origin, drop=Reason.NO_POSSIBLE_DESTINATION)
    routes = unique([*local, *_custom(cloud, fabric, table), unknown, *learned, no_route(table.origin)])
    selected_by = tuple(interface.name for interface in fabric.interfaces)
    fabric.tables.append(RouteTable(table_number(table.origin), routes, selected_by, table.id))
    fabric.main += learned


def _custom(cloud: Cloud, fabric: NodeDraft, table: CloudTable) -> Iterator[Route]:
    """Custom entries; one whose next hop does not run drops."""
    ports = {interface.resource: interface.name for interface in fabric.interfaces}
    for entry in table.routes:
        eni = _next_hop(cloud, entry)
        if eni is None or eni.id not in ports:
            yield Route(entry.destination, entry.origin, drop=Reason.BAD_STATE_ROUTE)
        else:
            yield Route(entry.destination, entry.origin, ports[eni.id], eni.private_ip_address)


def _next_hop(cloud: Cloud, entry: RouteEntry) -> NetworkInterface | None:
    """The network interface of a route: that which it names, or the primary one of the instance it names."""
    instance = cloud.store.find(Instance, entry.next_hop_id)
    return cloud.store.find(NetworkInterface, instance.network_interface_ids[0] if instance else entry.next_hop_id)
