"""Edge nodes: private networks, and instances that have a public address of their own on the internet.

What an instance's security groups say is asked wherever it is plugged in: at its network's fabric, and at the internet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from dataplane.check import EniCheck
from lab.cloud import Cloud
from lab.cloud.alibaba.ens_instance_type import ens_instance_type
from lab.cloud.alibaba.resources import RUNNING, EnsInstance, EnsNetwork, EnsSecurityGroup
from lab.compiler.device import Devices, claim_of, is_vcpe
from lab.compiler.draft import Draft, NodeDraft, no_route, unique
from lab.compiler.fabric import ALIBABA_ROUTER, Port, local_routes, plug
from lab.compiler.gateway import Seat, write_gateway, write_refusal, write_table
from lab.compiler.names import WAN, interface_name, table_number
from lab.compiler.phone import phone_of
from lab.compiler.security import Members, blame, ecs_chains, group_gates
from lab.reasons import Reason
from lab.topology import ANY, NodeKind, Route, RouteTable


def write_network(draft: Draft, cloud: Cloud, network: EnsNetwork, devices: Devices) -> None:
    """Add a network as a fabric that checks nothing, with its running instances."""
    fabric = draft.add(NodeDraft(network.id, network.network_name or "ENS network", NodeKind.VPC, "alibaba", forwards=True))
    ports = {}
    for instance in cloud.store.by(EnsInstance, "network_id", network.id):
        if instance.state != RUNNING or instance.private_ip_address is None:
            continue
        address = instance.private_ip_address
        port = Port(instance.id, (address,), network.cidr_block, "eth0", instance.origin, ALIBABA_ROUTER)
        ports[instance.id] = port
        machine = _add(draft, instance)
        plug(draft, fabric, machine, port, default=instance.public_ip_address is None)
        _write_groups(cloud, fabric, port.name, instance)
        if instance.public_ip_address is not None:
            _join_internet(draft, cloud, machine, instance, instance.public_ip_address)
        is_next_hop = any(route.next_hop_id == instance.id for route in network.routes)
        _write_forwarding(cloud, machine, instance, (port,), devices, is_next_hop=is_next_hop)
    fabric.main += unique(local_routes(ports.values()))
    unknown = Route(network.cidr_block, network.origin, drop=Reason.NO_POSSIBLE_DESTINATION)
    routes = unique([*fabric.main, *_custom(network, ports), unknown, no_route(network.origin)])
    selected_by = tuple(port.name for port in ports.values())
    if selected_by:
        fabric.tables.append(RouteTable(table_number(network.origin), routes, selected_by, network.id))


def write_lone_instance(draft: Draft, cloud: Cloud, instance: EnsInstance, devices: Devices) -> None:
    """Add an instance if it runs in no network: a node on the internet and nowhere else."""
    if instance.network_id is None and instance.state == RUNNING and instance.public_ip_address is not None:
        machine = _add(draft, instance)
        _join_internet(draft, cloud, machine, instance, instance.public_ip_address)
        _write_forwarding(cloud, machine, instance, (), devices, is_next_hop=False)


def _add(draft: Draft, instance: EnsInstance) -> NodeDraft:
    machine = draft.add(NodeDraft(instance.id, instance.instance_name or instance.id, NodeKind.HOST, "alibaba"))
    machine.cores = ens_instance_type(instance.instance_type).cores
    return machine


def _join_internet(draft: Draft, cloud: Cloud, machine: NodeDraft, instance: EnsInstance, public: IPv4Address) -> None:
    """A link to the internet with the public address on the machine itself, and the default route through it."""
    far = interface_name("ens", instance.id)
    draft.transfer(machine, WAN, draft.internet, far, instance.origin, public=public)
    _write_groups(cloud, draft.internet, far, instance)
    draft.internet.main.append(draft.through(draft.internet, far, IPv4Network(public), instance.origin))
    way_out = draft.through(machine, WAN, ANY, instance.origin)
    machine.main.append(Route(ANY, instance.origin, WAN, way_out.via, source=public))


def _write_groups(cloud: Cloud, router: NodeDraft, interface: str, instance: EnsInstance) -> None:
    """The gates of an instance that is in a group, where a router's interface leads to it."""
    groups = [cloud.store.get(EnsSecurityGroup, group_id) for group_id in instance.security_group_ids]
    if groups:
        chains = ecs_chains(groups, _members(cloud, groups))
        router.gates += group_gates(interface, chains, blame(groups, instance.groups_origin))


def _members(cloud: Cloud, groups: list[EnsSecurityGroup]) -> Members:
    members: dict[str, list[IPv4Address]] = defaultdict(list)
    for group in groups:
        for member in cloud.store.by(EnsInstance, "security_group_ids", group.id):
            members[group.id] += member.addresses
    return members


def _write_forwarding(
    cloud: Cloud, machine: NodeDraft, instance: EnsInstance, ports: tuple[Port, ...], devices: Devices, *, is_next_hop: bool
) -> None:
    claim, addresses = claim_of(cloud, instance), instance.addresses
    machine.phone = phone_of(cloud, instance, addresses[-1], devices)
    wan = [WAN] if instance.public_ip_address is not None else []
    if claim is not None and not devices.came_late(claim):
        check = EniCheck(addresses, instance.source_dest_check)
        write_gateway(cloud, machine, claim, Seat(ports, own=addresses[0], underlay=addresses[-1], check=check), devices)
        write_table(machine, wan, instance.origin, (no_route(instance.origin),))  # from the internet it forwards nothing
    elif is_vcpe(cloud, instance) or is_next_hop:
        write_refusal(machine, [*(port.device for port in ports), *wan], instance.origin)


def _custom(network: EnsNetwork, ports: dict[str, Port]) -> Iterator[Route]:
    """Routes of a network; one whose instance does not run drops."""
    for route in network.routes:
        port = ports.get(route.next_hop_id)
        if port is None:
            yield Route(route.destination, route.origin, drop=Reason.BAD_STATE_ROUTE)
        else:
            yield Route(route.destination, route.origin, port.name, port.addresses[0])
