"""Amazon Web Services: the operations of EC2 that the documents' networks need."""

from __future__ import annotations

from lab.cloud.aws.image import LINUX, SAG_VCPE
from lab.cloud.aws.instance import InstanceOperations
from lab.cloud.aws.instance_type import InstanceType, instance_type
from lab.cloud.aws.internet_gateway import InternetGatewayOperations
from lab.cloud.aws.resources import (
    AclEntry,
    Address,
    Image,
    Instance,
    InternetGateway,
    IpPermission,
    NetworkAcl,
    NetworkInterface,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from lab.cloud.aws.route_table import RouteTableOperations
from lab.cloud.aws.subnet import SubnetOperations
from lab.cloud.aws.vpc import VpcOperations

__all__ = [
    "LINUX",
    "SAG_VCPE",
    "AclEntry",
    "Address",
    "Aws",
    "Image",
    "Instance",
    "InstanceType",
    "InternetGateway",
    "IpPermission",
    "NetworkAcl",
    "NetworkInterface",
    "Route",
    "RouteTable",
    "SecurityGroup",
    "Subnet",
    "Vpc",
    "instance_type",
]


class Aws(
    VpcOperations,
    SubnetOperations,
    RouteTableOperations,
    InternetGatewayOperations,
    InstanceOperations,
):
    """The calls of one AWS account. What the provider would refuse raises CloudError and changes nothing."""
