"""Security groups and their rules."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Literal

from lab.cloud.addressing import Cidr, parse_cidr
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.name import check_resource_name
from lab.cloud.alibaba.resources import NetworkInterface, Permission, SecurityGroup, Vpc
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

Direction = Literal["ingress", "egress"]

ENTERPRISE = "enterprise"
GROUP_TYPES = ("normal", ENTERPRISE)
# Ecs 2014-05-26, AuthorizeSecurityGroup.
PROTOCOLS = ("ALL", "ICMP", "TCP", "UDP")
POLICIES = ("accept", "drop")
PRIORITIES = range(1, 101)
ALL_PORTS = "-1/-1"
_PORT_RANGE = re.compile(r"(\d{1,5})/(\d{1,5})", re.ASCII)
_HIGHEST_PORT = 65535


class SecurityGroupOperations(AlibabaBase):
    @operation
    def create_security_group(
        self, vpc_id: str, security_group_name: str = "", security_group_type: str = "normal"
    ) -> SecurityGroup:
        """Create a group without rules, basic ("normal") or "enterprise".

        Raises InvalidVpcId.NotFound, InvalidSecurityGroupName.Malformed, InvalidSecurityGroupType.ValueNotSupported.
        """
        self._get(Vpc, vpc_id)
        check_resource_name(security_group_name, "InvalidSecurityGroupName.Malformed")
        if security_group_type not in GROUP_TYPES:
            raise CloudError(
                "InvalidSecurityGroupType.ValueNotSupported", f"'{security_group_type}' is none of {', '.join(GROUP_TYPES)}"
            )
        group_id = self._supply.alibaba_id("sg")
        group = SecurityGroup(
            id=group_id,
            origin=self._origin(group_id),
            vpc_id=vpc_id,
            security_group_name=security_group_name,
            security_group_type=security_group_type,
        )
        self._store.put(group)
        return group

    @operation
    def delete_security_group(self, security_group_id: str) -> None:
        """Raises InvalidSecurityGroupId.NotFound, DependencyViolation."""
        group = self._get(SecurityGroup, security_group_id)
        users = [member.id for member in self._store.by(NetworkInterface, "security_group_ids", security_group_id)]
        others = self._store.by(SecurityGroup, "referenced_group_ids", security_group_id)
        users += [other.id for other in others if other.id != security_group_id]
        if users:
            raise CloudError("DependencyViolation", f"the security group '{security_group_id}' is used by {', '.join(users)}")
        self._store.delete(group)

    def describe_security_groups(self, vpc_id: str | None = None) -> tuple[SecurityGroup, ...]:
        return self._store.all(SecurityGroup) if vpc_id is None else self._store.by(SecurityGroup, "vpc_id", vpc_id)

    @operation
    def authorize_security_group(
        self,
        security_group_id: str,
        *,
        ip_protocol: str = "ALL",
        port_range: str = ALL_PORTS,
        source_cidr_ip: Cidr | None = None,
        source_group_id: str | None = None,
        policy: str = "accept",
        priority: int = 1,
    ) -> None:
        """Add an ingress rule for a CIDR block or for a group. One that exists already is accepted and adds nothing.

        Rules of an enterprise group speak of CIDR blocks only.
        Raises InvalidSecurityGroupId.NotFound, InvalidSourceGroupId.NotFound, InvalidSourceCidrIp.Malformed, MissingParameter,
        InvalidIpProtocol.ValueNotSupported, InvalidIpPortRange.Malformed, InvalidPolicy.Malformed, InvalidPriority.Malformed,
        InvalidGroupAuthParameter.OperationDenied.
        """
        self._authorize(security_group_id, "ingress", ip_protocol, port_range, source_cidr_ip, source_group_id, policy, priority)

    @operation
    def authorize_security_group_egress(
        self,
        security_group_id: str,
        *,
        ip_protocol: str = "ALL",
        port_range: str = ALL_PORTS,
        dest_cidr_ip: Cidr | None = None,
        dest_group_id: str | None = None,
        policy: str = "accept",
        priority: int = 1,
    ) -> None:
        """Add an egress rule. Raises what authorize_security_group does, with Dest for Source."""
        self._authorize(security_group_id, "egress", ip_protocol, port_range, dest_cidr_ip, dest_group_id, policy, priority)

    @operation
    def revoke_security_group(
        self,
        security_group_id: str,
        *,
        ip_protocol: str = "ALL",
        port_range: str = ALL_PORTS,
        source_cidr_ip: Cidr | None = None,
        source_group_id: str | None = None,
        policy: str = "accept",
        priority: int = 1,
    ) -> None:
        """Take an ingress rule back. One that does not exist is accepted and changes nothing. Raises what authorizing does."""
        self._revoke(security_group_id, "ingress", ip_protocol, port_range, source_cidr_ip, source_group_id, policy, priority)

    @operation
    def revoke_security_group_egress(
        self,
        security_group_id: str,
        *,
        ip_protocol: str = "ALL",
        port_range: str = ALL_PORTS,
        dest_cidr_ip: Cidr | None = None,
        dest_group_id: str | None = None,
        policy: str = "accept",
        priority: int = 1,
    ) -> None:
        """Take an egress rule back; see revoke_security_group."""
        self._revoke(security_group_id, "egress", ip_protocol, port_range, dest_cidr_ip, dest_group_id, policy, priority)

    def _authorize(
        self,
        group_id: str,
        direction: Direction,
        ip_protocol: str,
        port_range: str,
        cidr_ip: Cidr | None,
        other_group_id: str | None,
        policy: str,
        priority: int,
    ) -> None:
        group = self._get(SecurityGroup, group_id)
        rule = self._permission(group, direction, ip_protocol, port_range, cidr_ip, other_group_id, policy, priority)
        rules = _rules(group, direction)
        if not any(rule.same_rule(other) for other in rules):
            self._store.put(_with_rules(group, direction, (*rules, rule)))

    def _revoke(
        self,
        group_id: str,
        direction: Direction,
        ip_protocol: str,
        port_range: str,
        cidr_ip: Cidr | None,
        other_group_id: str | None,
        policy: str,
        priority: int,
    ) -> None:
        group = self._get(SecurityGroup, group_id)
        rule = self._permission(group, direction, ip_protocol, port_range, cidr_ip, other_group_id, policy, priority)
        remaining = tuple(other for other in _rules(group, direction) if not rule.same_rule(other))
        self._store.put(_with_rules(group, direction, remaining))

    def _permission(
        self,
        group: SecurityGroup,
        direction: Direction,
        ip_protocol: str,
        port_range: str,
        cidr_ip: Cidr | None,
        other_group_id: str | None,
        policy: str,
        priority: int,
    ) -> Permission:
        protocol = check_rule(ip_protocol, port_range, policy, priority)
        block = self._peer(group, direction, cidr_ip, other_group_id)
        origin = self._origin(group.id)
        return Permission(protocol, port_range, policy, priority, origin, cidr_ip=block, source_group_id=other_group_id)

    def _peer(
        self, group: SecurityGroup, direction: Direction, cidr_ip: Cidr | None, other_group_id: str | None
    ) -> IPv4Network | None:
        """The block a rule speaks of, or None if it speaks of a group."""
        side = "Source" if direction == "ingress" else "Dest"
        if (cidr_ip is None) == (other_group_id is None):
            raise CloudError("MissingParameter", f"give either a CIDR block ({side}CidrIp) or a group ({side}GroupId)")
        if cidr_ip is not None:
            return parse_cidr(cidr_ip, f"Invalid{side}CidrIp.Malformed")
        if group.security_group_type == ENTERPRISE:
            raise CloudError(
                "InvalidGroupAuthParameter.OperationDenied", f"'{group.id}' is an enterprise group; give a CIDR block"
            )
        other = self._store.find(SecurityGroup, other_group_id or "")
        if other is None or other.vpc_id != group.vpc_id:
            raise CloudError(
                f"Invalid{side}GroupId.NotFound", f"the security group '{other_group_id}' does not exist in {group.vpc_id}"
            )
        return None


def check_rule(ip_protocol: str, port_range: str, policy: str, priority: int) -> str:
    """The protocol in capitals.

    Raises InvalidIpProtocol.ValueNotSupported, InvalidIpPortRange.Malformed, InvalidPolicy.Malformed, InvalidPriority.Malformed.
    """
    protocol = ip_protocol.upper()
    if protocol not in PROTOCOLS:
        raise CloudError("InvalidIpProtocol.ValueNotSupported", f"'{ip_protocol}' is none of {', '.join(PROTOCOLS)}")
    _check_ports(protocol, port_range)
    if policy not in POLICIES:
        raise CloudError("InvalidPolicy.Malformed", f"the policy '{policy}' is none of {', '.join(POLICIES)}")
    if priority not in PRIORITIES:
        raise CloudError("InvalidPriority.Malformed", f"the priority {priority} is not within 1 to 100")
    return protocol


def _check_ports(protocol: str, port_range: str) -> None:
    if protocol in ("ALL", "ICMP"):
        if port_range != ALL_PORTS:
            raise CloudError(
                "InvalidIpPortRange.Malformed", f"the ports '{port_range}': for {protocol} only {ALL_PORTS} is possible"
            )
        return
    found = _PORT_RANGE.fullmatch(port_range)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= _HIGHEST_PORT:
        raise CloudError("InvalidIpPortRange.Malformed", f"the ports '{port_range}' are no range such as 1/200 within 1/65535")


def _rules(group: SecurityGroup, direction: Direction) -> tuple[Permission, ...]:
    return group.ingress if direction == "ingress" else group.egress


def _with_rules(group: SecurityGroup, direction: Direction, rules: tuple[Permission, ...]) -> SecurityGroup:
    return replace(group, ingress=rules) if direction == "ingress" else replace(group, egress=rules)
