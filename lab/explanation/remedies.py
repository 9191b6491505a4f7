"""For each reason, the API calls that may help: computed from where the packet died, tried by `lab.explanation.search`.

A remedy need not be right: one that a provider refuses, or that gets the packet no further, is thrown away. So a remedy says what
an engineer would try, the most fitting first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network

from lab.cloud.alibaba.region import geographic_region_of
from lab.cloud.alibaba.resources import STOPPED as ECS_STOPPED
from lab.cloud.alibaba.resources import (
    Cen,
    CloudConnectNetwork,
    EnsInstance,
    EnsNetwork,
    EnsSecurityGroup,
    Permission,
    SmartAccessGateway,
)
from lab.cloud.alibaba.resources import Instance as EcsInstance
from lab.cloud.alibaba.resources import NetworkInterface as EcsInterface
from lab.cloud.alibaba.resources import RouteTable as VpcTable
from lab.cloud.alibaba.resources import SecurityGroup as EcsGroup
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import (
    STOPPED,
    AclEntry,
    Instance,
    InternetGateway,
    NetworkAcl,
    NetworkInterface,
    RouteTable,
    Subnet,
)
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.explanation.call import Call, Result
from lab.explanation.client import client_remedies
from lab.explanation.junction import announce, join
from lab.explanation.site import gateways_in, is_private
from lab.explanation.situation import Situation
from lab.reasons import Reason
from lab.simulation import Drop
from lab.topology import ANY, NodeKind, Side, Stage

Remedy = tuple[Call, ...]

# An entry that makes an exception stands before the one it is an exception to; a first one leaves room before it. Our choice.
_FIRST_ENTRY = 100
_CERTIFIED = 365  # days of a new certificate: our choice
_SHARE = 10  # Mbit/s of a bandwidth plan: our choice, enough for a ping


def remedies(situation: Situation) -> Iterator[Remedy]:
    """What may help, the most fitting first; nothing where no call is known to."""
    find = _REMEDIES.get(situation.reason)
    if find is not None:
        yield from (remedy for remedy in find(situation) if remedy)


# The interface: its check, its groups, its subnet's list


def _check(situation: Situation) -> Iterator[Remedy]:
    edge = situation.cloud.store.find(EnsInstance, situation.hop.node.resource)
    if edge is not None:  # it enforces its check itself
        yield (Call.of("alibaba.modify_ens_instance_attribute", instance_id=edge.id, source_dest_check=False),)
    eni = situation.interface_resource()
    if eni:
        yield (
            Call.of("aws.modify_network_interface_attribute", network_interface_id=eni, source_dest_check=False),
        )


def _other_party(situation: Situation, stage: Stage) -> IPv4Address:
    return situation.packet.destination if stage is Stage.EGRESS else situation.packet.source


def _ec2_group(situation: Situation) -> Iterator[Remedy]:
    """A rule for the other party's VPC, in the first of the interface's groups."""
    gate = situation.gate
    eni = situation.cloud.store.find(NetworkInterface, situation.interface_resource())
    if gate is None or eni is None:
        return
    direction = "egress" if gate.stage is Stage.EGRESS else "ingress"
    packet = situation.packet
    ports = {} if packet.protocol == "icmp" else {"from_port": packet.destination_port, "to_port": packet.destination_port}
    yield (
        Call.of(
            f"aws.authorize_security_group_{direction}",
            group_id=eni.group_ids[0],
            ip_protocol=packet.protocol,
            cidr_ip=str(situation.block(_other_party(situation, gate.stage))),
        ).adding(ports),
    )


def _ecs_group(situation: Situation) -> Iterator[Remedy]:
    """A rule that wins: of a lower priority number than the one that dropped, or the end of that one."""
    gate = situation.gate
    plugged = situation.interface_resource()
    edge = situation.cloud.store.find(EnsInstance, plugged)
    member = edge or situation.cloud.store.find(EcsInterface, plugged)
    if gate is None or member is None:
        return
    egress = gate.stage is Stage.EGRESS
    packet = situation.packet
    port = packet.destination_port
    rule: dict[str, object] = {"ip_protocol": packet.protocol.upper()}
    if packet.protocol != "icmp":
        rule["port_range"] = f"{port}/{port}"
    rule["dest_cidr_ip" if egress else "source_cidr_ip"] = str(situation.block(_other_party(situation, gate.stage)))
    kind = ("ens_" if edge is not None else "") + "security_group" + ("_egress" if egress else "")
    authorize, revoke = f"alibaba.authorize_{kind}", f"alibaba.revoke_{kind}"
    dropping = _dropping(situation, egress=egress)
    if dropping is None:
        yield (Call.of(authorize, security_group_id=member.security_group_ids[0]).adding(rule),)
        return
    group, permission = dropping
    if permission.priority > 1:
        rule["priority"] = permission.priority - 1
        yield (Call.of(authorize, security_group_id=group.id).adding(rule),)
    yield (Call.of(revoke, security_group_id=group.id).adding(_named(permission, egress=egress)),)


def _dropping(situation: Situation, *, egress: bool) -> tuple[EcsGroup | EnsSecurityGroup, Permission] | None:
    """The rule whose policy dropped the packet, if one did."""
    rule = situation.asked.rule if situation.asked is not None else None
    store = situation.cloud.store
    named = rule.origin.resource if rule is not None else ""
    group = store.find(EcsGroup, named) or store.find(EnsSecurityGroup, named)
    if rule is None or group is None:
        return None
    permissions = group.egress if egress else group.ingress
    found = next((one for one in permissions if one.origin == rule.origin and one.policy == "drop"), None)
    return (group, found) if found is not None else None


def _named(permission: Permission, *, egress: bool) -> dict[str, object]:
    """A rule as the arguments that name it."""
    side = "dest" if egress else "source"
    whom: tuple[str, object] = (f"{side}_group_id", permission.source_group_id)
    if permission.cidr_ip is not None:
        whom = (f"{side}_cidr_ip", str(permission.cidr_ip))
    return {
        "ip_protocol": permission.ip_protocol,
        "port_range": permission.port_range,
        whom[0]: whom[1],
        "policy": permission.policy,
        "priority": permission.priority,
    }


def _acl(situation: Situation) -> Iterator[Remedy]:
    """An entry before the one that denied, for the packet's own protocol and port."""
    gate = situation.gate
    eni = situation.cloud.store.find(NetworkInterface, situation.interface_resource())
    if gate is None or eni is None:
        return
    acl = _acl_of(situation, eni.subnet_id)
    egress = gate.side is Side.IN  # what enters the fabric leaves the subnet
    number = _entry_number(situation, acl.egress if egress else acl.ingress)
    if number is None:
        return
    packet = situation.packet
    ports = {"from_port": packet.destination_port, "to_port": packet.destination_port}
    if packet.protocol == "icmp":
        ports = {}
    other = packet.destination if egress else packet.source
    yield (
        Call.of(
            "aws.create_network_acl_entry",
            network_acl_id=acl.id,
            rule_number=number,
            protocol=packet.protocol,
            rule_action="allow",
            egress=egress,
            cidr_block=str(situation.block(other)),
        ).adding(ports),
    )


def _acl_of(situation: Situation, subnet_id: str) -> NetworkAcl:
    store = situation.cloud.store
    own = store.by(NetworkAcl, "subnet_ids", subnet_id)
    if own:
        return own[0]
    vpc = store.get(AwsVpc, store.get(Subnet, subnet_id).vpc_id)
    return store.get(NetworkAcl, vpc.default_network_acl_id)


def _entry_number(situation: Situation, entries: tuple[AclEntry, ...]) -> int | None:
    """A free number before the entry that denied, or, when none matched, before the first one; None when there is no room."""
    rule = situation.asked.rule if situation.asked is not None else None
    taken = {entry.rule_number for entry in entries}
    denying = [entry.rule_number for entry in entries if rule is not None and entry.origin == rule.origin and not entry.permit]
    below = min(denying, default=min(taken, default=_FIRST_ENTRY + 1))
    return next((number for number in range(below - 1, 0, -1) if number not in taken), None)


# Routes


def _no_route(situation: Situation) -> Iterator[Remedy]:
    vpc = situation.vpc_of_node()
    network = situation.cloud.store.find(EnsNetwork, situation.hop.node.resource)
    if vpc is not None:
        yield from _aws_route(situation, vpc)
    elif network is not None:
        yield from _edge_route(situation, network)
    else:
        yield from client_remedies(situation)
        yield from _junction(situation)


def _edge_route(situation: Situation, network: EnsNetwork) -> Iterator[Remedy]:
    for running in gateways_in(situation.cloud, network):
        yield (
            Call.of(
                "alibaba.create_ens_route_entry",
                network_id=network.id,
                destination_cidr_block=str(situation.block(situation.packet.destination)),
                next_hop_id=running.instance_id,
            ),
        )


def _aws_route(situation: Situation, vpc: AwsVpc) -> Iterator[Remedy]:
    """A route in the table that had none: to a gateway, or for a public address to the internet."""
    place = situation.place
    table = situation.cloud.store.find(RouteTable, place.where) if place is not None else None
    destination = situation.packet.destination
    if table is None:
        return
    if not is_private(destination) and situation.site(destination) is None:
        yield _to_internet(situation, vpc, table)
        return
    for running in gateways_in(situation.cloud, vpc):
        yield (_route_to(table, situation.block(destination), network_interface_id=running.network_interface_id),)


def _route_to(table: RouteTable, destination: IPv4Network, **target: object) -> Call:
    """A route in an AWS table, in the place of one for the same block."""
    known = any(route.destination == destination for route in table.routes)
    name = "aws.replace_route" if known else "aws.create_route"
    return Call.of(name, route_table_id=table.id, destination_cidr_block=str(destination)).adding(target)


def _to_internet(situation: Situation, vpc: AwsVpc, table: RouteTable) -> Remedy:
    store = situation.cloud.store
    attached = store.by(InternetGateway, "vpc_id", vpc.id)
    free = [gateway for gateway in store.all(InternetGateway) if gateway.vpc_id is None]
    calls: list[Call] = []
    gateway: str | Result = Result("igw")
    if attached:
        gateway = attached[0].id
    elif free:
        gateway = free[0].id
    else:
        calls.append(Call.of("aws.create_internet_gateway", result="igw"))
    if not attached:
        calls.append(Call.of("aws.attach_internet_gateway", internet_gateway_id=gateway, vpc_id=vpc.id))
    return (*calls, _route_to(table, ANY, gateway_id=gateway))


def _private_at_the_edge(situation: Situation) -> Iterator[Remedy]:
    """A private destination went to the internet gateway: a gateway's own routes, or the subnet's, do not know better."""
    sender = situation.hop.interface_in.resource if situation.hop.interface_in is not None else ""
    vpc = situation.vpc_of_node()
    if vpc is None:
        return
    if any(running.network_interface_id == sender for running in gateways_in(situation.cloud, vpc)):
        yield from _junction(situation)
        return
    route = situation.hop.route
    table = situation.cloud.store.find(RouteTable, route.origin.resource) if route is not None else None
    if table is None:
        return
    block = situation.block(situation.packet.destination)
    for running in gateways_in(situation.cloud, vpc):
        yield (_route_to(table, block, network_interface_id=running.network_interface_id),)


def _blackhole(situation: Situation) -> Iterator[Remedy]:
    """The route's target back: started, attached; or another target; or no such route."""
    store = situation.cloud.store
    route = situation.hop.route
    table = store.find(RouteTable, route.origin.resource) if route is not None else None
    if route is not None and table is not None:
        target = next((one.target for one in table.routes if one.destination == route.destination), "")
        yield from _start(situation, target)
        vpc = store.get(AwsVpc, table.vpc_id)
        if store.find(InternetGateway, target) is not None:
            yield (Call.of("aws.attach_internet_gateway", internet_gateway_id=target, vpc_id=vpc.id),)
        for running in gateways_in(situation.cloud, vpc):
            yield (_route_to(table, route.destination, network_interface_id=running.network_interface_id),)
        yield (Call.of("aws.delete_route", route_table_id=table.id, destination_cidr_block=str(route.destination)),)
    elif route is not None and (network := store.find(EnsNetwork, route.origin.resource)) is not None:
        yield from _start(situation, next(it.next_hop_id for it in network.routes if it.destination == route.destination))
        block = str(route.destination)
        yield (Call.of("alibaba.delete_ens_route_entry", network_id=network.id, destination_cidr_block=block),)
    elif route is not None and store.find(VpcTable, route.origin.resource) is not None:
        yield (
            Call.of(
                "alibaba.delete_route_entry",
                route_table_id=route.origin.resource,
                destination_cidr_block=str(route.destination),
            ),
        )


def _start(situation: Situation, network_interface_id: str) -> Iterator[Remedy]:
    """Start the instance of a network interface, or an ENS instance, if it is stopped."""
    eni = situation.cloud.store.find(NetworkInterface, network_interface_id)
    instance = situation.cloud.store.find(Instance, eni.instance_id or "") if eni is not None else None
    if instance is not None and instance.state == STOPPED:
        yield (Call.of("aws.start_instances", instance_id=instance.id),)
    ecs = situation.cloud.store.find(EcsInterface, network_interface_id)
    machine = situation.cloud.store.find(EcsInstance, ecs.instance_id or "") if ecs is not None else None
    if machine is not None and machine.state == ECS_STOPPED:
        yield (Call.of("alibaba.start_instance", instance_id=machine.id),)
    edge = situation.cloud.store.find(EnsInstance, network_interface_id)
    if edge is not None and edge.state == ECS_STOPPED:
        yield (Call.of("alibaba.start_ens_instance", instance_id=edge.id),)


def _nobody(situation: Situation) -> Iterator[Remedy]:
    """The address may be that of a stopped instance."""
    for ecs in situation.cloud.store.by(EcsInterface, "vpc_id", situation.hop.node.resource):
        if situation.packet.destination in ecs.private_ip_addresses:
            yield from _start(situation, ecs.id)
    for edge in situation.cloud.store.by(EnsInstance, "network_id", situation.hop.node.resource):
        if situation.packet.destination == edge.private_ip_address:
            yield from _start(situation, edge.id)
    vpc = situation.vpc_of_node()
    for eni in situation.cloud.store.by(NetworkInterface, "vpc_id", vpc.id) if vpc is not None else ():
        if situation.packet.destination in eni.private_ip_addresses:
            yield from _start(situation, eni.id)


def _public_address(situation: Situation) -> Iterator[Remedy]:
    """An elastic IP address for the sender's interface."""
    vpc = situation.vpc_of_node()
    for eni in situation.cloud.store.by(NetworkInterface, "vpc_id", vpc.id) if vpc is not None else ():
        if situation.packet.source in eni.private_ip_addresses:
            target = {"network_interface_id": eni.id}
            if situation.packet.source != eni.private_ip_address:
                target["private_ip_address"] = str(situation.packet.source)
            yield (
                Call.of("aws.allocate_address", result="address"),
                Call.of("aws.associate_address", allocation_id=Result("address")).adding(target),
            )


# Smart Access Gateway, CCN and CEN


def _junction(situation: Situation) -> Iterator[Remedy]:
    """Whatever is missing between the networks of the packet's two ends: a gateway that is stopped, or what joins them."""
    ends = situation.site(situation.packet.source), situation.site(situation.packet.destination)
    for end in ends:
        for stopped in gateways_in(situation.cloud, end, stopped=True) if isinstance(end, (AwsVpc, EnsNetwork)) else ():
            yield from _start(situation, stopped.network_interface_id)
    if ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
        yield join(situation.cloud, (ends[0], ends[1]))
        yield from _withdrawn(situation)


def _withdrawn(situation: Situation) -> Iterator[Remedy]:
    """The block of the destination's VPC, taken back from the CEN."""
    home = situation.site(situation.packet.destination)
    if not isinstance(home, AlibabaVpc):
        return
    for cen in situation.cloud.store.by(Cen, "child_instance_ids", home.id):
        yield (
            Call.of(
                "alibaba.publish_route_entries",
                cen_id=cen.id,
                child_instance_id=home.id,
                child_instance_type="VPC",
                child_instance_region_id=home.region_id,
                child_instance_route_table_id=home.route_table_id,
                destination_cidr_block=str(home.cidr_block),
            ),
        )


def _bandwidth(situation: Situation) -> Iterator[Remedy]:
    """A share of the plan between the two regions, or a plan first."""
    cen = situation.cloud.store.find(Cen, situation.hop.node.resource)
    regions = [_region(situation, address) for address in (situation.packet.source, situation.packet.destination)]
    if cen is None or "" in regions:
        return
    share = Call.of(
        "alibaba.set_cen_inter_region_bandwidth_limit",
        cen_id=cen.id,
        local_region_id=regions[0],
        opposite_region_id=regions[1],
        bandwidth_limit=_SHARE,
    )
    yield (share,)
    plan = Call.of(
        "alibaba.create_cen_bandwidth_package",
        result="plan",
        bandwidth=_SHARE,
        geographic_region_a_id=geographic_region_of(regions[0]),
        geographic_region_b_id=geographic_region_of(regions[1]),
    )
    give = Call.of("alibaba.associate_cen_bandwidth_package", cen_id=cen.id, cen_bandwidth_package_id=Result("plan"))
    yield plan, give, share


def _region(situation: Situation, address: IPv4Address) -> str:
    """The region in which an address is attached to a CEN: its VPC's, or that of its gateway's CCN; empty when unknown."""
    home = situation.site(address)
    if isinstance(home, AlibabaVpc):
        return home.region_id
    store = situation.cloud.store
    for running in gateways_in(situation.cloud, home) if home is not None else ():
        ccn = store.find(CloudConnectNetwork, running.gateway.ccn_id or "")
        if ccn is not None:
            return ccn.region_id
    return ""


def _outside_selector(situation: Situation) -> Iterator[Remedy]:
    """At the point of presence the source's network is no static route of its gateway; at a gateway it has not been learned."""
    entered = situation.hop.entered
    gateway = situation.cloud.store.find(SmartAccessGateway, entered.peer.leads) if entered is not None else None
    home = situation.site(situation.packet.source)
    if situation.hop.node.kind is NodeKind.CCN and gateway is not None and isinstance(home, (AwsVpc, EnsNetwork)):
        yield tuple(announce(gateway, home))
    yield from _junction(situation)


def _renewal(situation: Situation) -> Iterator[Remedy]:
    """A month more for the gateway that the machine is a device of."""
    gateway = _gateway_here(situation)
    if gateway is not None:
        yield (Call.of("alibaba.renew_instance", instance_id=gateway, renew_period=1),)


def _switch(situation: Situation) -> Iterator[Remedy]:
    gateway = _gateway_here(situation)
    if gateway is not None:
        yield (Call.of("alibaba.switch_smart_access_gateway_device", smart_ag_id=gateway),)


def _certificate(_situation: Situation) -> Iterator[Remedy]:
    """One that the device believes; it calls again by itself."""
    yield (Call.of("alibaba.issue_controller_certificate", days=_CERTIFIED),)


def _gateway_here(situation: Situation) -> str | None:
    """The gateway whose machine dropped the packet: the route that did so is the gateway's."""
    route = situation.hop.route
    return route.origin.resource if route is not None else None


_REMEDIES: dict[Reason | Drop, Callable[[Situation], Iterator[Remedy]]] = {
    Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION: _check,
    Reason.ENI_SG_RULES_MISMATCH: _ec2_group,
    Reason.SG_HAS_NO_RULES: _ec2_group,
    Reason.SUBNET_ACL_RESTRICTION: _acl,
    Reason.NO_ROUTE_TO_DESTINATION: _no_route,
    Reason.NO_POSSIBLE_DESTINATION: _nobody,
    Reason.BAD_STATE_ROUTE: _blackhole,
    Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS: _public_address,
    Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS: _private_at_the_edge,
    Reason.ECS_SG_RULES_MISMATCH: _ecs_group,
    Reason.SAG_NOT_ATTACHED_TO_CCN: _junction,
    Reason.SAG_OVERDUE_PAYMENT: _renewal,
    Reason.SAG_DEVICE_STANDBY: _switch,
    Reason.SAG_DEVICE_NOT_CONFIGURED: _certificate,
    Reason.CEN_NO_BANDWIDTH_PLAN: _bandwidth,
    Drop.OUTSIDE_SELECTOR: _outside_selector,
    Drop.NO_PEER_FOR_DESTINATION: _junction,
    Drop.PEER_NOT_HEARD: _junction,
}
