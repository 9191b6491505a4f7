"""All checks of a gateway, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import SmartAccessGateway
from lab.cloud.errors import CloudError
from lab.compiler import compile_topology
from lab.diagnosis import gateway, network
from lab.diagnosis.case import Case
from lab.diagnosis.item import Check, Diagnosis, Item, Level
from lab.diagnosis.survey import explanations_of, survey, unexplained
from lab.explanation import Call
from lab.topology import Topology

# Those that ask the gateway's own state and tunnel; what only packets of hosts show is the survey's.
_CHECKS = (
    gateway.check_subscription,
    gateway.check_key,
    gateway.check_controller,
    network.check_ccn,
    gateway.check_tunnel,
    gateway.check_mtu,
    network.check_cen,
    network.check_conflicts,
    network.check_announcement,
)


def diagnose_smart_access_gateway(
    cloud: Cloud,
    smart_ag_id: str,
    *,
    topology: Topology | None = None,
    said: Mapping[str, str] | None = None,
    told: Callable[[Call], str] = str,
) -> Diagnosis:
    """Check a gateway from its subscription to the packets of the hosts behind it.

    `topology` is the network if it is another than the one the cloud describes; `said` is what its machines say
    of their Control Status, by id: why it is Abnormal, empty when it is Normal. `told` is how a call is advised: as it is
    typed in Python, if nothing else is said. Raises CloudError InvalidId.SMARTAG.
    """
    found = cloud.store.find(SmartAccessGateway, smart_ag_id)
    if found is None:
        raise CloudError(SmartAccessGateway.NOT_FOUND, f"the {SmartAccessGateway.NOUN} '{smart_ag_id}' does not exist")
    case = Case(cloud, found, topology or compile_topology(cloud), said, told)
    items = [item for check in _CHECKS for item in check(case)]
    failed = {item.check for item in items if item.level is Level.ERROR}
    explanations = explanations_of(case)
    surveyed = [item for item in survey(case, explanations) if item.check not in failed]
    needed = {item.check for item in surveyed}
    items = [item for item in items if item.check not in needed or item.level is not Level.UNCHECKED] + surveyed
    if not any(item.level is Level.ERROR for item in items):
        items += unexplained(explanations)
    items += [Item(check, Level.OK, "nothing found") for check in Check if check not in {item.check for item in items}]
    return Diagnosis(smart_ag_id, tuple(sorted(items, key=lambda item: list(Check).index(item.check))))

