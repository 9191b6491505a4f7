"""Routes of a VPC or an edge network: one that is missing, leads nowhere, or to the internet instead of a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from lab.cloud.alibaba.resources import EnsNetwork
from lab.cloud.alibaba.resources import RouteTable as VpcTable
from lab.cloud.aws.resources import InternetGateway, RouteTable
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.explanation.call import Call, Result
from lab.explanation.client import client_remedies
from lab.explanation.remedies.machine import start
from lab.explanation.remedies.remedy import Remedy
from lab.explanation.remedies.transit import junction
from lab.explanation.site import gateways_in, is_private
from lab.explanation.situation import Situation
from lab.topology import ANY


def no_route(situation: Situation) -> Iterator[Remedy]:
    """A route where there is none, or whatever teaches one."""
    vpc = situation.vpc_of_node()
    network = situation.cloud.store.find(EnsNetwork, situation.hop.node.resource)
    if vpc is not None:
        yield from _aws_route(situation, vpc)
    elif network is not None:
        yield from _edge_route(situation, network)
    else:
        yield from client_remedies(situation)
        yield from junction(situation)


def _edge_route(situation: Situation, network: EnsNetwork) -> Iterator[Remedy]:
    for running in gateways_in(situation.cloud, network):
        yield (
            Call.of(
                "alibaba.create_ens_route_entry",
                network_id=network.id,
                destination_cidr_block=str(situation.block(situation.packet.destination)),
                next_hop_id=running.instance_id,
            ),
        )


def _aws_route(situation: Situation, vpc: AwsVpc) -> Iterator[Remedy]:
    """A route in the table that had none: to a gateway, or for a public address to the internet."""
    place = situation.place
    table = situation.cloud.store.find(RouteTable, place.where) if place is not None else None
    destination = situation.packet.destination
    if table is None:
        return
    if not is_private(destination) and situation.site(destination) is None:
        yield _to_internet(situation, vpc, table)
        return
    for running in gateways_in(situation.cloud, vpc):
        yield (_route_to(table, situation.block(destination), network_interface_id=running.network_interface_id),)


def _route_to(table: RouteTable, destination: IPv4Network, **target: object) -> Call:
    """A route in an AWS table, in the place of one for the same block."""
    known = any(route.destination == destination for route in table.routes)
    name = "aws.replace_route" if known else "aws.create_route"
    return Call.of(name, route_table_id=table.id, destination_cidr_block=str(destination)).adding(target)


def _to_internet(situation: Situation, vpc: AwsVpc, table: RouteTable) -> Remedy:
    store = situation.cloud.store
    attached = store.by(InternetGateway, "vpc_id", vpc.id)
    free = [gateway for gateway in store.all(InternetGateway) if gateway.vpc_id is None]
    calls: list[Call] = []
    gateway: str | Result = Result("igw")
    if attached:
        gateway = attached[0].id
    elif free:
        gateway = free[0].id
    else:
        calls.append(Call.of("aws.create_internet_gateway", result="igw"))
    if not attached:
        calls.append(Call.of("aws.attach_internet_gateway", internet_gateway_id=gateway, vpc_id=vpc.id))
    return (*calls, _route_to(table, ANY, gateway_id=gateway))


def private_at_the_edge(situation: Situation) -> Iterator[Remedy]:
    """A private destination went to the internet gateway: a gateway's own routes, or the subnet's, do not know better."""
    sender = situation.hop.interface_in.resource if situation.hop.interface_in is not None else ""
    vpc = situation.vpc_of_node()
    if vpc is None:
        return
    if any(running.network_interface_id == sender for running in gateways_in(situation.cloud, vpc)):
        yield from junction(situation)
        return
    route = situation.hop.route
    table = situation.cloud.store.find(RouteTable, route.origin.resource) if route is not None else None
    if table is None:
        return
    block = situation.block(situation.packet.destination)
    for running in gateways_in(situation.cloud, vpc):
        yield (_route_to(table, block, network_interface_id=running.network_interface_id),)


def blackhole(situation: Situation) -> Iterator[Remedy]:
    """The route's target back: started, attached; or another target; or no such route."""
    store = situation.cloud.store
    route = situation.hop.route
    table = store.find(RouteTable, route.origin.resource) if route is not None else None
    if route is not None and table is not None:
        target = next((one.target for one in table.routes if one.destination == route.destination), "")
        yield from start(situation, target)
        vpc = store.get(AwsVpc, table.vpc_id)
        if store.find(InternetGateway, target) is not None:
            yield (Call.of("aws.attach_internet_gateway", internet_gateway_id=target, vpc_id=vpc.id),)
        for running in gateways_in(situation.cloud, vpc):
            yield (_route_to(table, route.destination, network_interface_id=running.network_interface_id),)
        yield (Call.of("aws.delete_route", route_table_id=table.id, destination_cidr_block=str(route.destination)),)
    elif route is not None and (network := store.find(EnsNetwork, route.origin.resource)) is not None:
        yield from start(situation, next(it.next_hop_id for it in network.routes if it.destination == route.destination))
        block = str(route.destination)
        yield (Call.of("alibaba.delete_ens_route_entry", network_id=network.id, destination_cidr_block=block),)
    elif route is not None and store.find(VpcTable, route.origin.resource) is not None:
        yield (
            Call.of(
                "alibaba.delete_route_entry",
                route_table_id=route.origin.resource,
                destination_cidr_block=str(route.destination),
            ),
        )
