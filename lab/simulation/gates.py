"""How a gate judges a packet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.origin import Origin
from lab.reasons import Reason
from lab.simulation.connections import Tracked
from lab.simulation.probe import Probe
from lab.topology import EniGate, Gate, Match, Rule, Side, Stage


class Ground(StrEnum):
    """What a gate's verdict rests on."""

    CHECK = "check"  # the source/destination check
    CONNECTION = "connection"  # the packet belongs to a connection that was admitted here
    RULE = "rule"  # the first rule that matches
    DEFAULT = "default"  # no rule matches


@dataclass(frozen=True, slots=True)
class Consultation:
    """A gate that was asked, and its verdict. `rule` is set when a rule decided."""

    gate: Gate | EniGate
    side: Side
    stage: Stage
    permit: bool
    ground: Ground
    rule: Rule | None = None

    @property
    def reason(self) -> Reason:
        """The code under which the gate counts the packet when it drops it: the rule's own, else the gate's."""
        if isinstance(self.gate, EniGate):
            return Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION
        own = self.rule.reason if self.rule is not None else None
        return self.gate.reason if own is None else own

    @property
    def origin(self) -> Origin:
        """Where the verdict comes from: the deciding rule's origin, else the gate's."""
        return self.gate.origin if self.rule is None else self.rule.origin


def consult(gate: Gate, packet: Probe, tracked: Tracked) -> Consultation:
    """Ask a gate, and let a stateful one remember what it permits."""
    if gate.stateful and tracked.passes(gate.interface):
        return Consultation(gate, gate.side, gate.stage, True, Ground.CONNECTION)
    rule = next((rule for rule in gate.rules if matches(rule.match, packet)), None)
    permit = gate.default if rule is None else rule.permit
    if gate.stateful and permit:
        tracked.admit(gate.interface)
    return Consultation(gate, gate.side, gate.stage, permit, Ground.DEFAULT if rule is None else Ground.RULE, rule)


def consult_check(gate: EniGate, side: Side, packet: Probe) -> Consultation:
    """Ask the half of a source/destination check that `side` stands for."""
    if side is Side.IN:
        permit = gate.check.permits_outbound(packet.source)
        return Consultation(gate, side, Stage.SOURCE_CHECK, permit, Ground.CHECK)
    permit = gate.check.permits_inbound(packet.destination)
    return Consultation(gate, side, Stage.DESTINATION_CHECK, permit, Ground.CHECK)


def matches(match: Match, packet: Probe) -> bool:
    """Whether a rule's match covers a packet."""
    return (
        match.protocol in ("", packet.protocol)
        and packet.source in match.source
        and packet.destination in match.destination
        and (match.ports is None or _in_range(match.ports, packet))
        and (match.icmp is None or _of_kind(match.icmp, packet))
    )


def _in_range(ports: tuple[int, int], packet: Probe) -> bool:
    return packet.protocol != "icmp" and ports[0] <= packet.destination_port <= ports[1]


def _of_kind(wanted: tuple[int, int], packet: Probe) -> bool:
    """-1 stands for every type or code."""
    pairs = zip(wanted, packet.icmp, strict=True)
    return packet.protocol == "icmp" and all(want in (-1, have) for want, have in pairs)
