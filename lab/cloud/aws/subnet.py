"""Subnets."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.addressing import Cidr
from lab.cloud.aws.base import AwsBase
from lab.cloud.aws.resources import Association, NetworkAcl, NetworkInterface, RouteTable, Subnet, Vpc
from lab.cloud.aws.vpc import NARROWEST, WIDEST
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class SubnetOperations(AwsBase):
    @operation
    def create_subnet(self, vpc_id: str, cidr_block: Cidr, name: str = "") -> Subnet:
        """Create a subnet. It uses the VPC's main route table and default network ACL until it is associated with others.

        Raises InvalidVpcID.NotFound, InvalidParameterValue, InvalidSubnet.Range, InvalidSubnet.Conflict.
        """
        vpc = self._get(Vpc, vpc_id)
        block = self._cidr(cidr_block)
        if not WIDEST <= block.prefixlen <= NARROWEST or not block.subnet_of(vpc.cidr_block):
            raise CloudError(
                "InvalidSubnet.Range",
                f"the CIDR '{block}' is invalid: a subnet of {vpc_id} is /{WIDEST} to /{NARROWEST} inside {vpc.cidr_block}",
            )
        for other in self._store.by(Subnet, "vpc_id", vpc_id):
            if block.overlaps(other.cidr_block):
                raise CloudError("InvalidSubnet.Conflict", f"the CIDR '{block}' conflicts with {other.cidr_block} ({other.id})")
        subnet_id = self._supply.aws_id("subnet")
        subnet = Subnet(id=subnet_id, origin=self._origin(subnet_id), vpc_id=vpc_id, cidr_block=block, name=name)
        self._store.put(subnet)
        return subnet

    @operation
    def delete_subnet(self, subnet_id: str) -> None:
        """Raises InvalidSubnetID.NotFound, DependencyViolation."""
        subnet = self._get(Subnet, subnet_id)
        interfaces = self._store.by(NetworkInterface, "subnet_id", subnet_id)
        if interfaces:
            raise CloudError(
                "DependencyViolation",
                f"the subnet '{subnet_id}' has dependencies and cannot be deleted: "
                f"{', '.join(interface.id for interface in interfaces)}",
            )
        self._forget_associations(subnet_id)
        self._store.delete(subnet)

    def describe_subnets(self, vpc_id: str | None = None) -> tuple[Subnet, ...]:
        return self._store.all(Subnet) if vpc_id is None else self._store.by(Subnet, "vpc_id", vpc_id)

    def _forget_associations(self, subnet_id: str) -> None:
        for table in self._store.by(RouteTable, "subnet_ids", subnet_id):
            self._store.put(replace(table, associations=_others(table.associations, subnet_id)))
        for acl in self._store.by(NetworkAcl, "subnet_ids", subnet_id):
            self._store.put(replace(acl, associations=_others(acl.associations, subnet_id)))


def _others(associations: tuple[Association, ...], subnet_id: str) -> tuple[Association, ...]:
    return tuple(association for association in associations if association.subnet_id != subnet_id)
