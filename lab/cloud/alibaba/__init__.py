"""Alibaba Cloud: the operations of Smart Access Gateway and its app, CEN, VPC and ECS that the documents' networks need."""

from __future__ import annotations

from lab.cloud.alibaba.account import AccountOperations
from lab.cloud.alibaba.app.acceleration_plan import AccelerationPlan, AccelerationPlanOperations
from lab.cloud.alibaba.app.code import EnterpriseCode
from lab.cloud.alibaba.app.enterprise_code import EnterpriseCodeOperations
from lab.cloud.alibaba.app.instance import AppInstanceOperations
from lab.cloud.alibaba.app.network import AppNetworkOperations
from lab.cloud.alibaba.app.order import SoftwareOrder, SoftwareOrderOperations, SoftwarePurchase
from lab.cloud.alibaba.app.resources import AppSession, ClientUser, SagApp
from lab.cloud.alibaba.app.roaming import RoamingOperations
from lab.cloud.alibaba.app.session import AppSessionOperations
from lab.cloud.alibaba.app.subscription import SoftwareSubscriptionOperations
from lab.cloud.alibaba.app.usage import BillLine, ClientUsage, ClientUsageOperations, MeterReading, UserFlow
from lab.cloud.alibaba.cen_bandwidth_package import CenBandwidthPackageOperations
from lab.cloud.alibaba.cloud_connect_network import CloudConnectNetworkOperations
from lab.cloud.alibaba.controller_certificate import ControllerCertificate, ControllerCertificateOperations
from lab.cloud.alibaba.device import DeviceOperations, HighAvailability
from lab.cloud.alibaba.ens import ENS_LINUX, ENS_SAG_VCPE, EnsOperations
from lab.cloud.alibaba.ens_security_group import EnsSecurityGroupOperations
from lab.cloud.alibaba.event import EventName, Level, SystemEvent
from lab.cloud.alibaba.instance import InstanceOperations
from lab.cloud.alibaba.order import OrderOperations, Purchase, SmartAccessGatewayOrder
from lab.cloud.alibaba.peak_bandwidth import PeakBandwidthOperations
from lab.cloud.alibaba.private_zone import PrivateZone, PrivateZoneOperations, PrivateZoneRoute, ZoneRecord
from lab.cloud.alibaba.resources import (
    Account,
    Cen,
    CenAttachment,
    CenBandwidthPackage,
    CloudConnectNetwork,
    Device,
    EnsInstance,
    EnsNetwork,
    EnsSecurityGroup,
    Instance,
    InterRegionLimit,
    NetworkInterface,
    Permission,
    RouteEntry,
    RouteTable,
    SecurityGroup,
    SmartAccessGateway,
    Vpc,
    VSwitch,
)
from lab.cloud.alibaba.route_publication import PublishedRoute, RouteConflict, RoutePublicationOperations
from lab.cloud.alibaba.route_table import RouteTableOperations
from lab.cloud.alibaba.security_group import SecurityGroupOperations
from lab.cloud.alibaba.smart_access_gateway import SmartAccessGatewayOperations
from lab.cloud.alibaba.subscription import SubscriptionOperations
from lab.cloud.alibaba.ticket import Ticket, TicketOperations
from lab.cloud.alibaba.v_switch import VSwitchOperations
from lab.cloud.alibaba.vpc import VpcOperations

__all__ = [
    "ENS_LINUX",
    "ENS_SAG_VCPE",
    "AccelerationPlan",
    "Account",
    "Alibaba",
    "AppSession",
    "BillLine",
    "Cen",
    "CenAttachment",
    "CenBandwidthPackage",
    "ClientUsage",
    "ClientUser",
    "CloudConnectNetwork",
    "ControllerCertificate",
    "Device",
    "EnsInstance",
    "EnsNetwork",
    "EnsSecurityGroup",
    "EnterpriseCode",
    "EventName",
    "HighAvailability",
    "Instance",
    "InterRegionLimit",
    "Level",
    "MeterReading",
    "NetworkInterface",
    "Permission",
    "PrivateZone",
    "PrivateZoneRoute",
    "PublishedRoute",
    "Purchase",
    "RouteConflict",
    "RouteEntry",
    "RouteTable",
    "SagApp",
    "SecurityGroup",
    "SmartAccessGateway",
    "SmartAccessGatewayOrder",
    "SoftwareOrder",
    "SoftwarePurchase",
    "SystemEvent",
    "Ticket",
    "UserFlow",
    "VSwitch",
    "Vpc",
    "ZoneRecord",
]


class Alibaba(
    AccountOperations,
    SoftwareOrderOperations,
    SoftwareSubscriptionOperations,
    AppInstanceOperations,
    AppNetworkOperations,
    EnterpriseCodeOperations,
    RoamingOperations,
    AccelerationPlanOperations,
    ClientUsageOperations,
    AppSessionOperations,
    OrderOperations,
    SubscriptionOperations,
    PeakBandwidthOperations,
    DeviceOperations,
    ControllerCertificateOperations,
    TicketOperations,
    SmartAccessGatewayOperations,
    CloudConnectNetworkOperations,
    CenBandwidthPackageOperations,
    RoutePublicationOperations,
    VpcOperations,
    VSwitchOperations,
    RouteTableOperations,
    SecurityGroupOperations,
    InstanceOperations,
    EnsOperations,
    EnsSecurityGroupOperations,
    PrivateZoneOperations,
):
    """The calls of an Alibaba Cloud account. What the provider would refuse raises CloudError and changes nothing."""
