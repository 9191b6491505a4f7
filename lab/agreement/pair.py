"""A running network and its simulation, kept in step and asked the same questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from lab.agreement.comparison import Disagreement, compare, compare_places, is_complete
from lab.agreement.outcome import Forecast, Outcome, Place, Tally, outcome_of, place_of_drop, place_of_walk
from lab.drops import Filter
from lab.emulation.emulation import Emulation
from lab.emulation.kernel import kernel_drops
from lab.emulation.probe import Probing
from lab.simulation import Probe, Simulation
from lab.status import StatusEnd, StatusKind
from lab.topology import Topology

# Our choices, in seconds. What the simulation expects to be seen is waited for so long, what it does not expect only so long.
SEEN_WITHIN = 1.0
SETTLED_AFTER = 0.02
CONNECTED_WITHIN = 10.0  # a datagram of a handshake that gets lost is repeated after 0.5, 1.5, 3.5 and 7.5 s
READINGS = 4  # of the counters, while they differ from what is expected

_FIRST_PORT, _LAST_PORT = 10_000, 60_000

End = tuple[str, str, str]  # of a status: its kind, the tunnel or the device, and the node


@dataclass(frozen=True, slots=True)
class Question:
    """A packet that a node sends. If its source port, or ICMP identifier, is 0, a new one is chosen for it when it is asked."""

    node: str
    probe: Probe


@dataclass
class Answers:
    """What came of a set of questions, in their order."""

    forecasts: list[Forecast] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def tally(self) -> Tally:
        tally = Tally()
        for forecast in self.forecasts:
            tally.count(forecast)
        return tally


class Pair:
    """Both backends on one network. Make it inside the sandbox, and look at `disagreements` after making and after `apply`.

    The network is timeless, like the simulation: a tunnel whose way is cut stays open in both.
    """

    def __init__(self, topology: Topology) -> None:
        self.emulation = Emulation(topology, connected_within=0, timeless=True)
        self.simulation = Simulation(topology)
        self._probing = Probing()
        self._ports = count()
        self._kernel: Counter[tuple[str, str]] = Counter()
        self.disagreements = self._follow(topology)

    def apply(self, topology: Topology) -> None:
        """Change both networks. `disagreements` then tells of statuses that are not the same in both."""
        self.emulation.apply(topology)
        self.simulation = self.simulation.with_topology(topology)
        self.disagreements = self._follow(topology)

    def ask(self, questions: Sequence[Question]) -> Answers:
        """Send all the packets at once, and compare what becomes of each, then where packets were dropped.

        Drops are compared as a whole, by (node, code, filter, place) with a number of packets. As each verdict is compared by
        itself, two lost packets could at most have changed places.
        """
        self._read_drops()
        probes = [self._fresh(question.probe) for question in questions]
        asked = list(zip(questions, probes, strict=True))
        forecasts = [Forecast(self.simulation.exchange(probe, question.node)) for question, probe in asked]
        sightings = [self._probing.send(question.node, probe) for question, probe in asked]
        both = list(zip(forecasts, sightings, strict=True))
        self._probing.watch(lambda: all(is_complete(*one) for one in both), within=SEEN_WITHIN)
        disagreements = self._compare_drops(forecasts)
        self._probing.drain()
        self._probing.forget()
        verdicts = [difference for one in both for difference in compare(*one)]
        return Answers(forecasts, [outcome_of(sighting) for sighting in sightings], verdicts + disagreements)

    def close(self) -> None:
        self._probing.close()
        self.emulation.close()

    def _fresh(self, probe: Probe) -> Probe:
        if probe.source_port:
            return probe
        return replace(probe, source_port=_FIRST_PORT + next(self._ports) % (_LAST_PORT - _FIRST_PORT))

    def _compare_drops(self, forecasts: Sequence[Forecast]) -> list[Disagreement]:
        expected = sum((forecast.places for forecast in forecasts), Counter[Place]())
        found: Counter[Place] = Counter()
        differences: list[Disagreement] = []
        for _ in range(READINGS):
            self._probing.watch(lambda: False, within=SETTLED_AFTER)
            found += self._read_drops()
            differences = list(compare_places(expected, found, self._noise, forecasts))
            if not differences:
                break
        return differences

    def _follow(self, topology: Topology) -> list[Disagreement]:
        """After a change: open what tunnels can be opened, in both, and learn what packets that nobody asked for run into."""
        walks = [*self.simulation.open_tunnels(), *self.simulation.chatter()]
        self._noise = frozenset(place for walk in walks if (place := place_of_walk(walk)) is not None)
        self._probing.attend(self.emulation.machines)
        wanted = _ends(topology, self.simulation)
        self._probing.watch(lambda: _ends(topology, self.emulation) == wanted, within=CONNECTED_WITHIN)
        self._use_tunnels(topology)
        self._read_drops()
        found = _ends(topology, self.emulation)
        return [
            Disagreement(f"{end[0]} of {end[1]} at {end[2]}", wanted.get(end, "no end"), found.get(end, "no end"))
            for end in sorted(wanted.keys() | found.keys())
            if wanted.get(end) != found.get(end)
        ]

    def _use_tunnels(self, topology: Topology) -> None:
        """Send a packet from each gateway and each client into its tunnel: from it the other end learns where that is now.

        When its public address has changed, it would otherwise depend on which of many packets is the first.
        """
        for node in topology.nodes:
            for service in node.services:
                for peer in service.peers:
                    if peer.speaks_first and peer.prefixes:
                        leased = next((own.addresses for own in node.interfaces if own.name == service.interface), ())
                        source = leased[0].ip if leased else service.address
                        probe = self._fresh(Probe(source, peer.prefixes[0].network_address + 1, "icmp"))
                        self.simulation.exchange(probe, node.name)
                        self._probing.send(node.name, probe)
        self._probing.watch(lambda: False, within=SETTLED_AFTER)
        self._probing.forget()

    def _read_drops(self) -> Counter[Place]:
        """What was dropped since the last reading, by gates, dataplanes and kernels; what IKE drops is about no packet."""
        found: Counter[Place] = Counter()
        for drop in self.emulation.new_drops():
            if drop.place.filter is not Filter.HANDSHAKE:
                found[place_of_drop(drop)] += drop.packets
        before, self._kernel = self._kernel, kernel_drops(self.emulation.machines)
        found.update({(node, code, "kernel", ""): packets for (node, code), packets in (self._kernel - before).items()})
        return found


def _ends(topology: Topology, backend: Simulation | Emulation) -> dict[End, str]:
    """What a backend says of each end of each tunnel, and of each device and its controller: the status, and why."""
    home = topology.controller
    devices = [entry.name for entry in home.controller.register] if home is not None and home.controller is not None else []
    found: list[tuple[StatusKind, str, StatusEnd]] = []
    found += [(StatusKind.VPN, name, end) for name in topology.footings for end in backend.vpn_ends(name)]
    found += [(StatusKind.CONTROL, name, end) for name in devices for end in backend.control_ends(name)]
    return {(str(kind), name, end.node): f"{end.status} {end.reason}".rstrip() for kind, name, end in found}
