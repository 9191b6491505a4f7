"""What packets are asked about: an echo, and of TCP and UDP a port from each range that rules can tell from the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from lab.topology import Rule, Topology

_PORTS = 65536
_ANY_PORT = 50000  # our choice: a port of no service, or the next that no rule names


@dataclass(frozen=True, order=True, slots=True)
class Kind:
    """`port` is None for ICMP. It stands for all up to `last`; `named` is whether rules speak of these."""

    protocol: Literal["icmp", "tcp", "udp"]
    port: int | None = None
    named: bool = False
    last: int | None = None

    def __str__(self) -> str:
        if self.port is None or not self.named:
            return self.protocol
        return f"{self.protocol} {self.port}" + (f"-{self.last}" if self.last not in (None, self.port) else "")


def in_words(kinds: Iterable[Kind]) -> list[str]:
    """Each kind once, ports that follow each other as one range: "tcp 8000-8100"."""
    joined: list[Kind] = []
    for kind in kinds:
        before = joined[-1] if joined else None
        if before is not None and kind.named and before.named and _follows(before, kind):
            joined[-1] = replace(before, last=kind.last)
        else:
            joined.append(kind)
    return list(dict.fromkeys(map(str, joined)))


def _follows(before: Kind, kind: Kind) -> bool:
    return before.protocol == kind.protocol and before.last is not None and kind.port == before.last + 1


ECHO = Kind("icmp")


def kinds_of(topologies: Iterable[Topology]) -> tuple[Kind, ...]:
    """Packets that stand for all that rules can tell apart, but for the types of ICMP."""
    found = [ECHO]
    rules = [rule for topology in topologies for rule in _rules(topology)]
    for protocol in ("tcp", "udp"):
        ranges = {rule.match.ports for rule in rules if rule.match.protocol == protocol and rule.match.ports is not None}
        ranges.discard((0, _PORTS - 1))
        edges = sorted({port for first, last in ranges for port in (first, last + 1) if 0 < port < _PORTS})
        found += [_kind(protocol, port, after - 1, ranges) for port, after in pairwise([*edges, _PORTS])]
        if not any(not kind.named for kind in found if kind.protocol == protocol):
            found.append(_kind(protocol, _ANY_PORT, _ANY_PORT, ranges))
    return tuple(dict.fromkeys(found))


def _kind(protocol: str, port: int, last: int, ranges: set[tuple[int, int]]) -> Kind:
    named = any(first <= port <= last for first, last in ranges)
    return Kind("tcp" if protocol == "tcp" else "udp", port, named, last)


def _rules(topology: Topology) -> Iterable[Rule]:
    lists = {id(gate.rules): gate.rules for node in topology.nodes for gate in node.gates}
    return (rule for rules in lists.values() for rule in rules)
