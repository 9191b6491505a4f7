"""What is missing between two VPCs: the calls that join them through gateway, CCN and CEN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.cloud import Cloud
from lab.cloud.alibaba.region import area_of
from lab.cloud.alibaba.resources import ACTIVE, CCN, Cen, CloudConnectNetwork, SmartAccessGateway
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.explanation.call import Call, Result
from lab.explanation.site import Home, Site, gateways_in


@dataclass(frozen=True, slots=True)
class _Child:
    """A network that is to be in the CEN: an Alibaba Cloud VPC, or the CCN of a gateway (a Result when it is yet to be made)."""

    id: str | Result
    region_id: str
    is_ccn: bool
    cen_id: str | None


@dataclass
class _Plan:
    cloud: Cloud
    calls: list[Call] = field(default_factory=list)
    new_ccns: dict[str, Result] = field(default_factory=dict)  # by area


def join(cloud: Cloud, ends: tuple[Site, Site]) -> tuple[Call, ...]:
    """The calls that are missing between two networks, in their order; none when nothing is missing, or nothing can be done.

    A gateway is active, has its network's block as a static route and is bound to a CCN; CCNs and Alibaba Cloud VPCs are in one
    CEN.
    """
    plan = _Plan(cloud)
    children = []
    for site in ends:
        child = _child_of_vpc(cloud, site) if isinstance(site, AlibabaVpc) else _child_of_gateway(plan, site)
        if child is None:
            return ()
        children.append(child)
    if children[0].id != children[1].id:  # gateways on one CCN need no CEN
        plan.calls += _meet(cloud, children)
    return tuple(plan.calls)


def _child_of_vpc(cloud: Cloud, vpc: AlibabaVpc) -> _Child:
    return _Child(vpc.id, vpc.region_id, False, _cen_of(cloud, vpc.id))


def _cen_of(cloud: Cloud, child_id: str) -> str | None:
    return next((cen.id for cen in cloud.store.by(Cen, "child_instance_ids", child_id)), None)


def _child_of_gateway(plan: _Plan, home: Home) -> _Child | None:
    running = next(iter(gateways_in(plan.cloud, home)), None)
    if running is None:
        return None
    gateway = running.gateway
    if gateway.status != ACTIVE:
        plan.calls.append(Call.of("alibaba.activate_smart_access_gateway", smart_ag_id=gateway.id))
    plan.calls += announce(gateway, home)
    if gateway.ccn_id is not None:
        return _Child(gateway.ccn_id, gateway.region_id, True, _cen_of(plan.cloud, gateway.ccn_id))
    return _bind(plan, gateway)


def announce(gateway: SmartAccessGateway, home: Home) -> list[Call]:
    """What makes a network's block one of a gateway's static routes; nothing when it is."""
    if any(home.cidr_block.subnet_of(block) for block in gateway.cidr_blocks):
        return []
    blocks = ",".join(str(block) for block in (*gateway.cidr_blocks, home.cidr_block))
    return [Call.of("alibaba.modify_smart_access_gateway", smart_ag_id=gateway.id, routing_strategy="static", cidr_block=blocks)]


def _bind(plan: _Plan, gateway: SmartAccessGateway) -> _Child:
    """Bind a gateway to a CCN of its area, one that is in a CEN if there is one, or to a new one."""
    area = area_of(gateway.region_id)
    ccns = [ccn for ccn in plan.cloud.store.all(CloudConnectNetwork) if area_of(ccn.region_id) == area]
    ccn = next(iter(sorted(ccns, key=lambda ccn: ccn.cen_id is None)), None)
    if ccn is not None:
        plan.calls.append(Call.of("alibaba.bind_smart_access_gateway", ccn_id=ccn.id, smart_ag_id=gateway.id))
        return _Child(ccn.id, ccn.region_id, True, ccn.cen_id)
    new = plan.new_ccns.get(area)
    if new is None:
        new = plan.new_ccns[area] = Result("ccn" if not plan.new_ccns else f"ccn_{len(plan.new_ccns) + 1}")
        plan.calls.append(
            Call.of("alibaba.create_cloud_connect_network", result=new.name, region_id=gateway.region_id),
        )
    plan.calls.append(Call.of("alibaba.bind_smart_access_gateway", ccn_id=new, smart_ag_id=gateway.id))
    return _Child(new, gateway.region_id, True, None)


def _meet(cloud: Cloud, children: list[_Child]) -> Iterator[Call]:
    """Attach to the CEN that one of them is in, to one that exists, or to a new one. Those in different CENs stay apart."""
    joined = {child.cen_id for child in children if child.cen_id is not None}
    if len(joined) > 1:
        return
    cen_id: str | Result | None = next(iter(joined), None) or next((cen.id for cen in cloud.store.all(Cen)), None)
    if cen_id is None:
        cen_id = Result("cen")
        yield Call.of("alibaba.create_cen", result="cen")
    for child in children:
        if child.cen_id is None:
            yield Call.of(
                "alibaba.attach_cen_child_instance",
                cen_id=cen_id,
                child_instance_id=child.id,
                child_instance_type=CCN if child.is_ccn else "VPC",
                child_instance_region_id=child.region_id,
            )
