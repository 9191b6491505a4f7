"""Network ACLs: stateless lists at the edge of a subnet."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Literal

from lab.cloud.addressing import Cidr
from lab.cloud.aws.base import AwsBase
from lab.cloud.aws.protocol import ports_of, protocol_name
from lab.cloud.aws.resources import ALL_PORTS, ALL_PROTOCOLS, AclEntry, Association, NetworkAcl, Subnet, Vpc
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.origin import Origin

RuleAction = Literal["allow", "deny"]

# EC2, CreateNetworkAclEntry: the numbers a customer may use. The default list's own rule has the first.
LOWEST_RULE = 1
HIGHEST_RULE = 32766
DEFAULT_RULE = 100


class NetworkAclOperations(AwsBase):
    @operation
    def create_network_acl(self, vpc_id: str) -> NetworkAcl:
        """Create a list without rules, which denies everything. Raises InvalidVpcID.NotFound."""
        self._get(Vpc, vpc_id)
        acl_id = self._supply.aws_id("acl")
        acl = NetworkAcl(id=acl_id, origin=self._origin(acl_id), vpc_id=vpc_id, default=False, ingress=(), egress=())
        self._store.put(acl)
        return acl

    @operation
    def delete_network_acl(self, network_acl_id: str) -> None:
        """Raises InvalidNetworkAclID.NotFound, CannotDelete, DependencyViolation."""
        acl = self._get(NetworkAcl, network_acl_id)
        if acl.default:
            raise CloudError("CannotDelete", f"the network ACL '{network_acl_id}' is the default one of {acl.vpc_id}")
        if acl.associations:
            raise CloudError("DependencyViolation", f"the network ACL '{network_acl_id}' serves {', '.join(acl.subnet_ids)}")
        self._store.delete(acl)

    def describe_network_acls(self, vpc_id: str | None = None) -> tuple[NetworkAcl, ...]:
        return self._store.all(NetworkAcl) if vpc_id is None else self._store.by(NetworkAcl, "vpc_id", vpc_id)

    def network_acl_of(self, subnet_id: str) -> NetworkAcl:
        """The list that serves a subnet: the one it is associated with, or the VPC's default. Raises InvalidSubnetID.NotFound."""
        subnet = self._get(Subnet, subnet_id)
        for acl in self._store.by(NetworkAcl, "subnet_ids", subnet_id):
            return acl
        return self._get(NetworkAcl, self._get(Vpc, subnet.vpc_id).default_network_acl_id)

    @operation
    def replace_network_acl_association(self, network_acl_id: str, subnet_id: str) -> None:
        """Make a list serve a subnet in place of the one that does.

        EC2 names the association to replace; here the subnet does, as it has exactly one.
        Raises InvalidNetworkAclID.NotFound, InvalidSubnetID.NotFound, InvalidParameterValue.
        """
        acl = self._get(NetworkAcl, network_acl_id)
        subnet = self._get(Subnet, subnet_id)
        if acl.vpc_id != subnet.vpc_id:
            raise CloudError("InvalidParameterValue", f"{network_acl_id} and {subnet_id} belong to different networks")
        for old in self._store.by(NetworkAcl, "subnet_ids", subnet_id):
            others = tuple(association for association in old.associations if association.subnet_id != subnet_id)
            self._store.put(replace(old, associations=others))
        if acl.default:
            return
        acl = self._get(NetworkAcl, network_acl_id)
        association = Association(self._supply.aws_id("aclassoc"), subnet_id, self._origin(network_acl_id))
        self._store.put(replace(acl, associations=(*acl.associations, association)))

    @operation
    def create_network_acl_entry(
        self,
        network_acl_id: str,
        *,
        rule_number: int,
        protocol: str,
        rule_action: RuleAction,
        egress: bool,
        cidr_block: Cidr,
        from_port: int = ALL_PORTS,
        to_port: int = ALL_PORTS,
    ) -> None:
        """Add a rule. Raises InvalidNetworkAclID.NotFound, InvalidParameterValue, NetworkAclEntryAlreadyExists."""
        acl = self._get(NetworkAcl, network_acl_id)
        entry = self._entry(acl, rule_number, protocol, rule_action, self._cidr(cidr_block), from_port, to_port)
        if any(other.rule_number == rule_number for other in _entries(acl, egress)):
            raise CloudError(
                "NetworkAclEntryAlreadyExists", f"rule {rule_number} exists in {_side(egress)} of {network_acl_id}; replace it"
            )
        self._store.put(_with_entries(acl, egress, (*_entries(acl, egress), entry)))

    @operation
    def replace_network_acl_entry(
        self,
        network_acl_id: str,
        *,
        rule_number: int,
        protocol: str,
        rule_action: RuleAction,
        egress: bool,
        cidr_block: Cidr,
        from_port: int = ALL_PORTS,
        to_port: int = ALL_PORTS,
    ) -> None:
        """Put a rule in the place of another. Raises InvalidNetworkAclEntry.NotFound, and what create_network_acl_entry does."""
        acl = self._get(NetworkAcl, network_acl_id)
        entry = self._entry(acl, rule_number, protocol, rule_action, self._cidr(cidr_block), from_port, to_port)
        self._store.put(_with_entries(acl, egress, (*_without(acl, egress, rule_number), entry)))

    @operation
    def delete_network_acl_entry(self, network_acl_id: str, *, rule_number: int, egress: bool) -> None:
        """Raises InvalidNetworkAclID.NotFound, InvalidNetworkAclEntry.NotFound."""
        acl = self._get(NetworkAcl, network_acl_id)
        self._store.put(_with_entries(acl, egress, _without(acl, egress, rule_number)))

    def _put_default_acl(self, vpc: Vpc) -> None:
        origin = self._origin(vpc.default_network_acl_id)
        everything = (_everything(origin),)
        self._store.put(
            NetworkAcl(
                id=vpc.default_network_acl_id,
                origin=origin,
                vpc_id=vpc.id,
                default=True,
                ingress=everything,
                egress=everything,
            )
        )

    def _entry(
        self,
        acl: NetworkAcl,
        rule_number: int,
        protocol: str,
        rule_action: RuleAction,
        block: IPv4Network,
        from_port: int,
        to_port: int,
    ) -> AclEntry:
        if not LOWEST_RULE <= rule_number <= HIGHEST_RULE:
            raise CloudError(
                "InvalidParameterValue", f"the rule number {rule_number} is not within {LOWEST_RULE} to {HIGHEST_RULE}"
            )
        if rule_action not in ("allow", "deny"):
            raise CloudError("InvalidParameterValue", f"the rule action '{rule_action}' is neither allow nor deny")
        name = protocol_name(protocol)
        first, last = ports_of(name, from_port, to_port)
        return AclEntry(rule_number, name, rule_action == "allow", block, first, last, self._origin(acl.id))


def _everything(origin: Origin) -> AclEntry:
    return AclEntry(DEFAULT_RULE, ALL_PROTOCOLS, True, IPv4Network("0.0.0.0/0"), ALL_PORTS, ALL_PORTS, origin)


def _entries(acl: NetworkAcl, egress: bool) -> tuple[AclEntry, ...]:
    return acl.egress if egress else acl.ingress


def _with_entries(acl: NetworkAcl, egress: bool, entries: tuple[AclEntry, ...]) -> NetworkAcl:
    ordered = tuple(sorted(entries, key=lambda entry: entry.rule_number))
    return replace(acl, egress=ordered) if egress else replace(acl, ingress=ordered)


def _without(acl: NetworkAcl, egress: bool, rule_number: int) -> tuple[AclEntry, ...]:
    """The entries but one. Raises InvalidNetworkAclEntry.NotFound."""
    entries = _entries(acl, egress)
    remaining = tuple(entry for entry in entries if entry.rule_number != rule_number)
    if len(remaining) == len(entries):
        raise CloudError("InvalidNetworkAclEntry.NotFound", f"there is no rule {rule_number} in {_side(egress)} of {acl.id}")
    return remaining


def _side(egress: bool) -> str:
    return "egress" if egress else "ingress"
