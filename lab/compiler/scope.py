"""The part of the clouds that packets between given machines can ever meet, so that a large cloud need not be compiled whole.

Networks are joined by attachments: a VPC to its CEN, a CCN to its CEN, a gateway's network to its CCN. Whatever is joined,
directly or by several steps, is one part. A terminal is joined to its home router, and to the CCN that it is connected to. Parts
meet in the internet only, and there only by a public address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.cloud import Cloud
from lab.cloud.alibaba.app.resources import AppSession, SagApp
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, EnsInstance, EnsNetwork, SmartAccessGateway
from lab.cloud.alibaba.resources import Instance as EcsInstance
from lab.cloud.alibaba.resources import NetworkInterface as EcsInterface
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import Instance, NetworkInterface
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.cloud.terminals import HomeRouter, Terminal
from lab.compiler.app import connected_sessions
from lab.compiler.device import running_claims

Machine = Instance | EcsInstance | EnsInstance


def part_around(cloud: Cloud, resources: Iterable[str]) -> frozenset[str]:
    """The ids of all VPCs, ENS networks, lone ENS instances, CCNs, CENs, terminals and home routers joined to these machines or
    networks."""
    seats = [(claim.gateway, _network_of(cloud, claim.machine)) for claim in running_claims(cloud)]
    found: set[str] = set()
    waiting = [network for resource in resources if (network := _network_named(cloud, resource))]
    while waiting:
        network = waiting.pop()
        if network not in found:
            found.add(network)
            waiting += _joined(cloud, network, seats)
    return frozenset(found)


def _joined(cloud: Cloud, network: str, seats: list[tuple[SmartAccessGateway, str]]) -> Iterator[str]:
    """What hangs on a network directly."""
    store = cloud.store
    for cen in store.by(Cen, "child_instance_ids", network):
        yield cen.id
    for gateway, seat in seats:
        if gateway.ccn_id is not None and network in (seat, gateway.ccn_id):
            yield from (seat, gateway.ccn_id)
    transit = store.find(Cen, network)
    if transit is not None:
        yield from transit.child_instance_ids
    yield from (terminal.id for terminal in store.by(Terminal, "home_router_id", network))
    yield from (session.terminal_id for session in connected_sessions(cloud, network))
    yield from _joined_to_terminal(cloud, store.find(Terminal, network))


def _joined_to_terminal(cloud: Cloud, terminal: Terminal | None) -> Iterator[str]:
    if terminal is None:
        return
    if terminal.home_router_id is not None:
        yield terminal.home_router_id
    for session in cloud.store.by(AppSession, "terminal_id", terminal.id):
        ccn_id = cloud.store.get(SagApp, session.smart_ag_id).ccn_id
        if session.connected and ccn_id is not None:
            yield ccn_id


def _network_named(cloud: Cloud, resource: str) -> str:
    """The network a resource is, or the one it is in; empty for one of neither kind."""
    for kind in (AwsVpc, AlibabaVpc, EnsNetwork, CloudConnectNetwork, Cen, HomeRouter, Terminal):
        if cloud.store.find(kind, resource) is not None:
            return resource
    store = cloud.store
    machine = store.find(Instance, resource) or store.find(EcsInstance, resource) or store.find(EnsInstance, resource)
    return _network_of(cloud, machine) if machine is not None else ""


def _network_of(cloud: Cloud, machine: Machine) -> str:
    if isinstance(machine, EnsInstance):
        return machine.network_id or machine.id
    if isinstance(machine, EcsInstance):
        return cloud.store.get(EcsInterface, machine.network_interface_ids[0]).vpc_id
    return cloud.store.get(NetworkInterface, machine.network_interface_ids[0]).vpc_id
