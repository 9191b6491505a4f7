"""The transit of a Cloud Enterprise Network: a link to each attached VPC and CCN, and tables of what they announce."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations

from lab.cloud import Cloud
from lab.cloud.alibaba.propagation import LearnedRoute, cen_routes, may_pass, needs_no_plan
from lab.cloud.alibaba.resources import Cen, CenAttachment
from lab.compiler.draft import Draft, NodeDraft, no_route, unique
from lab.compiler.gateway import MEGABIT
from lab.compiler.names import CEN, interface_name, table_number
from lab.reasons import Reason
from lab.topology import Limit, NodeKind, Route, RouteTable

Kind = tuple[str, str]  # what decides which others an attached network reaches: its region, and whether it is a CCN


def write_cen(draft: Draft, cloud: Cloud, cen: Cen) -> None:
    """Add the transit. The attached VPCs and CCNs must be in the draft already."""
    transit = draft.add(NodeDraft(cen.id, cen.name or "CEN", NodeKind.CEN, "alibaba", forwards=True))
    for attachment in cen.attachments:
        child = draft.nodes[attachment.child_instance_id]
        draft.transfer(transit, _leg(child), child, CEN, attachment.origin)
    routes = cen_routes(cloud.store, cen.id)
    transit.main += unique(_route(draft, transit, learned) for learned in routes)
    transit.main.append(no_route(cen.origin))
    transit.tables += _limited(draft, cen, transit, routes)
    transit.limits += _limits(draft, cen)


def _route(draft: Draft, transit: NodeDraft, learned: LearnedRoute) -> Route:
    leg = _leg(draft.nodes[learned.child_instance_id])
    return draft.through(transit, leg, learned.destination, learned.origin)


def _limited(draft: Draft, cen: Cen, transit: NodeDraft, routes: tuple[LearnedRoute, ...]) -> Iterator[RouteTable]:
    """A table for the legs from which not every region can be reached: there a route without bandwidth drops."""
    kinds: dict[Kind, list[CenAttachment]] = defaultdict(list)
    for attachment in cen.attachments:
        kinds[attachment.child_instance_region_id, attachment.child_instance_type].append(attachment)
    by_child = {attachment.child_instance_id: attachment for attachment in cen.attachments}
    for senders in kinds.values():
        sender = senders[0]
        beyond = {kind for kind, receivers in kinds.items() if not may_pass(cen, sender, receivers[0])}
        if not beyond:
            continue
        table = []
        for learned in routes:
            receiver = by_child[learned.child_instance_id]
            if (receiver.child_instance_region_id, receiver.child_instance_type) in beyond:
                table.append(Route(learned.destination, receiver.origin, drop=Reason.CEN_NO_BANDWIDTH_PLAN))
            else:
                table.append(_route(draft, transit, learned))
        legs = tuple(_leg(draft.nodes[attachment.child_instance_id]) for attachment in senders)
        yield RouteTable(table_number(sender.origin), (*unique(table), no_route(cen.origin)), legs, cen.id)


def _limits(draft: Draft, cen: Cen) -> Iterator[Limit]:
    """What all networks of a region together may send to those of another with which bandwidth is shared out; both ways alike."""
    legs = {attachment: _leg(draft.nodes[attachment.child_instance_id]) for attachment in cen.attachments}
    for share in cen.inter_region_limits:
        for regions in permutations(share.region_ids):
            ways = tuple(
                (legs[sender], legs[receiver])
                for sender, receiver in permutations(legs, 2)
                if (sender.child_instance_region_id, receiver.child_instance_region_id) == regions
                and not needs_no_plan(sender, receiver)
            )
            if ways:
                yield Limit(ways, share.bandwidth_limit * MEGABIT, Reason.CEN_BANDWIDTH_EXCEEDED, share.origin)


def _leg(child: NodeDraft) -> str:
    return interface_name(child.kind.value, child.name)
