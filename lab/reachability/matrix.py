"""Who reaches whom in one network, asked for one machine of each class and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from lab.reachability.classes import Classes
from lab.reachability.endpoints import endpoints, node_names
from lab.reachability.kinds import ECHO, Kind
from lab.simulation import Exchange, Probe, Simulation
from lab.topology import Gate, Topology

_FIRST_PORT = 20000  # source ports of a class each, so that nothing takes one machine's packet for another's

Answers = frozenset[Kind]  # the packets that are answered


class Matrix:
    """Who reaches whom. `machines` are the nodes of the machines by their names, `names` the names of all nodes."""

    def __init__(self, topology: Topology, kinds: Sequence[Kind]) -> None:
        self.topology = topology
        self.machines = endpoints(topology)
        self.names = node_names(topology)
        self.classes = Classes(topology, self.machines)
        self._kinds = tuple(kinds)
        self._simulation = Simulation(topology)
        self._answers: dict[tuple[int, int], Answers] = {}
        self._colours: dict[int, bool] = {}  # whether a list of rules tells protocols apart, by where it is in memory

    def answers(self, source: str, destination: str) -> Answers:
        """The packets from one machine to another that are answered."""
        pair = self.classes.of[source], self.classes.of[destination]
        if pair not in self._answers:
            self._answers[pair] = self._asked(source, destination, _FIRST_PORT + pair[0])
        return self._answers[pair]

    def address(self, name: str) -> IPv4Address:
        return self.machines[name].own_address

    def _asked(self, source: str, destination: str, port: int) -> Answers:
        if source == destination:
            return frozenset()
        echo = self._exchange(source, destination, ECHO, port)
        if not self._tells_apart(echo):
            return frozenset(self._kinds) if echo.answered else frozenset()
        others = (kind for kind in self._kinds if kind != ECHO and self._exchange(source, destination, kind, port).answered)
        return frozenset((*others, *([ECHO] if echo.answered else [])))

    def _exchange(self, source: str, destination: str, kind: Kind, port: int) -> Exchange:
        probe = Probe(
            self.address(source),
            self.address(destination),
            kind.protocol,
            source_port=port % 65536,
            destination_port=kind.port or 0,
        )
        return self._simulation.exchange(probe, self.machines[source].name)

    def _tells_apart(self, exchange: Exchange) -> bool:
        """Whether a gate on the way judges packets by their protocol or port."""
        walks = (exchange.request, exchange.reply)
        gates = (asked.gate for walk in walks if walk is not None for hop in walk.hops for asked in hop.gates)
        return any(isinstance(gate, Gate) and self._has_colours(gate) for gate in gates)

    def _has_colours(self, gate: Gate) -> bool:
        key = id(gate.rules)
        if key not in self._colours:
            self._colours[key] = any(rule.match.protocol for rule in gate.rules)
        return self._colours[key]
