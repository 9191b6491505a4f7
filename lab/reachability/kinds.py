"""What packets are asked about: an echo, and of TCP and UDP a port from each range that rules can tell from the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lab.topology import Rule, Topology

_PORTS = 65536
_ANY_PORT = 50000  # our choice: a port of no service, or the next that no rule names


@dataclass(frozen=True, order=True, slots=True)
class Kind:
    """`port` is None for ICMP. `named` is whether rules speak of the port."""

    protocol: Literal["icmp", "tcp", "udp"]
    port: int | None = None
    named: bool = False

    def __str__(self) -> str:
        if self.port is None:
            return self.protocol
        return f"{self.protocol} {self.port}" if self.named else self.protocol


ECHO = Kind("icmp")


def kinds_of(topologies: Iterable[Topology]) -> tuple[Kind, ...]:
    """Packets that stand for all that rules can tell apart, but for the types of ICMP."""
    found = [ECHO]
    rules = [rule for topology in topologies for rule in _rules(topology)]
    for protocol in ("tcp", "udp"):
        ranges = {rule.match.ports for rule in rules if rule.match.protocol == protocol and rule.match.ports is not None}
        ranges.discard((0, _PORTS - 1))
        edges = {port for first, last in ranges for port in (first, last + 1) if 0 < port < _PORTS}
        found += [_kind(protocol, port, ranges) for port in sorted(edges)]
        if not any(not kind.named for kind in found if kind.protocol == protocol):
            found.append(_kind(protocol, _ANY_PORT, ranges))
    return tuple(dict.fromkeys(found))


def _kind(protocol: str, port: int, ranges: set[tuple[int, int]]) -> Kind:
    named = any(first <= port <= last for first, last in ranges)
    return Kind("tcp" if protocol == "tcp" else "udp", port, named)


def _rules(topology: Topology) -> Iterable[Rule]:
    lists = {id(gate.rules): gate.rules for node in topology.nodes for gate in node.gates}
    return (rule for rules in lists.values() for rule in rules)
