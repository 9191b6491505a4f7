"""From the cloud's state to the Topology: a pure function.

It reads lab.cloud and writes lab.topology. The same state always gives the same Topology, whatever machine it is compiled on.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, EnsInstance, EnsNetwork
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.cloud.record import Record
from lab.cloud.terminals import HomeRouter, Terminal
from lab.compiler import alibaba_vpc, aws_vpc, ccn, cen, controller, ens, private_zone, resolver, terminal
from lab.compiler.device import devices_of, running_claims
from lab.compiler.draft import Draft
from lab.compiler.scope import part_around
from lab.topology import Topology

__all__ = ["compile_topology", "part_around"]

R = TypeVar("R", bound=Record)


def compile_topology(cloud: Cloud, only: Collection[str] | None = None) -> Topology:
    """The network that the cloud's state describes. Nodes first, then the transits that join them, then what these teach.

    With `only`, the ids of a part of it as `part_around` gives them, that part and the internet.
    """
    draft = Draft()
    devices = devices_of(tuple(running_claims(cloud)))
    for aws in _chosen(cloud, AwsVpc, only):
        aws_vpc.write_vpc(draft, cloud, aws, devices)
    vpcs = _chosen(cloud, AlibabaVpc, only)
    for vpc in vpcs:
        alibaba_vpc.write_vpc(draft, cloud, vpc)
        private_zone.write_servers(draft, cloud, vpc)
    for network in _chosen(cloud, EnsNetwork, only):
        ens.write_network(draft, cloud, network, devices)
    for instance in _chosen(cloud, EnsInstance, only):
        ens.write_lone_instance(draft, cloud, instance, devices)
    for router in _chosen(cloud, HomeRouter, only):
        terminal.write_router(draft, cloud, router)
    for each in _chosen(cloud, Terminal, only):
        terminal.write_terminal(draft, cloud, each)
    presences = _chosen(cloud, CloudConnectNetwork, only)
    for presence in presences:
        ccn.write_ccn(draft, cloud, presence, devices)
    for transit in _chosen(cloud, Cen, only):
        cen.write_cen(draft, cloud, transit)
    for presence in presences:
        ccn.write_routes(draft, cloud, presence)
    for vpc in vpcs:
        alibaba_vpc.write_routes(draft, cloud, vpc)
    resolver.write_resolver(draft)
    controller.write_controller(draft, cloud, devices)
    return draft.freeze()


def _chosen(cloud: Cloud, kind: type[R], only: Collection[str] | None) -> list[R]:
    """The records of a kind in the order of creation, all or those named."""
    if only is None:
        return list(cloud.store.all(kind))
    found = (cloud.store.find(kind, resource) for resource in only)
    return sorted((record for record in found if record is not None), key=lambda record: record.origin.number)
