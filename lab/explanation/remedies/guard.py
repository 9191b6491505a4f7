"""What guards an interface: its check, its groups, its subnet's list."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from lab.cloud.alibaba.resources import EnsInstance, EnsSecurityGroup, Permission
from lab.cloud.alibaba.resources import NetworkInterface as EcsInterface
from lab.cloud.alibaba.resources import SecurityGroup as EcsGroup
from lab.cloud.aws.resources import AclEntry, NetworkAcl, NetworkInterface, Subnet
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.explanation.call import Call
from lab.explanation.remedies.remedy import Remedy
from lab.explanation.situation import Situation
from lab.topology import Side, Stage

# An entry that makes an exception stands before the one it is an exception to; a first one leaves room before it. Our choice.
_FIRST_ENTRY = 100


def check(situation: Situation) -> Iterator[Remedy]:
    """The source/destination check, turned off."""
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


def ec2_group(situation: Situation) -> Iterator[Remedy]:
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


def ecs_group(situation: Situation) -> Iterator[Remedy]:
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


def acl(situation: Situation) -> Iterator[Remedy]:
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
