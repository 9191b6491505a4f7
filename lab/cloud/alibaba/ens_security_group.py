"""Security groups of ENS instances (Ens 2017-11-10). They speak of CIDR blocks, and work as ECS' basic groups do.

The real service calls the operations as ECS does; here they bear "ens" in the name.
"""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.addressing import Cidr, parse_cidr
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.name import check_resource_name
from lab.cloud.alibaba.resources import EnsInstance, EnsSecurityGroup, Permission
from lab.cloud.alibaba.security_group import ALL_PORTS, check_rule
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class EnsSecurityGroupOperations(AlibabaBase):
    @operation
    def create_ens_security_group(self, security_group_name: str = "") -> EnsSecurityGroup:
        """Create a group without rules: its members reach each other and everything out.

        Raises InvalidSecurityGroupName.Malformed.
        """
        check_resource_name(security_group_name, "InvalidSecurityGroupName.Malformed")
        group_id = self._supply.alibaba_id("sg")
        group = EnsSecurityGroup(id=group_id, origin=self._origin(group_id), security_group_name=security_group_name)
        self._store.put(group)
        return group

    @operation
    def delete_ens_security_group(self, security_group_id: str) -> None:
        """Raises InvalidSecurityGroupId.NotFound, DependencyViolation."""
        group = self._get(EnsSecurityGroup, security_group_id)
        users = [member.id for member in self._store.by(EnsInstance, "security_group_ids", security_group_id)]
        if users:
            raise CloudError("DependencyViolation", f"the security group '{security_group_id}' is used by {', '.join(users)}")
        self._store.delete(group)

    def describe_ens_security_groups(self) -> tuple[EnsSecurityGroup, ...]:
        return self._store.all(EnsSecurityGroup)

    @operation
    def join_ens_security_group(self, instance_id: str, security_group_id: str) -> None:
        """Put an instance into one more group.

        Raises InvalidInstanceId.NotFound, InvalidSecurityGroupId.NotFound, InvalidParameter.
        """
        instance = self._get(EnsInstance, instance_id)
        self._get(EnsSecurityGroup, security_group_id)
        if security_group_id in instance.security_group_ids:
            raise CloudError("InvalidParameter", f"'{instance_id}' is in '{security_group_id}' already")
        self._put_groups(instance, (*instance.security_group_ids, security_group_id))

    @operation
    def leave_ens_security_group(self, instance_id: str, security_group_id: str) -> None:
        """Take an instance out of a group.

        Raises InvalidInstanceId.NotFound, InvalidSecurityGroupId.NotFound, InvalidParameter.
        """
        instance = self._get(EnsInstance, instance_id)
        self._get(EnsSecurityGroup, security_group_id)
        if security_group_id not in instance.security_group_ids:
            raise CloudError("InvalidParameter", f"'{instance_id}' is not in '{security_group_id}'")
        self._put_groups(instance, tuple(id for id in instance.security_group_ids if id != security_group_id))

    @operation
    def authorize_ens_security_group(
        self,
        security_group_id: str,
        *,
        source_cidr_ip: Cidr,
        ip_protocol: str = "ALL",
        port_range: str = ALL_PORTS,
        policy: str = "accept",
        priority: int = 1,
    ) -> None:
        """Add an ingress rule. One that exists already is accepted and adds nothing.

        Raises InvalidSecurityGroupId.NotFound, InvalidSourceCidrIp.Malformed, InvalidIpProtocol.ValueNotSupported,
        InvalidIpPortRange.Malformed, InvalidPolicy.Malformed, InvalidPriority.Malformed.
        """
        group = self._get(EnsSecurityGroup, security_group_id)
        rule = self._rule(group, "Source", source_cidr_ip, ip_protocol, port_range, policy, priority)
        self._store.put(replace(group, ingress=_with(group.ingress, rule)))

    @operation
    def authorize_ens_security_group_egress(
        self,
        security_group_id: str,
        *,
        dest_cidr_ip: Cidr,
        ip_protocol: str = "ALL",
        port_range: str = ALL_PORTS,
        policy: str = "accept",
        priority: int = 1,
    ) -> None:
        """Add an egress rule. Raises what authorize_ens_security_group does, with Dest for Source."""
        group = self._get(EnsSecurityGroup, security_group_id)
        rule = self._rule(group, "Dest", dest_cidr_ip, ip_protocol, port_range, policy, priority)
        self._store.put(replace(group, egress=_with(group.egress, rule)))

    @operation
    def revoke_ens_security_group(
        self,
        security_group_id: str,
        *,
        source_cidr_ip: Cidr,
        ip_protocol: str = "ALL",
        port_range: str = ALL_PORTS,
        policy: str = "accept",
        priority: int = 1,
    ) -> None:
        """Take an ingress rule back. One that does not exist is accepted and changes nothing. Raises what authorizing does."""
        group = self._get(EnsSecurityGroup, security_group_id)
        rule = self._rule(group, "Source", source_cidr_ip, ip_protocol, port_range, policy, priority)
        self._store.put(replace(group, ingress=_without(group.ingress, rule)))

    @operation
    def revoke_ens_security_group_egress(
        self,
        security_group_id: str,
        *,
        dest_cidr_ip: Cidr,
        ip_protocol: str = "ALL",
        port_range: str = ALL_PORTS,
        policy: str = "accept",
        priority: int = 1,
    ) -> None:
        """Take an egress rule back; see revoke_ens_security_group."""
        group = self._get(EnsSecurityGroup, security_group_id)
        rule = self._rule(group, "Dest", dest_cidr_ip, ip_protocol, port_range, policy, priority)
        self._store.put(replace(group, egress=_without(group.egress, rule)))

    def _put_groups(self, instance: EnsInstance, groups: tuple[str, ...]) -> None:
        self._store.put(replace(instance, security_group_ids=groups, groups_origin=self._origin(instance.id)))

    def _rule(
        self, group: EnsSecurityGroup, side: str, cidr_ip: Cidr, ip_protocol: str, port_range: str, policy: str, priority: int
    ) -> Permission:
        protocol = check_rule(ip_protocol, port_range, policy, priority)
        block = parse_cidr(cidr_ip, f"Invalid{side}CidrIp.Malformed")
        return Permission(protocol, port_range, policy, priority, self._origin(group.id), cidr_ip=block)


def _with(rules: tuple[Permission, ...], rule: Permission) -> tuple[Permission, ...]:
    return rules if any(rule.same_rule(other) for other in rules) else (*rules, rule)


def _without(rules: tuple[Permission, ...], rule: Permission) -> tuple[Permission, ...]:
    return tuple(other for other in rules if not rule.same_rule(other))
