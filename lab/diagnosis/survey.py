"""Packets between hosts on both sides, explained: each call that they need belongs to one of the checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.diagnosis.case import Case
from lab.diagnosis.item import Check, Item, Level
from lab.diagnosis.network import attached_vpcs, home_of
from lab.explanation import Call, Explanation, Question, State, explain
from lab.topology import Node, NodeKind

# Our choice: hosts of a network that are asked. A network whose hosts differ in their groups may hide more.
HOSTS = 2

_CHECKS = {
    Check.SECURITY_GROUPS: ("authorize_", "revoke_", "create_network_acl_entry"),
    Check.SOURCE_DEST_CHECK: ("modify_network_interface_attribute", "modify_ens_instance_attribute"),
    Check.ROUTES: (
        *("create_route", "replace_route", "delete_route", "create_ens_route", "delete_ens_route"),
        *("modify_smart_access_gateway", "publish_route_entries"),
    ),
    Check.CONTROLLER: ("issue_controller_certificate",),
    Check.CCN: ("bind_smart_access_gateway", "create_cloud_connect_network"),
    Check.CEN: ("attach_c", "create_cen", "associate_cen", "set_cen"),
    Check.TUNNEL: ("allocate_address", "associate_address", "create_internet_gateway", "attach_internet_gateway"),
    Check.SUBSCRIPTION: ("renew_instance", "activate_smart_access_gateway"),
    Check.KEY: ("start_", "switch_smart_access_gateway_device"),
}
"""To which check a call belongs, by how its operation's name begins."""


def explanations_of(case: Case) -> list[Explanation]:
    """What becomes of packets both ways between some hosts of the gateway's networks and some of the VPCs."""
    state = State(case.cloud)
    return [explain(state, question) for question in _questions(case)]


def survey(case: Case, explanations: Iterable[Explanation]) -> Iterator[Item]:
    """An error for each call that some packet needs, told once, with the first packet that needs it.

    What keeps the tunnel shut is the tunnel's own check to tell; calls that answer the same code wait until it is mended.
    """
    known = str(case.obstacle.reason) if case.obstacle is not None else ""
    told: set[tuple[Check, str]] = set()
    for found in explanations:
        for item in _items(case, found, known):
            if (item.check, item.advice) not in told:
                told.add((item.check, item.advice))
                yield item


def _questions(case: Case) -> Iterator[Question]:
    homes = dict.fromkeys(home.id for claim in case.right_claims if (home := home_of(case, claim.machine)) is not None)
    vpcs = attached_vpcs(case) or case.cloud.store.all(AlibabaVpc)
    near = [node for home in homes for node in _hosts(case, home)]
    far = [node for vpc in vpcs for node in _hosts(case, vpc.id)]
    for here in near:
        for there in far:
            if not here.addresses & there.addresses:  # a conflict, which is told by itself
                yield Question(here.resource, there.resource)
                yield Question(there.resource, here.resource)


def _hosts(case: Case, network: str) -> list[Node]:
    """Some ordinary hosts that are plugged into a network's fabric."""
    fabric = case.topology.by_name[network]
    ends = (case.topology.far_end.get((network, interface.name)) for interface in fabric.interfaces)
    nodes = dict.fromkeys(end[0] for end in ends if end is not None)
    machines = (case.topology.by_name[name] for name in nodes)
    return [node for node in machines if node.kind is NodeKind.HOST and node.phone is None][:HOSTS]


def unexplained(explanations: Iterable[Explanation]) -> Iterator[Item]:
    """An error for each code that packets die of and no call is known to help against, with what else is known."""
    told: set[str] = set()
    for found in explanations:
        if found.remaining is not None and found.remaining.code not in told:
            told.add(found.remaining.code)
            finding = f"{_pair(found)} dies at {found.remaining.label}: {found.remaining.code}, {found.remaining.text}"
            yield Item(Check.ROUTES, Level.ERROR, finding, found.hint)


def _items(case: Case, found: Explanation, known: str) -> Iterator[Item]:
    for fix in found.fixes:
        for call in fix.calls if fix.answers != known else ():
            yield Item(_check_of(call), Level.ERROR, f"{_pair(found)} dies: {fix.answers}", case.told(call))


def _pair(found: Explanation) -> str:
    return f"{found.source.label} → {found.destination.label}"


def _check_of(call: Call) -> Check:
    name = call.operation.partition(".")[2]
    return next(check for check, beginnings in _CHECKS.items() if name.startswith(beginnings))
