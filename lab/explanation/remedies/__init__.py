"""For each reason, the API calls that may help: computed from where the packet died, tried by `lab.explanation.search`.

A remedy need not be right: one that a provider refuses, or that gets the packet no further, is thrown away. So a remedy says what
an engineer would try, the most fitting first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab.explanation.remedies.guard import acl, check, ec2_group, ecs_group
from lab.explanation.remedies.machine import nobody, public_address
from lab.explanation.remedies.remedy import Remedy
from lab.explanation.remedies.route import blackhole, no_route, private_at_the_edge
from lab.explanation.remedies.transit import bandwidth, certificate, junction, outside_selector, renewal, switch
from lab.explanation.situation import Situation
from lab.reasons import Reason
from lab.simulation import Drop

__all__ = ["Remedy", "remedies"]

_REMEDIES: dict[Reason | Drop, Callable[[Situation], Iterator[Remedy]]] = {
    Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION: check,
    Reason.ENI_SG_RULES_MISMATCH: ec2_group,
    Reason.SG_HAS_NO_RULES: ec2_group,
    Reason.SUBNET_ACL_RESTRICTION: acl,
    Reason.NO_ROUTE_TO_DESTINATION: no_route,
    Reason.NO_POSSIBLE_DESTINATION: nobody,
    Reason.BAD_STATE_ROUTE: blackhole,
    Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS: public_address,
    Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS: private_at_the_edge,
    Reason.ECS_SG_RULES_MISMATCH: ecs_group,
    Reason.SAG_NOT_ATTACHED_TO_CCN: junction,
    Reason.SAG_OVERDUE_PAYMENT: renewal,
    Reason.SAG_DEVICE_STANDBY: switch,
    Reason.SAG_DEVICE_NOT_CONFIGURED: certificate,
    Reason.CEN_NO_BANDWIDTH_PLAN: bandwidth,
    Drop.OUTSIDE_SELECTOR: outside_selector,
    Drop.NO_PEER_FOR_DESTINATION: junction,
    Drop.PEER_NOT_HEARD: junction,
}


def remedies(situation: Situation) -> Iterator[Remedy]:
    """What may help, the most fitting first; nothing where no call is known to."""
    find = _REMEDIES.get(situation.reason)
    if find is not None:
        yield from (remedy for remedy in find(situation) if remedy)
