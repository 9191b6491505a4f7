"""Clients of the SAG app: what joins a terminal to the network that it is to reach, and what is missing of that."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.alibaba.app.resources import AppSession, SagApp
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.terminals import Terminal
from lab.explanation.call import Call, Result
from lab.explanation.question import Party
from lab.explanation.situation import Situation


def client_remedies(situation: Situation) -> Iterator[tuple[Call, ...]]:
    """Calls that join the CCN of who is connected to the VPC of the other party."""
    for session, other in _connected(situation):
        ccn = _ccn_of(situation, session)
        vpc = situation.site(other.address)
        if ccn is None or not isinstance(vpc, AlibabaVpc):
            continue
        attached = situation.cloud.store.by(Cen, "child_instance_ids", vpc.id)
        if ccn.cen_id is not None:
            yield (_attach(ccn.cen_id, vpc),)
        elif attached:
            yield (Call.of("alibaba.attach_ccn_instance_to_cen", ccn_id=ccn.id, cen_id=attached[0].id),)
        else:
            yield Call.of("alibaba.create_cen", result="cen", ccn_id=ccn.id), _attach(Result("cen"), vpc)


def client_hint(situation: Situation) -> str:
    """A sentence without a full stop about a terminal that is not connected, or is and reaches none of its like; else empty."""
    for terminal, _ in _terminals(situation):
        name = terminal.name or terminal.id
        session = _session_of(situation, terminal)
        if session is None:
            return f"nobody is logged on to the SAG app of {name}: saglab app log-on {name}, then saglab app connect {name}"
        if not session.connected:
            return f"the SAG app of {name} is not connected: saglab app connect {name}"
    instances = [session.smart_ag_id for session, _ in _connected(situation)]
    if len(instances) > 1 and len(set(instances)) == 1:
        return "clients of one SAG app instance do not reach each other: they learn the networks behind gateways and VPCs only"
    return ""


def _attach(cen: str | Result, vpc: AlibabaVpc) -> Call:
    return Call.of(
        "alibaba.attach_cen_child_instance",
        cen_id=cen,
        child_instance_id=vpc.id,
        child_instance_type="VPC",
        child_instance_region_id=vpc.region_id,
    )


def _terminals(situation: Situation) -> Iterator[tuple[Terminal, Party]]:
    """The terminals among the parties, each with the party at the other end."""
    for party, other in (situation.parties, situation.parties[::-1]):
        terminal = situation.cloud.store.find(Terminal, party.resource)
        if terminal is not None:
            yield terminal, other


def _connected(situation: Situation) -> Iterator[tuple[AppSession, Party]]:
    for terminal, other in _terminals(situation):
        session = _session_of(situation, terminal)
        if session is not None and session.connected:
            yield session, other


def _session_of(situation: Situation, terminal: Terminal) -> AppSession | None:
    return next(iter(situation.cloud.store.by(AppSession, "terminal_id", terminal.id)), None)


def _ccn_of(situation: Situation, session: AppSession) -> CloudConnectNetwork | None:
    app = situation.cloud.store.get(SagApp, session.smart_ag_id)
    return situation.cloud.store.find(CloudConnectNetwork, app.ccn_id or "")
