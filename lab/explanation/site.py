"""Where an address is at home: the VPC of a machine, and what leads out of it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import NetworkInterface as EcsInterface
from lab.cloud.alibaba.resources import SmartAccessGateway
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import RUNNING, Instance
from lab.cloud.aws.resources import NetworkInterface as EniInterface
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.compiler.device import claim_of

Site = AwsVpc | AlibabaVpc

_PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))  # RFC 1918


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway whose device is in a VPC, its machine, and the network interface that this is reached at."""

    gateway: SmartAccessGateway
    network_interface_id: str
    instance_id: str


def site_of_interface(cloud: Cloud, network_interface_id: str) -> Site | None:
    """The VPC of a network interface of either cloud."""
    eni = cloud.store.find(EniInterface, network_interface_id)
    if eni is not None:
        return cloud.store.find(AwsVpc, eni.vpc_id)
    ecs = cloud.store.find(EcsInterface, network_interface_id)
    return cloud.store.find(AlibabaVpc, ecs.vpc_id) if ecs is not None else None


def site_of_address(cloud: Cloud, address: IPv4Address) -> Site | None:
    """The VPC whose block an address lies in; of several the first. Public addresses have none."""
    vpcs: tuple[Site, ...] = (*cloud.store.all(AwsVpc), *cloud.store.all(AlibabaVpc))
    return next((vpc for vpc in vpcs if address in vpc.cidr_block), None)


def is_private(address: IPv4Address) -> bool:
    return any(address in network for network in _PRIVATE)


def gateways_in(cloud: Cloud, vpc: AwsVpc, *, state: str = RUNNING) -> list[RunningGateway]:
    """The gateways whose machines in an AWS VPC are running, or in another state; those bound to a CCN first."""
    found = []
    for eni in cloud.store.by(EniInterface, "vpc_id", vpc.id):
        instance = cloud.store.find(Instance, eni.instance_id or "")
        if instance is None or instance.state != state or eni.device_index != 0:
            continue
        claim = claim_of(cloud, instance)
        if claim is not None:
            found.append(RunningGateway(claim.gateway, eni.id, instance.id))
    return sorted(found, key=lambda one: one.gateway.ccn_id is None)
