"""Which routes become known where, once gateways, CCN, CEN and VPCs are tied together (document 000…, step 3.3; S0-052).

A VPC announces its CIDR block, a gateway the networks entered as its static routes. A CCN knows its gateways' networks
and, bound to a CEN, everything the CEN knows; a CEN knows its VPCs and the gateways on its CCNs. Nobody learns its own. A
route's origin is the call that announced it: for a VPC its attachment, for a gateway the call that entered its networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from lab.cloud.alibaba.resources import CCN, VPC, Cen, CloudConnectNetwork, SmartAccessGateway, Vpc
from lab.cloud.store import Store
from lab.origin import Origin

GATEWAY = "SAG"  # the next hop type of a gateway's networks; "VPC" is that of a VPC's


@dataclass(frozen=True, slots=True)
class LearnedRoute:
    """A route nobody entered where it holds. `next_hop_id` is the VPC or the gateway that the destination lies behind."""

    destination: IPv4Network
    next_hop_id: str
    next_hop_type: str
    origin: Origin


def cen_routes(store: Store, cen_id: str) -> tuple[LearnedRoute, ...]:
    """What a CEN knows. Raises UnknownRecord."""
    return tuple(_cen_routes(store, store.get(Cen, cen_id)))


def ccn_routes(store: Store, ccn_id: str) -> tuple[LearnedRoute, ...]:
    """What a CCN knows. Raises UnknownRecord."""
    network = store.get(CloudConnectNetwork, ccn_id)
    if network.cen_id is None:
        return tuple(_gateways_of(store, ccn_id))
    return cen_routes(store, network.cen_id)


def gateway_routes(store: Store, smart_ag_id: str) -> tuple[LearnedRoute, ...]:
    """What a gateway learns from its CCN; nothing while it is bound to none. Raises UnknownRecord."""
    gateway = store.get(SmartAccessGateway, smart_ag_id)
    if gateway.ccn_id is None:
        return ()
    return tuple(route for route in ccn_routes(store, gateway.ccn_id) if route.next_hop_id != smart_ag_id)


def vpc_routes(store: Store, vpc_id: str) -> tuple[LearnedRoute, ...]:
    """What a VPC learns from its CEN; nothing while it is attached to none. Raises UnknownRecord."""
    store.get(Vpc, vpc_id)
    return tuple(
        route
        for cen in store.by(Cen, "child_instance_ids", vpc_id)
        for route in _cen_routes(store, cen)
        if route.next_hop_id != vpc_id
    )


def _cen_routes(store: Store, cen: Cen) -> Iterator[LearnedRoute]:
    for attachment in cen.attachments:
        child_id = attachment.child_instance_id
        if attachment.child_instance_type == VPC:
            yield LearnedRoute(store.get(Vpc, child_id).cidr_block, child_id, VPC, attachment.origin)
        if attachment.child_instance_type == CCN:
            yield from _gateways_of(store, child_id)


def _gateways_of(store: Store, ccn_id: str) -> Iterator[LearnedRoute]:
    for gateway in store.by(SmartAccessGateway, "ccn_id", ccn_id):
        for block in gateway.cidr_blocks:
            yield LearnedRoute(block, gateway.id, GATEWAY, gateway.cidr_origin)
