"""VPCs."""

from __future__ import annotations

from ipaddress import IPv4Network

from lab.cloud.addressing import Cidr, parse_cidr
from lab.cloud.alibaba.base import DEFAULT_REGION, AlibabaBase
from lab.cloud.alibaba.name import check_resource_name
from lab.cloud.alibaba.private_zone import PrivateZone
from lab.cloud.alibaba.resources import Cen, RouteTable, SecurityGroup, Vpc, VSwitch
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# Vpc 2016-04-28, CreateVpc.
WIDEST = 8
NARROWEST = 28
FORBIDDEN = (
    IPv4Network("100.64.0.0/10"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("224.0.0.0/4"),
)


class VpcOperations(AlibabaBase):
    @operation
    def create_vpc(self, cidr_block: Cidr, vpc_name: str = "", region_id: str = DEFAULT_REGION) -> Vpc:
        """Create a VPC with its route table.

        Raises InvalidRegionId.NotFound, InvalidVpcName.Malformed, InvalidCidrBlock.Malformed.
        """
        self._region(region_id)
        check_resource_name(vpc_name, "InvalidVpcName.Malformed")
        block = parse_cidr(cidr_block, "InvalidCidrBlock.Malformed")
        if not WIDEST <= block.prefixlen <= NARROWEST:
            raise CloudError("InvalidCidrBlock.Malformed", f"the CIDR block {block} of a VPC is not /{WIDEST} to /{NARROWEST}")
        for forbidden in FORBIDDEN:
            if block.overlaps(forbidden):
                raise CloudError("InvalidCidrBlock.Malformed", f"the CIDR block {block} overlaps {forbidden}, which is reserved")
        vpc_id, table_id = self._supply.alibaba_id("vpc"), self._supply.alibaba_id("vtb")
        vpc = Vpc(
            id=vpc_id,
            origin=self._origin(vpc_id),
            cidr_block=block,
            vpc_name=vpc_name,
            region_id=region_id,
            route_table_id=table_id,
        )
        self._store.put(vpc)
        self._store.put(RouteTable(id=table_id, origin=self._origin(table_id), vpc_id=vpc_id))
        return vpc

    @operation
    def delete_vpc(self, vpc_id: str) -> None:
        """Raises InvalidVpcId.NotFound, DependencyViolation."""
        vpc = self._get(Vpc, vpc_id)
        users = [switch.id for switch in self._store.by(VSwitch, "vpc_id", vpc_id)]
        users += [group.id for group in self._store.by(SecurityGroup, "vpc_id", vpc_id)]
        users += [cen.id for cen in self._store.by(Cen, "child_instance_ids", vpc_id)]
        users += [zone.id for zone in self._store.by(PrivateZone, "vpc_ids", vpc_id)]
        if users:
            raise CloudError("DependencyViolation", f"the VPC '{vpc_id}' is used by {', '.join(users)}")
        self._store.delete(self._get(RouteTable, vpc.route_table_id))
        self._store.delete(vpc)

    def describe_vpcs(self, region_id: str = DEFAULT_REGION) -> tuple[Vpc, ...]:
        """The VPCs of a region. Raises InvalidRegionId.NotFound."""
        return self._store.by(Vpc, "region_id", self._region(region_id))
