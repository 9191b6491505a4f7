"""The transit of a Cloud Enterprise Network: a link to each attached VPC and CCN, and one table of what they publish."""

from __future__ import annotations

from lab.cloud import Cloud
from lab.cloud.alibaba.propagation import GATEWAY, LearnedRoute, cen_routes
from lab.cloud.alibaba.resources import Cen, SmartAccessGateway
from lab.compiler.draft import Draft, NodeDraft, no_route
from lab.compiler.names import CEN, interface_name
from lab.topology import NodeKind


def write_cen(draft: Draft, cloud: Cloud, cen: Cen) -> None:
    """Add the transit. The attached VPCs and CCNs must be in the draft already."""
    transit = draft.add(NodeDraft(cen.id, cen.name or "CEN", NodeKind.CEN, "alibaba", forwards=True))
    for attachment in cen.attachments:
        child = draft.nodes[attachment.child_instance_id]
        draft.transfer(transit, _leg(child), child, CEN, attachment.origin)
    for learned in cen_routes(cloud.store, cen.id):
        leg = _leg(draft.nodes[_child(cloud, learned)])
        transit.main.append(draft.through(transit, leg, learned.destination, learned.origin))
    transit.main.append(no_route(cen.origin))


def _child(cloud: Cloud, learned: LearnedRoute) -> str:
    """The attached network that a route leads to: the VPC itself, or the CCN of the gateway."""
    if learned.next_hop_type != GATEWAY:
        return learned.next_hop_id
    ccn_id = cloud.store.get(SmartAccessGateway, learned.next_hop_id).ccn_id
    assert ccn_id is not None  # noqa: S101 - a gateway is known to a CEN through its CCN only
    return ccn_id


def _leg(child: NodeDraft) -> str:
    return interface_name(child.kind.value, child.name)
