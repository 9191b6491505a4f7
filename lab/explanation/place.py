"""The place of a walk's drop, named as the emulation names the counter of the same drop."""

from __future__ import annotations

from dataclasses import replace

from lab.drops import FILTER_OF, Drop, Filter, Place
from lab.reasons import Reason
from lab.simulation import Consultation, Failure, Hop, Walk
from lab.topology import EniGate, Side, Tunnel


def drop_of(walk: Walk, packets: int = 1) -> Drop | None:
    """The drop that a walk ended with; None when it was delivered, or when the kernel dropped it, which counts nothing."""
    if walk.reason is None or walk.at is None:
        return None
    place = place_of(Failure(walk.reason, walk.origin, walk.at))
    return None if place is None else Drop(walk.at.node.name, place, packets)


def cause_of(walk: Walk) -> Failure | None:
    """What is to blame for a walk's end, and in which hop; None when it was delivered."""
    cause = walk.cause
    return replace(cause, at=walk.at) if cause is not None and cause.at is None else cause


def place_of(failure: Failure) -> Place | None:
    """The gate, route table or tunnel that stopped a packet in the hop `failure.at`; None for the kernel itself."""
    hop = failure.at
    if hop is None:
        return None
    if hop.gates and not hop.gates[-1].permit:
        return _gate(hop.gates[-1])
    if hop.route is not None and hop.route.drop is not None and hop.route.drop == failure.reason:
        return Place(Filter.ROUTE, str(failure.reason), hop.route.origin, _table(hop))
    return _tunnel(hop, failure)


def _gate(asked: Consultation) -> Place:
    """A rule's origin counts where the rule has a reason, and so a counter, of its own; else the gate's does."""
    gate = asked.gate
    if isinstance(gate, EniGate):
        half = Filter.SOURCE_CHECK if asked.side is Side.IN else Filter.DESTINATION_CHECK
        return Place(half, str(asked.reason), gate.origin, gate.interface)
    own = asked.rule is not None and asked.rule.reason is not None
    return Place(FILTER_OF[gate.stage], str(asked.reason), asked.origin if own else gate.origin, gate.interface)


def _table(hop: Hop) -> str:
    return next((table.resource for table in hop.node.tables if any(route is hop.route for route in table.routes)), "")


def _tunnel(hop: Hop, failure: Failure) -> Place | None:
    service = _service(hop, failure)
    if service is None or failure.origin is None:
        return None
    origin = failure.origin
    if hop.entered is not None and failure.reason is Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION:
        origin = hop.entered.peer.origin  # the dataplane counts what it receives by peer
    return Place(Filter.TUNNEL, str(failure.reason), origin, service.interface)


def _service(hop: Hop, failure: Failure) -> Tunnel | None:
    """The dataplane that a packet came out of, went into, or that took a datagram in."""
    if hop.entered is not None and hop.passage is None:
        return hop.entered.service
    if hop.passage is not None:
        return hop.passage.service
    return next((service for service in hop.node.services if service.origin == failure.origin), None)
