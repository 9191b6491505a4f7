"""An AWS VPC as a fabric: a port for each network interface, a table for each subnet's routes, checks, groups, and the edge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from dataplane.check import EniCheck
from lab.cloud import Cloud
from lab.cloud.aws.instance_type import instance_type
from lab.cloud.aws.resources import (
    ACTIVE,
    LOCAL,
    RUNNING,
    Address,
    Instance,
    InternetGateway,
    NetworkAcl,
    NetworkInterface,
    SecurityGroup,
    Subnet,
    Vpc,
)
from lab.cloud.aws.resources import Route as CloudRoute
from lab.cloud.aws.resources import RouteTable as CloudTable
from lab.compiler.acl import acl_chains, acl_gates, ways_of
from lab.compiler.device import Devices
from lab.compiler.draft import Draft, NodeDraft, no_route, unique
from lab.compiler.fabric import Port, local_routes, plug
from lab.compiler.gateway import write_machine
from lab.compiler.names import IGW, interface_name, table_number
from lab.compiler.security import Chain, Members, blame, ec2_chains, group_gates
from lab.reasons import Reason
from lab.topology import (
    ANY,
    EniGate,
    Gate,
    Match,
    Nat,
    NodeKind,
    Route,
    RouteTable,
    Rule,
    Side,
    Stage,
)

_PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))  # RFC 1918


@dataclass(frozen=True, slots=True)
class _Plugged:
    """A network interface of a running instance."""

    eni: NetworkInterface
    instance: Instance
    port: Port


def write_vpc(draft: Draft, cloud: Cloud, vpc: Vpc, devices: Devices) -> None:
    """Add the VPC's fabric and its running instances to the draft."""
    fabric = draft.add(NodeDraft(vpc.id, vpc.name or "AWS VPC", NodeKind.VPC, "aws", forwards=True))
    plugged = list(_running(cloud, vpc))
    ports = [item.port for item in plugged]
    _write_machines(draft, cloud, fabric, plugged, devices)
    _write_checks_and_groups(cloud, fabric, plugged)
    edge = _write_edge(draft, cloud, fabric, vpc, plugged)
    fabric.main += unique(local_routes(ports))
    for table in cloud.store.by(CloudTable, "vpc_id", vpc.id):
        subnets = _subnets_of(cloud, table)
        if subnets:
            fabric.tables.append(_table(vpc, table, subnets, plugged, edge))
            _write_acls(cloud, fabric, vpc, table, subnets, plugged)


def _running(cloud: Cloud, vpc: Vpc) -> Iterator[_Plugged]:
    for eni in cloud.store.by(NetworkInterface, "vpc_id", vpc.id):
        if eni.instance_id is None:
            continue
        instance = cloud.store.get(Instance, eni.instance_id)
        if instance.state != RUNNING:
            continue
        subnet = cloud.store.get(Subnet, eni.subnet_id)
        device = f"eth{eni.device_index}"
        yield _Plugged(eni, instance, Port(eni.id, eni.private_ip_addresses, subnet.cidr_block, device, eni.origin))


def _write_machines(draft: Draft, cloud: Cloud, fabric: NodeDraft, plugged: list[_Plugged], devices: Devices) -> None:
    ports: dict[str, list[Port]] = defaultdict(list)
    instances = {item.instance.id: item.instance for item in plugged}
    for item in sorted(plugged, key=lambda item: (item.instance.id, item.eni.device_index)):
        ports[item.instance.id].append(item.port)
    for instance_id, own in ports.items():
        instance = instances[instance_id]
        machine = draft.add(NodeDraft(instance_id, instance.name or instance_id, NodeKind.HOST, "aws"))
        machine.cores = instance_type(instance.instance_type).vcpus
        for port in own:
            plug(draft, fabric, machine, port)
        write_machine(cloud, machine, instance, own, devices)


def _write_checks_and_groups(cloud: Cloud, fabric: NodeDraft, plugged: list[_Plugged]) -> None:
    members = _members(cloud, fabric.name)
    chains: dict[tuple[str, ...], tuple[Chain, ...]] = {}
    for item in plugged:
        eni, name = item.eni, item.port.name
        fabric.checks.append(EniGate(name, EniCheck(eni.private_ip_addresses, eni.source_dest_check), eni.check_origin))
        groups = [cloud.store.get(SecurityGroup, group_id) for group_id in eni.group_ids]
        if eni.group_ids not in chains:
            chains[eni.group_ids] = ec2_chains(groups, members)
        fabric.gates += group_gates(name, chains[eni.group_ids], blame(groups, eni.groups_origin))


def _members(cloud: Cloud, vpc_id: str) -> Members:
    members: dict[str, list[IPv4Address]] = defaultdict(list)
    for eni in cloud.store.by(NetworkInterface, "vpc_id", vpc_id):
        for group_id in eni.group_ids:
            members[group_id] += eni.private_ip_addresses
    return members


def _write_acls(
    cloud: Cloud, fabric: NodeDraft, vpc: Vpc, table: CloudTable, subnets: set[str], plugged: Sequence[_Plugged]
) -> None:
    """The network ACLs of the subnets that use a route table."""
    inhabitants: dict[str, list[_Plugged]] = defaultdict(list)
    for item in plugged:
        if item.eni.subnet_id in subnets:
            inhabitants[item.eni.subnet_id].append(item)
    for subnet_id, items in inhabitants.items():
        subnet = cloud.store.get(Subnet, subnet_id)
        acls = cloud.store.by(NetworkAcl, "subnet_ids", subnet_id)
        acl = acls[0] if acls else cloud.store.get(NetworkAcl, vpc.default_network_acl_id)
        chains = acl_chains(acl, subnet, ways_of(subnet, table, frozenset(item.eni.id for item in items)))
        for item in items:
            fabric.gates += acl_gates(item.port.name, acl, chains)


def _write_edge(draft: Draft, cloud: Cloud, fabric: NodeDraft, vpc: Vpc, plugged: list[_Plugged]) -> Route | None:
    """The internet gateway with its one-to-one translation; returns the fabric's route to the internet."""
    gateways = cloud.store.by(InternetGateway, "vpc_id", vpc.id)
    if not gateways:
        return None
    gateway = gateways[0]
    far = interface_name("igw", gateway.id)
    draft.transfer(fabric, IGW, draft.internet, far, gateway.attachment_origin)
    public = [address for item in plugged for address in cloud.store.by(Address, "network_interface_id", item.eni.id)]
    for address in sorted(public, key=lambda address: address.public_ip):
        if address.private_ip is None:
            continue
        fabric.nats.append(Nat(IGW, address.private_ip, address.public_ip, address.association_origin))
        public_ip = IPv4Network(address.public_ip)
        draft.internet.main.append(draft.through(draft.internet, far, public_ip, address.association_origin))
    fabric.gates.append(_edge_gate(gateway, fabric.nats))
    inbound = (
        *local_routes(item.port for item in plugged),
        no_route(gateway.origin, Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS),
    )
    fabric.tables.append(RouteTable(table_number(gateway.attachment_origin), unique(inbound), (IGW,), gateway.id))
    return draft.through(fabric, IGW, ANY, gateway.attachment_origin)


def _edge_gate(gateway: InternetGateway, nats: list[Nat]) -> Gate:
    """An internet gateway refuses private destinations, and sources without a public address."""
    refused = Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS
    private = [Rule(Match(destination=network), False, gateway.origin, refused) for network in _PRIVATE]
    public = [Rule(Match(source=IPv4Network(nat.private)), True, nat.origin) for nat in nats]
    reason = Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS
    return Gate(IGW, Side.OUT, Stage.EDGE, (*private, *public), False, reason, gateway.origin)


def _subnets_of(cloud: Cloud, table: CloudTable) -> set[str]:
    """The subnets that use a table: those associated with it, and for the main table those associated with none."""
    if not table.main:
        return set(table.subnet_ids)
    taken = {subnet_id for other in cloud.store.by(CloudTable, "vpc_id", table.vpc_id) for subnet_id in other.subnet_ids}
    every = {subnet.id for subnet in cloud.store.by(Subnet, "vpc_id", table.vpc_id)}
    return (every - taken) | set(table.subnet_ids)


def _table(vpc: Vpc, table: CloudTable, subnets: set[str], plugged: list[_Plugged], edge: Route | None) -> RouteTable:
    selected_by = tuple(item.port.name for item in plugged if item.eni.subnet_id in subnets)
    targets = {item.eni.id: item.port for item in plugged}
    custom = [_route(route, targets, edge) for route in table.routes if route.target != LOCAL]
    inner = [route.destination for route in custom if route.destination.subnet_of(vpc.cidr_block)]
    local = [route for route in local_routes(targets.values()) if not any(route.destination.subnet_of(net) for net in inner)]
    unknown = Route(vpc.cidr_block, table.origin, drop=Reason.NO_POSSIBLE_DESTINATION)
    routes = unique([*local, *custom, unknown, no_route(table.origin)])
    return RouteTable(table_number(table.origin), routes, selected_by, table.id)


def _route(route: CloudRoute, targets: dict[str, Port], edge: Route | None) -> Route:
    """A configured route; one whose target is gone or not running drops (AWS: state blackhole)."""
    if route.target.startswith("igw-") and edge is not None and route.state == ACTIVE:
        return Route(route.destination, route.origin, edge.interface, edge.via)
    port = targets.get(route.target)
    if port is not None and route.state == ACTIVE:
        return Route(route.destination, route.origin, port.name, port.addresses[0])
    return Route(route.destination, route.origin, drop=Reason.BAD_STATE_ROUTE)
