"""Where an address is at home: the network of a machine, and what leads out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.cloud import Cloud
from lab.cloud.alibaba.app.resources import AppSession, SagApp
from lab.cloud.alibaba.resources import RUNNING as ENS_RUNNING
from lab.cloud.alibaba.resources import STOPPED as ENS_STOPPED
from lab.cloud.alibaba.resources import EnsInstance, EnsNetwork, SmartAccessGateway
from lab.cloud.alibaba.resources import NetworkInterface as EcsInterface
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import RUNNING, STOPPED, Instance
from lab.cloud.aws.resources import NetworkInterface as EniInterface
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.compiler.device import claim_of

Home = AwsVpc | EnsNetwork  # what a gateway's machine may stand in
Site = Home | AlibabaVpc

_PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))  # RFC 1918


@dataclass(frozen=True, slots=True)
class GatewayThere:
    """A gateway whose device is in a network, its machine, and the network interface that this is reached at.

    The interface of an ENS instance has no id of its own, and bears the instance's.
    """

    gateway: SmartAccessGateway
    network_interface_id: str
    instance_id: str


def site_of_interface(cloud: Cloud, network_interface_id: str) -> Site | None:
    """The VPC of a network interface of either cloud, or the network of an ENS instance."""
    eni = cloud.store.find(EniInterface, network_interface_id)
    if eni is not None:
        return cloud.store.find(AwsVpc, eni.vpc_id)
    ecs = cloud.store.find(EcsInterface, network_interface_id)
    if ecs is not None:
        return cloud.store.find(AlibabaVpc, ecs.vpc_id)
    edge = cloud.store.find(EnsInstance, network_interface_id)
    return cloud.store.find(EnsNetwork, edge.network_id or "") if edge is not None else None


def site_of_address(cloud: Cloud, address: IPv4Address) -> Site | None:
    """The network whose block an address lies in; of several the first. Public addresses have none."""
    return next(iter(sites_of_address(cloud, address)), None)


def sites_of_address(cloud: Cloud, address: IPv4Address) -> list[Site]:
    """The networks whose blocks hold an address."""
    sites: tuple[Site, ...] = (*cloud.store.all(AwsVpc), *cloud.store.all(AlibabaVpc), *cloud.store.all(EnsNetwork))
    return [site for site in sites if address in site.cidr_block]


def name_of_site(site: Site) -> str:
    """What a person calls it, else its id."""
    if isinstance(site, AwsVpc):
        return site.name or site.id
    return (site.vpc_name if isinstance(site, AlibabaVpc) else site.network_name) or site.id


def block_of_client(cloud: Cloud, address: IPv4Address) -> IPv4Network | None:
    """The private CIDR block of a SAG app instance from which a client that is connected now has this address."""
    for app in cloud.store.all(SagApp):
        if cloud.store.count(AppSession, "place", (app.id, address)):
            return next((block for block in app.private_cidrs if address in block), None)
    return None


def is_private(address: IPv4Address) -> bool:
    return any(address in network for network in _PRIVATE)


def gateways_in(cloud: Cloud, home: Home, *, stopped: bool = False) -> list[GatewayThere]:
    """The gateways whose machines in a network are running, or are stopped; those bound to a CCN first."""
    found = []
    machines = _edge_machines(cloud, home, stopped) if isinstance(home, EnsNetwork) else _machines(cloud, home, stopped)
    for machine, interface in machines:
        claim = claim_of(cloud, machine)
        if claim is not None:
            found.append(GatewayThere(claim.gateway, interface, machine.id))
    return sorted(found, key=lambda one: one.gateway.ccn_id is None)


def _machines(cloud: Cloud, vpc: AwsVpc, stopped: bool) -> Iterator[tuple[Instance, str]]:
    """Instances, each with its primary interface."""
    for eni in cloud.store.by(EniInterface, "vpc_id", vpc.id):
        instance = cloud.store.find(Instance, eni.instance_id or "")
        if instance is not None and eni.device_index == 0 and instance.state == (STOPPED if stopped else RUNNING):
            yield instance, eni.id


def _edge_machines(cloud: Cloud, network: EnsNetwork, stopped: bool) -> Iterator[tuple[EnsInstance, str]]:
    for instance in cloud.store.by(EnsInstance, "network_id", network.id):
        if instance.state == (ENS_STOPPED if stopped else ENS_RUNNING):
            yield instance, instance.id
