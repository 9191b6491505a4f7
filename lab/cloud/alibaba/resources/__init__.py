"""What a customer of Alibaba Cloud owns, as frozen records; the operations on each have a file of their own.

They refer to each other by id. Attribute names are those of the provider's APIs in snake_case: smartag 2018-03-13,
cbn 2017-09-12, vpc, ecs, ens.
"""

from lab.cloud.alibaba.resources.cen import (
    CCN,
    VPC,
    Cen,
    CenAttachment,
    CenBandwidthPackage,
    InterRegionLimit,
)
from lab.cloud.alibaba.resources.ecs import (
    RUNNING,
    STOPPED,
    Instance,
    NetworkInterface,
    Permission,
    SecurityGroup,
)
from lab.cloud.alibaba.resources.ens import (
    EnsInstance,
    EnsNetwork,
    EnsSecurityGroup,
)
from lab.cloud.alibaba.resources.smart_access_gateway import (
    ACTIVE,
    ACTIVE_ACTIVE,
    ACTIVE_ROLE,
    ACTIVE_STANDBY,
    ARREARAGE,
    DYNAMIC,
    ORDERED,
    SINGLE,
    STANDBY_ROLE,
    STATIC,
    STATIC_ROUTES,
    Account,
    CloudConnectNetwork,
    Device,
    SmartAccessGateway,
)
from lab.cloud.alibaba.resources.vpc import (
    RouteEntry,
    RouteTable,
    Vpc,
    VSwitch,
)

__all__ = [
    "ACTIVE",
    "ACTIVE_ACTIVE",
    "ACTIVE_ROLE",
    "ACTIVE_STANDBY",
    "ARREARAGE",
    "CCN",
    "DYNAMIC",
    "ORDERED",
    "RUNNING",
    "SINGLE",
    "STANDBY_ROLE",
    "STATIC",
    "STATIC_ROUTES",
    "STOPPED",
    "VPC",
    "Account",
    "Cen",
    "CenAttachment",
    "CenBandwidthPackage",
    "CloudConnectNetwork",
    "Device",
    "EnsInstance",
    "EnsNetwork",
    "EnsSecurityGroup",
    "Instance",
    "InterRegionLimit",
    "NetworkInterface",
    "Permission",
    "RouteEntry",
    "RouteTable",
    "SecurityGroup",
    "SmartAccessGateway",
    "VSwitch",
    "Vpc",
]
