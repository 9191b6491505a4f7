"""The parts of a scenario's network by the names that it gave them, in clouds in memory or of a lab that is up."""

from __future__ import annotations

from typing import Protocol, TypeVar

from lab.cloud.alibaba import Alibaba
from lab.cloud.alibaba.app.resources import SagApp
from lab.cloud.alibaba.region import REGIONS
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, SmartAccessGateway
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws import Aws
from lab.cloud.aws.resources import RouteTable, Subnet, Vpc
from lab.cloud.clock import Clock
from lab.cloud.terminals import Terminals

T = TypeVar("T")


class Clouds(Protocol):
    """What a fault is made in: a Cloud, or a connection to a lab that is up."""

    @property
    def aws(self) -> Aws: ...

    @property
    def alibaba(self) -> Alibaba: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def terminals(self) -> Terminals: ...


class Parts:
    """Looks each part up when it is asked for."""

    def __init__(self, clouds: Clouds) -> None:
        self.aws = clouds.aws
        self.alibaba = clouds.alibaba
        self.clock = clouds.clock
        self.terminals = clouds.terminals

    def instance(self, name: str) -> str:
        return next(instance.id for instance in self.aws.describe_instances() if instance.name == name)

    def interface(self, name: str) -> str:
        return next(each.network_interface_ids[0] for each in self.aws.describe_instances() if each.name == name)

    def group(self, name: str) -> str:
        return next(group.id for group in self.aws.describe_security_groups() if group.group_name == name)

    def subnet(self, name: str) -> Subnet:
        return next(subnet for subnet in self.aws.describe_subnets() if subnet.name == name)

    @property
    def vpc(self) -> Vpc:
        return self.aws.describe_vpcs()[0]

    @property
    def main_table(self) -> str:
        return self.vpc.main_route_table_id

    @property
    def public_table(self) -> RouteTable:
        return next(table for table in self.aws.describe_route_tables() if not table.main)

    @property
    def ecs_group(self) -> str:
        return self.alibaba.describe_security_groups()[0].id

    @property
    def cloud_vpc(self) -> AlibabaVpc:
        return self.alibaba.describe_vpcs()[0]

    @property
    def gateway(self) -> SmartAccessGateway:
        return self.alibaba.describe_smart_access_gateways()[0]

    @property
    def app(self) -> SagApp:
        """The instance of the SAG app."""
        return next(app for region in REGIONS for app in self.alibaba.describe_smart_access_gateway_softwares(region))

    @property
    def ccn(self) -> CloudConnectNetwork:
        return self.alibaba.describe_cloud_connect_networks()[0]

    @property
    def cen(self) -> Cen:
        return self.alibaba.describe_cens()[0]
