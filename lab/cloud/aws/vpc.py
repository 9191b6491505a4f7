"""VPCs."""

from __future__ import annotations

from lab.cloud.addressing import Cidr
from lab.cloud.aws.network_acl import NetworkAclOperations
from lab.cloud.aws.region import check_region
from lab.cloud.aws.resources import (
    ACTIVE,
    LOCAL,
    InternetGateway,
    NetworkAcl,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from lab.cloud.aws.security_group import DEFAULT_GROUP_NAME, SecurityGroupOperations
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# EC2: a VPC, and a subnet, is a block of /16 to /28.
WIDEST = 16
NARROWEST = 28

DEFAULT_REGION = "ap-southeast-1"


class VpcOperations(SecurityGroupOperations, NetworkAclOperations):
    @operation
    def create_vpc(self, cidr_block: Cidr, name: str = "", region: str = DEFAULT_REGION) -> Vpc:
        """Create a VPC with its main route table, default security group and default network ACL.

        Raises InvalidParameterValue, InvalidVpc.Range, UnknownEndpoint.
        """
        block = self._cidr(cidr_block)
        if not WIDEST <= block.prefixlen <= NARROWEST:
            raise CloudError("InvalidVpc.Range", f"the CIDR '{block}' is invalid: a VPC is /{WIDEST} to /{NARROWEST}")
        vpc_id = self._supply.aws_id("vpc")
        vpc = Vpc(
            id=vpc_id,
            origin=self._origin(vpc_id),
            cidr_block=block,
            name=name,
            region=check_region(region),
            main_route_table_id=self._supply.aws_id("rtb"),
            default_security_group_id=self._supply.aws_id("sg"),
            default_network_acl_id=self._supply.aws_id("acl"),
        )
        self._store.put(vpc)
        self._store.put(self._main_route_table(vpc))
        self._put_security_group(
            vpc.default_security_group_id, vpc_id, DEFAULT_GROUP_NAME, "default VPC security group", admits_itself=True
        )
        self._put_default_acl(vpc)
        return vpc

    @operation
    def delete_vpc(self, vpc_id: str) -> None:
        """Delete a VPC and what was created with it. Raises InvalidVpcID.NotFound, DependencyViolation."""
        vpc = self._get(Vpc, vpc_id)
        made_with_it = {vpc.main_route_table_id, vpc.default_security_group_id, vpc.default_network_acl_id}
        contents = [
            record
            for kind in (Subnet, RouteTable, SecurityGroup, NetworkAcl, InternetGateway)
            for record in self._store.by(kind, "vpc_id", vpc_id)
        ]
        remaining = [record.id for record in contents if record.id not in made_with_it]
        if remaining:
            raise CloudError(
                "DependencyViolation",
                f"the vpc '{vpc_id}' has dependencies and cannot be deleted: {', '.join(remaining)}",
            )
        for record in (*contents, vpc):
            self._store.delete(record)

    def describe_vpcs(self) -> tuple[Vpc, ...]:
        return self._store.all(Vpc)

    def _main_route_table(self, vpc: Vpc) -> RouteTable:
        return RouteTable(
            id=vpc.main_route_table_id,
            origin=self._origin(vpc.main_route_table_id),
            vpc_id=vpc.id,
            main=True,
            routes=(self._local_route(vpc, vpc.main_route_table_id),),
        )

    def _local_route(self, vpc: Vpc, route_table_id: str) -> Route:
        origin = self._origin(route_table_id)
        return Route(vpc.cidr_block, LOCAL, ACTIVE, origin, origin)
