"""Which routes become known where, once gateways, CCN, CEN and VPCs are tied together (document 000…, step 3.3; S0-052).

A VPC announces its CIDR block and the custom routes that were published, a gateway the networks entered as its static routes, a
SAG app instance the blocks that its clients are numbered from (document 002…, 2 step 2). A CCN knows its gateways' and clients'
networks and, bound to a CEN, everything the CEN knows; a CEN knows its VPCs and what is on its CCNs. Nobody learns its own. A
route's origin is the call that announced it: for a VPC its attachment, for a custom route the call that published it, for a
gateway or an instance the call that entered its networks.

Not every route that is offered can be taken; its status says why (cbn 2017-09-12, DescribeRouteConflict).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network

from lab.cloud.alibaba.app.resources import SagApp
from lab.cloud.alibaba.private_zone import SERVERS, routes_of
from lab.cloud.alibaba.region import area_of
from lab.cloud.alibaba.resources import (
    CCN,
    VPC,
    Cen,
    CenAttachment,
    CloudConnectNetwork,
    RouteTable,
    SmartAccessGateway,
    Vpc,
    VSwitch,
)
from lab.cloud.alibaba.vpc import FORBIDDEN
from lab.cloud.store import Store
from lab.origin import Origin

# The next hop types of a gateway's networks, of clients' and of the servers of PrivateZone; "VPC" is that of a VPC's.
GATEWAY = "SAG"
APP = "SAG-APP"
PRIVATE_ZONE = "PrivateZone"

# Our choice: how many routes of its CEN a network takes. The provider's number depends on the account.
ROUTES = 200


class RouteStatus(StrEnum):
    """Whether a route holds where it is offered, or why not."""

    ACTIVE = "Active"
    CONFLICT = "conflict"  # there is another route to the same destination
    OVERFLOW = "overflow"  # there are as many routes as there may be
    PROHIBITED = "prohibited"  # the destination is one the provider keeps for itself


@dataclass(frozen=True, slots=True)
class LearnedRoute:
    """A route nobody entered where it holds. `next_hop_id` is the VPC, gateway or SAG app instance that it lies behind.

    `child_instance_id` is the network through which it is known: the VPC, or the CCN.
    """

    destination: IPv4Network
    next_hop_id: str
    next_hop_type: str
    child_instance_id: str
    origin: Origin
    status: RouteStatus = RouteStatus.ACTIVE
    access_region_id: str = ""  # in which region alone it is known; empty for everywhere

    def serves(self, region_id: str) -> bool:
        """Whether it is known to a CCN of a region."""
        return self.access_region_id in ("", region_id)


def cen_routes(store: Store, cen_id: str) -> tuple[LearnedRoute, ...]:
    """What a CEN knows. Raises UnknownRecord."""
    return _active(announced(store, store.get(Cen, cen_id)))


def ccn_routes(store: Store, ccn_id: str) -> tuple[LearnedRoute, ...]:
    """What a CCN knows. Raises UnknownRecord."""
    return _active(offered(store, store.get(CloudConnectNetwork, ccn_id)))


def gateway_routes(store: Store, smart_ag_id: str) -> tuple[LearnedRoute, ...]:
    """What a gateway learns from its CCN; nothing while it is bound to none. Raises UnknownRecord."""
    gateway = store.get(SmartAccessGateway, smart_ag_id)
    if gateway.ccn_id is None:
        return ()
    return tuple(route for route in ccn_routes(store, gateway.ccn_id) if route.next_hop_id != smart_ag_id)


def client_routes(store: Store, smart_ag_id: str) -> tuple[LearnedRoute, ...]:
    """What the clients of a SAG app instance learn; nothing while it is bound to no CCN. Raises UnknownRecord."""
    app = store.get(SagApp, smart_ag_id)
    if app.ccn_id is None:
        return ()
    return tuple(route for route in ccn_routes(store, app.ccn_id) if route.next_hop_id != smart_ag_id)


def vpc_routes(store: Store, vpc_id: str) -> tuple[LearnedRoute, ...]:
    """What a VPC learns from its CEN; nothing while it is attached to none. Raises UnknownRecord."""
    return _active(offered(store, store.get(Vpc, vpc_id)))


def announced(store: Store, cen: Cen) -> tuple[LearnedRoute, ...]:
    """All that the networks of a CEN announce. What is announced by itself comes before what was published."""
    return store.derived((announced, cen.id), lambda: _announced(store, cen))


def _announced(store: Store, cen: Cen) -> tuple[LearnedRoute, ...]:
    own = [route for attachment in cen.attachments for route in _announced_by_itself(store, attachment)]
    published = [route for vpc_id in cen.child_instance_ids for route in _published(store, vpc_id)]
    judged = _judged((*own, *published), taken=(), room=len(own) + len(published))
    return (*judged, *_private_zone_routes(store, cen))


def offered(store: Store, network: Vpc | CloudConnectNetwork) -> tuple[LearnedRoute, ...]:
    """All that an attached network could learn, and for each route whether it does."""
    return store.derived((offered, network.id), lambda: _offered(store, network))


def _offered(store: Store, network: Vpc | CloudConnectNetwork) -> tuple[LearnedRoute, ...]:
    if isinstance(network, CloudConnectNetwork):
        if network.cen_id is None:
            return tuple(_judged(_members_of(store, network.id), taken=()))
        known = announced(store, store.get(Cen, network.cen_id))
        return tuple(_judged((route for route in known if route.serves(network.region_id)), taken=()))
    foreign = (
        route
        for cen in store.by(Cen, "child_instance_ids", network.id)
        for route in announced(store, cen)
        if route.child_instance_id != network.id and route.next_hop_type != PRIVATE_ZONE
    )
    return tuple(_judged(foreign, taken=_own_destinations(store, network)))


def _active(routes: Iterable[LearnedRoute]) -> tuple[LearnedRoute, ...]:
    return tuple(route for route in routes if route.status is RouteStatus.ACTIVE)


def _judged(routes: Iterable[LearnedRoute], taken: Collection[IPv4Network], room: int = ROUTES) -> Iterator[LearnedRoute]:
    """Each route with its status in a table that has routes to `taken` already, and room for so many more.

    One that lost before stays lost.
    """
    known = set(taken)
    for route in routes:
        status = route.status
        if status is not RouteStatus.ACTIVE or route.next_hop_type == PRIVATE_ZONE:
            yield route
            continue
        if _is_forbidden(route.destination):
            status = RouteStatus.PROHIBITED
        elif route.destination in known:
            status = RouteStatus.CONFLICT
        elif not room:
            status = RouteStatus.OVERFLOW
        else:
            known.add(route.destination)
            room -= 1
        yield route if status is route.status else replace(route, status=status)


@lru_cache(maxsize=4096)
def _is_forbidden(destination: IPv4Network) -> bool:
    return any(destination.overlaps(block) for block in FORBIDDEN)


def _own_destinations(store: Store, vpc: Vpc) -> set[IPv4Network]:
    """What a VPC has routes to without any CEN: itself, its vSwitches, its custom entries."""
    switches = {switch.cidr_block for switch in store.by(VSwitch, "vpc_id", vpc.id)}
    custom = {route.destination for route in store.get(RouteTable, vpc.route_table_id).routes}
    return {vpc.cidr_block} | switches | custom


def _announced_by_itself(store: Store, attachment: CenAttachment) -> Iterator[LearnedRoute]:
    child_id = attachment.child_instance_id
    if attachment.child_instance_type == CCN:
        yield from _members_of(store, child_id)
    elif attachment.publish_origin is not None:
        yield LearnedRoute(store.get(Vpc, child_id).cidr_block, child_id, VPC, child_id, attachment.publish_origin)


def _published(store: Store, vpc_id: str) -> Iterator[LearnedRoute]:
    for table in store.by(RouteTable, "vpc_id", vpc_id):
        for route in table.routes:
            if route.publish_origin is not None:
                yield LearnedRoute(route.destination, vpc_id, VPC, vpc_id, route.publish_origin)


def _members_of(store: Store, ccn_id: str) -> Iterator[LearnedRoute]:
    for gateway in store.by(SmartAccessGateway, "ccn_id", ccn_id):
        for block in gateway.cidr_blocks:
            yield LearnedRoute(block, gateway.id, GATEWAY, ccn_id, gateway.cidr_origin)
    for app in store.by(SagApp, "ccn_id", ccn_id):
        for block in app.private_cidrs:
            yield LearnedRoute(block, app.id, APP, ccn_id, app.cidr_origin)


def _private_zone_routes(store: Store, cen: Cen) -> Iterator[LearnedRoute]:
    """To the servers of PrivateZone, which the provider itself has put where it lets nobody else announce anything."""
    for route in routes_of(store, cen.id):
        for server in SERVERS:
            known = IPv4Network(server), route.host_vpc_id, PRIVATE_ZONE, route.host_vpc_id, route.origin
            yield LearnedRoute(*known, access_region_id=route.access_region_id)


def may_pass(cen: Cen, sender: CenAttachment, receiver: CenAttachment) -> bool:
    """Whether traffic of a CEN passes between two attached networks: without a plan, or with bandwidth between their regions."""
    regions = {sender.child_instance_region_id, receiver.child_instance_region_id}
    return needs_no_plan(sender, receiver) or any(set(limit.region_ids) == regions for limit in cen.inter_region_limits)


def needs_no_plan(sender: CenAttachment, receiver: CenAttachment) -> bool:
    """Whether two attached networks are in one region; for a CCN, in one area, as it serves a whole one."""
    regions = sender.child_instance_region_id, receiver.child_instance_region_id
    return regions[0] == regions[1] or (
        CCN in (sender.child_instance_type, receiver.child_instance_type) and area_of(regions[0]) == area_of(regions[1])
    )
