"""Smart Access Gateway, CCN and CEN: what joins networks, and lets a gateway be one."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from lab.cloud.alibaba.region import geographic_region_of
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, EnsNetwork, SmartAccessGateway
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.explanation.call import Call, Result
from lab.explanation.junction import announce, join
from lab.explanation.remedies.machine import start
from lab.explanation.remedies.remedy import Remedy
from lab.explanation.site import gateways_in
from lab.explanation.situation import Situation
from lab.topology import NodeKind

_CERTIFIED = 365  # days of a new certificate: our choice
_SHARES = (10, 1)  # Mbit/s of a bandwidth plan: our choice, enough for a ping; else the least


def junction(situation: Situation) -> Iterator[Remedy]:
    """Whatever is missing between the networks of the packet's two ends: a gateway that is stopped, or what joins them."""
    ends = situation.site(situation.packet.source), situation.site(situation.packet.destination)
    for end in ends:
        for stopped in gateways_in(situation.cloud, end, stopped=True) if isinstance(end, (AwsVpc, EnsNetwork)) else ():
            yield from start(situation, stopped.network_interface_id)
    if ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
        yield join(situation.cloud, (ends[0], ends[1]))
        yield from _withdrawn(situation)


def _withdrawn(situation: Situation) -> Iterator[Remedy]:
    """The block of the destination's VPC, taken back from the CEN."""
    home = situation.site(situation.packet.destination)
    if not isinstance(home, AlibabaVpc):
        return
    for cen in situation.cloud.store.by(Cen, "child_instance_ids", home.id):
        yield (
            Call.of(
                "alibaba.publish_route_entries",
                cen_id=cen.id,
                child_instance_id=home.id,
                child_instance_type="VPC",
                child_instance_region_id=home.region_id,
                child_instance_route_table_id=home.route_table_id,
                destination_cidr_block=str(home.cidr_block),
            ),
        )


def bandwidth(situation: Situation) -> Iterator[Remedy]:
    """A share of the plan between the two regions, or a plan first."""
    cen = situation.cloud.store.find(Cen, situation.hop.node.resource)
    regions = [_region(situation, address) for address in (situation.packet.source, situation.packet.destination)]
    if cen is None or "" in regions:
        return
    shares = [
        Call.of(
            "alibaba.set_cen_inter_region_bandwidth_limit",
            cen_id=cen.id,
            local_region_id=regions[0],
            opposite_region_id=regions[1],
            bandwidth_limit=megabits,
        )
        for megabits in _SHARES
    ]
    yield from ((share,) for share in shares)
    plan = Call.of(
        "alibaba.create_cen_bandwidth_package",
        result="plan",
        bandwidth=_SHARES[0],
        geographic_region_a_id=geographic_region_of(regions[0]),
        geographic_region_b_id=geographic_region_of(regions[1]),
    )
    give = Call.of("alibaba.associate_cen_bandwidth_package", cen_id=cen.id, cen_bandwidth_package_id=Result("plan"))
    yield plan, give, shares[0]


def _region(situation: Situation, address: IPv4Address) -> str:
    """The region in which an address is attached to a CEN: its VPC's, or that of its gateway's CCN; empty when unknown."""
    home = situation.site(address)
    if isinstance(home, AlibabaVpc):
        return home.region_id
    store = situation.cloud.store
    for running in gateways_in(situation.cloud, home) if home is not None else ():
        ccn = store.find(CloudConnectNetwork, running.gateway.ccn_id or "")
        if ccn is not None:
            return ccn.region_id
    return ""


def outside_selector(situation: Situation) -> Iterator[Remedy]:
    """At the point of presence the source's network is no static route of its gateway; at a gateway it has not been learned."""
    entered = situation.hop.entered
    gateway = situation.cloud.store.find(SmartAccessGateway, entered.peer.leads) if entered is not None else None
    home = situation.site(situation.packet.source)
    if situation.hop.node.kind is NodeKind.CCN and gateway is not None and isinstance(home, (AwsVpc, EnsNetwork)):
        yield tuple(announce(gateway, home))
    yield from junction(situation)


def renewal(situation: Situation) -> Iterator[Remedy]:
    """A month more for the gateway that the machine is a device of."""
    gateway = _gateway_here(situation)
    if gateway is not None:
        yield (Call.of("alibaba.renew_instance", instance_id=gateway, renew_period=1),)


def switch(situation: Situation) -> Iterator[Remedy]:
    """The gateway's other device in the place of this one."""
    gateway = _gateway_here(situation)
    if gateway is not None:
        yield (Call.of("alibaba.switch_smart_access_gateway_device", smart_ag_id=gateway),)


def certificate(_situation: Situation) -> Iterator[Remedy]:
    """One that the device believes; it calls again by itself."""
    yield (Call.of("alibaba.issue_controller_certificate", days=_CERTIFIED),)


def _gateway_here(situation: Situation) -> str | None:
    """The gateway whose machine dropped the packet: the route that did so is the gateway's."""
    route = situation.hop.route
    return route.origin.resource if route is not None else None
