"""Alibaba Cloud: the operations of Smart Access Gateway, CEN, VPC and ECS that the documents' networks need."""

from __future__ import annotations

from lab.cloud.alibaba.cloud_connect_network import CloudConnectNetworkOperations
from lab.cloud.alibaba.instance import InstanceOperations
from lab.cloud.alibaba.resources import (
    Cen,
    CenAttachment,
    CloudConnectNetwork,
    Device,
    Instance,
    NetworkInterface,
    Permission,
    RouteEntry,
    RouteTable,
    SecurityGroup,
    SmartAccessGateway,
    Vpc,
    VSwitch,
)
from lab.cloud.alibaba.route_table import RouteTableOperations
from lab.cloud.alibaba.security_group import SecurityGroupOperations
from lab.cloud.alibaba.smart_access_gateway import Purchase, SmartAccessGatewayOperations
from lab.cloud.alibaba.v_switch import VSwitchOperations
from lab.cloud.alibaba.vpc import VpcOperations

__all__ = [
    "Alibaba",
    "Cen",
    "CenAttachment",
    "CloudConnectNetwork",
    "Device",
    "Instance",
    "NetworkInterface",
    "Permission",
    "Purchase",
    "RouteEntry",
    "RouteTable",
    "SecurityGroup",
    "SmartAccessGateway",
    "VSwitch",
    "Vpc",
]


class Alibaba(
    SmartAccessGatewayOperations,
    CloudConnectNetworkOperations,
    VpcOperations,
    VSwitchOperations,
    RouteTableOperations,
    SecurityGroupOperations,
    InstanceOperations,
):
    """The calls of one Alibaba Cloud account. What the provider would refuse raises CloudError and changes nothing."""
