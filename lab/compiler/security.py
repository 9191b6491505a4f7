"""Security groups as gates. The two clouds' dialects differ; each is rendered from its own model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.cloud.alibaba.resources import EnsSecurityGroup, Permission
from lab.cloud.alibaba.resources import SecurityGroup as EcsGroup
from lab.cloud.aws.resources import IpPermission
from lab.cloud.aws.resources import SecurityGroup as Ec2Group
from lab.compiler.addressing import host_network
from lab.origin import Origin
from lab.reasons import Reason
from lab.topology import ANY, Gate, Match, Rule, Side, Stage

AlibabaGroup = EcsGroup | EnsSecurityGroup
Members = Mapping[str, Sequence[IPv4Address]]  # addresses of the interfaces in a group, by the group's id

_SIDES = ((Side.IN, Stage.EGRESS), (Side.OUT, Stage.INGRESS))


@dataclass(frozen=True, slots=True)
class Chain:
    """What groups say in one direction. The same for every interface that is in the same groups, so it is made once."""

    side: Side
    stage: Stage
    rules: tuple[Rule, ...]
    default: bool
    reason: Reason


def group_gates(interface: str, chains: Iterable[Chain], origin: Origin) -> Iterator[Gate]:
    """The stateful gates of a network interface. A drop that no rule is to blame for is put down to `origin`."""
    for it in chains:
        yield Gate(interface, it.side, it.stage, it.rules, it.default, it.reason, origin, stateful=True)


def ec2_chains(groups: Sequence[Ec2Group], members: Members) -> tuple[Chain, ...]:
    """AWS: what any of the groups permits passes."""
    return tuple(_ec2_chain(groups, members, side, stage) for side, stage in _SIDES)


def _ec2_chain(groups: Sequence[Ec2Group], members: Members, side: Side, stage: Stage) -> Chain:
    rules = tuple(
        rule
        for group in groups
        for permission in (group.egress if stage is Stage.EGRESS else group.ingress)
        for rule in _ec2_rules(permission, stage, members)
    )
    return Chain(side, stage, rules, False, Reason.ENI_SG_RULES_MISMATCH if rules else Reason.SG_HAS_NO_RULES)


def _ec2_rules(permission: IpPermission, stage: Stage, members: Members) -> Iterator[Rule]:
    protocol = "" if permission.ip_protocol == "-1" else permission.ip_protocol
    ports = icmp = None
    if protocol in ("tcp", "udp"):
        ports = None if permission.from_port < 0 else (permission.from_port, permission.to_port)
    elif protocol == "icmp" and permission.from_port >= 0:
        icmp = (permission.from_port, permission.to_port)
    for network in _networks(permission.cidr_ip, permission.group_id, members):
        yield Rule(_towards(stage, network, protocol, ports, icmp), True, permission.origin)


def ecs_chains(groups: Sequence[AlibabaGroup], members: Members) -> tuple[Chain, ...]:
    """Alibaba Cloud: lowest priority number first, at equal priority drop wins.

    A basic group, and one of ENS, lets its members reach each other and everything out; an enterprise group does neither.
    """
    return tuple(_ecs_chain(groups, members, side, stage) for side, stage in _SIDES)


def _ecs_chain(groups: Sequence[AlibabaGroup], members: Members, side: Side, stage: Stage) -> Chain:
    permissions = sorted(
        (p for group in groups for p in (group.egress if stage is Stage.EGRESS else group.ingress)),
        key=lambda p: (p.priority, p.policy != "drop"),
    )
    rules = [rule for permission in permissions for rule in _ecs_rules(permission, stage, members)]
    basic = [group for group in groups if isinstance(group, EnsSecurityGroup) or group.security_group_type == "normal"]
    rules += [
        Rule(_towards(stage, host_network(address)), True, group.origin)
        for group in basic
        for address in members.get(group.id, ())
    ]
    return Chain(side, stage, tuple(rules), stage is Stage.EGRESS and bool(basic), Reason.ECS_SG_RULES_MISMATCH)


def _ecs_rules(permission: Permission, stage: Stage, members: Members) -> Iterator[Rule]:
    protocol = "" if permission.ip_protocol == "ALL" else permission.ip_protocol.lower()
    ports = permission.ports if protocol in ("tcp", "udp") else None
    for network in _networks(permission.cidr_ip, permission.source_group_id, members):
        yield Rule(_towards(stage, network, protocol, ports), permission.policy == "accept", permission.origin)


def _networks(cidr: IPv4Network | None, group_id: str | None, members: Members) -> Iterable[IPv4Network]:
    if cidr is not None:
        return [cidr]
    return [host_network(address) for address in members.get(group_id or "", ())]


def _towards(
    stage: Stage,
    network: IPv4Network,
    protocol: str = "",
    ports: tuple[int, int] | None = None,
    icmp: tuple[int, int] | None = None,
) -> Match:
    """A rule names the other party: the source of what comes in, the destination of what goes out."""
    source, destination = (ANY, network) if stage is Stage.EGRESS else (network, ANY)
    return Match(source, destination, protocol, ports, icmp)


def blame(groups: Sequence[Ec2Group] | Sequence[AlibabaGroup], origin: Origin) -> Origin:
    """A drop is put down to the one group there is, or to the interface that has several."""
    return groups[0].origin if len(groups) == 1 else origin
