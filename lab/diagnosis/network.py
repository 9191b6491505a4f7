"""Checks of what the gateway is tied to: its CCN, the CEN, and the routes that it announces and learns."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.alibaba.propagation import LearnedRoute, RouteStatus, gateway_routes, offered
from lab.cloud.alibaba.region import area_of
from lab.cloud.alibaba.resources import VPC, Cen, CloudConnectNetwork, EnsNetwork
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import Instance, NetworkInterface
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.compiler.device import Machine
from lab.diagnosis.case import Case
from lab.diagnosis.item import Check, Item, Level
from lab.explanation import Call


def check_ccn(case: Case) -> Iterator[Item]:
    if case.ccn is not None:
        yield Item(Check.CCN, Level.OK, f"bound to {case.ccn.id}")
        return
    area = area_of(case.gateway.region_id)
    near = next((ccn for ccn in case.cloud.store.all(CloudConnectNetwork) if area_of(ccn.region_id) == area), None)
    advice = (
        Call.of("alibaba.bind_smart_access_gateway", ccn_id=near.id, smart_ag_id=case.gateway.id)
        if near is not None
        else Call.of("alibaba.create_cloud_connect_network", region_id=case.gateway.region_id)
    )
    yield Item(Check.CCN, Level.ERROR, "the gateway is bound to no CCN", case.told(advice))


def check_cen(case: Case) -> Iterator[Item]:
    """The CCN is bound to a CEN, and a VPC is in it. Without one, gateways of a CCN reach each other, and no VPC."""
    if case.ccn is None:
        yield Item(Check.CEN, Level.UNCHECKED, "the gateway is bound to no CCN")
        return
    if case.cen is None:
        existing = next(iter(case.cloud.store.all(Cen)), None)
        advice = (
            Call.of("alibaba.attach_ccn_instance_to_cen", ccn_id=case.ccn.id, cen_id=existing.id)
            if existing is not None
            else Call.of("alibaba.create_cen", ccn_id=case.ccn.id)
        )
        yield Item(Check.CEN, Level.ERROR, f"{case.ccn.id} is bound to no CEN, so no VPC is known", case.told(advice))
        return
    if any(attachment.child_instance_type == VPC for attachment in case.cen.attachments):
        yield Item(Check.CEN, Level.OK, f"{case.ccn.id} is bound to {case.cen.id}, which has a VPC")
        return
    finding = f"no VPC is attached to {case.cen.id}"
    vpcs = case.cloud.store.all(AlibabaVpc)
    yield Item(Check.CEN, Level.ERROR, finding, case.told(_attach(case.cen, vpcs[0])) if vpcs else "create a VPC, and attach it")


def _attach(cen: Cen, vpc: AlibabaVpc) -> Call:
    return Call.of(
        "alibaba.attach_cen_child_instance",
        cen_id=cen.id,
        child_instance_id=vpc.id,
        child_instance_type=VPC,
        child_instance_region_id=vpc.region_id,
    )


def check_conflicts(case: Case) -> Iterator[Item]:
    """Routes that are offered and not taken, and networks that are on both sides of the gateway."""
    lost = [*_lost_by_the_gateway(case), *_lost_by_vpcs(case)]
    homes = [home for claim in case.claims if (home := home_of(case, claim.machine)) is not None]
    doubled = [
        (home, route)
        for home in dict.fromkeys(homes)
        for route in gateway_routes(case.cloud.store, case.gateway.id)
        if home.cidr_block.overlaps(route.destination)
    ]
    for where, route in lost:
        finding = f"{route.destination} ({route.next_hop_id}) is not taken by {where}: {route.status}"
        yield Item(Check.CONFLICTS, Level.ERROR, finding, "give one of the two networks another CIDR block")
    for home, route in doubled:
        finding = f"{route.destination} ({route.next_hop_id}) overlaps {home.cidr_block} ({home.id}), in which the gateway stands"
        yield Item(Check.CONFLICTS, Level.ERROR, finding, "give one of the two networks another CIDR block")
    if not lost and not doubled:
        yield Item(Check.CONFLICTS, Level.OK, "every route is taken, and no network is on both sides")


def _lost_by_the_gateway(case: Case) -> Iterator[tuple[str, LearnedRoute]]:
    if case.ccn is not None:
        for route in offered(case.cloud.store, case.ccn):
            if route.status is not RouteStatus.ACTIVE:
                yield case.ccn.id, route


def _lost_by_vpcs(case: Case) -> Iterator[tuple[str, LearnedRoute]]:
    """The gateway's own routes, where a VPC has others to the same destination."""
    for vpc in attached_vpcs(case):
        for route in offered(case.cloud.store, vpc):
            if route.next_hop_id == case.gateway.id and route.status is not RouteStatus.ACTIVE:
                yield vpc.id, route


def check_announcement(case: Case) -> Iterator[Item]:
    """The static routes hold what lies behind the gateway's machine."""
    gateway = case.gateway
    if not gateway.cidr_blocks:
        yield Item(Check.ROUTES, Level.ERROR, "the gateway announces no network (static routes)", _announcement(case))
        return
    for claim in case.right_claims:
        home = home_of(case, claim.machine)
        if home is not None and not any(home.cidr_block.subnet_of(block) for block in gateway.cidr_blocks):
            overlaps = any(home.cidr_block.overlaps(block) for block in gateway.cidr_blocks)
            finding = f"the static routes hold {'a part' if overlaps else 'nothing'} of {home.cidr_block} ({home.id})"
            level = Level.WARNING if overlaps else Level.ERROR
            yield Item(Check.ROUTES, level, finding, _announcement(case))
            return


def _announcement(case: Case) -> str:
    homes = [home for claim in case.claims if (home := home_of(case, claim.machine)) is not None]
    if not homes:
        return "enter the private networks behind the gateway as its static routes"
    blocks = ",".join(dict.fromkeys(str(block) for block in (*case.gateway.cidr_blocks, *(home.cidr_block for home in homes))))
    return case.told(Call.of("alibaba.modify_smart_access_gateway", smart_ag_id=case.gateway.id, cidr_block=blocks))


def home_of(case: Case, machine: Machine) -> AwsVpc | EnsNetwork | None:
    """The private network that a gateway's machine stands in; None for one that is on the internet alone."""
    store = case.cloud.store
    if not isinstance(machine, Instance):
        return store.find(EnsNetwork, machine.network_id or "")
    return store.find(AwsVpc, store.get(NetworkInterface, machine.network_interface_ids[0]).vpc_id)


def attached_vpcs(case: Case) -> tuple[AlibabaVpc, ...]:
    """The VPCs of the gateway's CEN."""
    children = case.cen.child_instance_ids if case.cen is not None else ()
    return tuple(vpc for child in children if (vpc := case.cloud.store.find(AlibabaVpc, child)) is not None)
