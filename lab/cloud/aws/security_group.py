"""Security groups and their rules."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from lab.cloud.addressing import Cidr
from lab.cloud.aws.base import AwsBase, exactly_one
from lab.cloud.aws.protocol import ports_of, protocol_name
from lab.cloud.aws.resources import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    IpPermission,
    NetworkInterface,
    SecurityGroup,
    Vpc,
)
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

Direction = Literal["ingress", "egress"]

DEFAULT_GROUP_NAME = "default"
EVERYWHERE = "0.0.0.0/0"

# EC2, CreateSecurityGroup: up to 255 of these characters.
_TEXT = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")


class SecurityGroupOperations(AwsBase):
    @operation
    def create_security_group(self, group_name: str, description: str, vpc_id: str) -> SecurityGroup:
        """Create a group that admits nothing and lets everything out.

        Raises InvalidVpcID.NotFound, InvalidParameterValue, InvalidGroup.Reserved, InvalidGroup.Duplicate.
        """
        self._get(Vpc, vpc_id)
        _check_text("groupName", group_name)
        _check_text("groupDescription", description)
        if group_name.startswith("sg-"):
            raise CloudError("InvalidParameterValue", f"the group name '{group_name}' may not begin with sg-")
        if group_name == DEFAULT_GROUP_NAME:
            raise CloudError("InvalidGroup.Reserved", f"the group name '{group_name}' is reserved; choose another")
        if self._store.count(SecurityGroup, "place", (vpc_id, group_name)):
            raise CloudError("InvalidGroup.Duplicate", f"the security group '{group_name}' already exists for VPC '{vpc_id}'")
        return self._put_security_group(self._supply.aws_id("sg"), vpc_id, group_name, description)

    @operation
    def delete_security_group(self, group_id: str) -> None:
        """Raises InvalidGroup.NotFound, CannotDelete, DependencyViolation."""
        group = self._get(SecurityGroup, group_id)
        if group.group_name == DEFAULT_GROUP_NAME:
            raise CloudError("CannotDelete", f"the group '{group_id}' is the default group of {group.vpc_id}")
        users = [interface.id for interface in self._store.by(NetworkInterface, "group_ids", group_id)]
        others = self._store.by(SecurityGroup, "referenced_group_ids", group_id)
        users += [other.id for other in others if other.id != group_id]
        if users:
            raise CloudError("DependencyViolation", f"the group '{group_id}' is used by {', '.join(users)}")
        self._store.delete(group)

    def describe_security_groups(self, vpc_id: str | None = None) -> tuple[SecurityGroup, ...]:
        return self._store.all(SecurityGroup) if vpc_id is None else self._store.by(SecurityGroup, "vpc_id", vpc_id)

    @operation
    def authorize_security_group_ingress(
        self,
        group_id: str,
        *,
        ip_protocol: str,
        from_port: int = ALL_PORTS,
        to_port: int = ALL_PORTS,
        cidr_ip: Cidr | None = None,
        source_group_id: str | None = None,
    ) -> None:
        """Admit traffic from a CIDR block, or from the members of a group.

        Raises InvalidGroup.NotFound, InvalidParameterValue, MissingParameter, InvalidParameterCombination,
        InvalidPermission.Duplicate.
        """
        self._authorize(group_id, "ingress", ip_protocol, from_port, to_port, cidr_ip, source_group_id)

    @operation
    def authorize_security_group_egress(
        self,
        group_id: str,
        *,
        ip_protocol: str,
        from_port: int = ALL_PORTS,
        to_port: int = ALL_PORTS,
        cidr_ip: Cidr | None = None,
        source_group_id: str | None = None,
    ) -> None:
        """Let traffic out to a CIDR block, or to the members of `source_group_id` (EC2 calls it so here too).

        Raises what authorize_security_group_ingress does.
        """
        self._authorize(group_id, "egress", ip_protocol, from_port, to_port, cidr_ip, source_group_id)

    @operation
    def revoke_security_group_ingress(
        self,
        group_id: str,
        *,
        ip_protocol: str,
        from_port: int = ALL_PORTS,
        to_port: int = ALL_PORTS,
        cidr_ip: Cidr | None = None,
        source_group_id: str | None = None,
    ) -> None:
        """Take a rule back. Raises InvalidPermission.NotFound, and what authorize_security_group_ingress does."""
        self._revoke(group_id, "ingress", ip_protocol, from_port, to_port, cidr_ip, source_group_id)

    @operation
    def revoke_security_group_egress(
        self,
        group_id: str,
        *,
        ip_protocol: str,
        from_port: int = ALL_PORTS,
        to_port: int = ALL_PORTS,
        cidr_ip: Cidr | None = None,
        source_group_id: str | None = None,
    ) -> None:
        """Take a rule back. Raises InvalidPermission.NotFound, and what authorize_security_group_egress does."""
        self._revoke(group_id, "egress", ip_protocol, from_port, to_port, cidr_ip, source_group_id)

    def _put_security_group(
        self, group_id: str, vpc_id: str, group_name: str, description: str, *, admits_itself: bool = False
    ) -> SecurityGroup:
        origin = self._origin(group_id)
        everything = IpPermission(ALL_PROTOCOLS, ALL_PORTS, ALL_PORTS, origin, cidr_ip=self._cidr(EVERYWHERE))
        itself = IpPermission(ALL_PROTOCOLS, ALL_PORTS, ALL_PORTS, origin, group_id=group_id)
        group = SecurityGroup(
            id=group_id,
            origin=origin,
            vpc_id=vpc_id,
            group_name=group_name,
            description=description,
            ingress=(itself,) if admits_itself else (),
            egress=(everything,),
        )
        self._store.put(group)
        return group

    def _authorize(
        self,
        group_id: str,
        direction: Direction,
        ip_protocol: str,
        from_port: int,
        to_port: int,
        cidr_ip: Cidr | None,
        other_group_id: str | None,
    ) -> None:
        group = self._get(SecurityGroup, group_id)
        rule = self._permission(group, ip_protocol, from_port, to_port, cidr_ip, other_group_id)
        rules = _rules(group, direction)
        if any(rule.same_rule(other) for other in rules):
            raise CloudError(
                "InvalidPermission.Duplicate", f"the rule {_spoken(rule)} already exists in {direction} of {group_id}"
            )
        self._store.put(_with_rules(group, direction, (*rules, rule)))

    def _revoke(
        self,
        group_id: str,
        direction: Direction,
        ip_protocol: str,
        from_port: int,
        to_port: int,
        cidr_ip: Cidr | None,
        other_group_id: str | None,
    ) -> None:
        group = self._get(SecurityGroup, group_id)
        rule = self._permission(group, ip_protocol, from_port, to_port, cidr_ip, other_group_id)
        rules = _rules(group, direction)
        remaining = tuple(other for other in rules if not rule.same_rule(other))
        if len(remaining) == len(rules):
            raise CloudError(
                "InvalidPermission.NotFound", f"the rule {_spoken(rule)} does not exist in {direction} of {group_id}"
            )
        self._store.put(_with_rules(group, direction, remaining))

    def _permission(
        self,
        group: SecurityGroup,
        ip_protocol: str,
        from_port: int,
        to_port: int,
        cidr_ip: Cidr | None,
        other_group_id: str | None,
    ) -> IpPermission:
        exactly_one(cidr_ip=cidr_ip, source_group_id=other_group_id)
        protocol = protocol_name(ip_protocol)
        first, last = ports_of(protocol, from_port, to_port)
        block = None if cidr_ip is None else self._cidr(cidr_ip)
        if other_group_id is not None:
            self._check_same_vpc(group, other_group_id)
        return IpPermission(protocol, first, last, self._origin(group.id), block, other_group_id)

    def _check_same_vpc(self, group: SecurityGroup, other_group_id: str) -> None:
        if self._get(SecurityGroup, other_group_id).vpc_id != group.vpc_id:
            raise CloudError(
                "InvalidGroup.NotFound", f"the security group '{other_group_id}' does not exist in VPC {group.vpc_id}"
            )


def _rules(group: SecurityGroup, direction: Direction) -> tuple[IpPermission, ...]:
    return group.ingress if direction == "ingress" else group.egress


def _with_rules(group: SecurityGroup, direction: Direction, rules: tuple[IpPermission, ...]) -> SecurityGroup:
    return replace(group, ingress=rules) if direction == "ingress" else replace(group, egress=rules)


def _check_text(parameter: str, value: str) -> None:
    if not _TEXT.fullmatch(value):
        raise CloudError(
            "InvalidParameterValue",
            f"the value '{value}' for {parameter} is invalid: 1 to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{{}}!$*",
        )


def _spoken(rule: IpPermission) -> str:
    peer = rule.group_id or rule.cidr_ip
    return f"(peer: {peer}, protocol: {rule.ip_protocol}, from port: {rule.from_port}, to port: {rule.to_port})"
