"""What walks of packets say about the things in a picture: which are broken, and why; which a packet came by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.drawing.picture import Trouble
from lab.drops import Filter, Place
from lab.explanation.place import cause_of, place_of
from lab.explanation.words import behind
from lab.simulation import Failure, Simulation, Walk
from lab.status import NORMAL, StatusEnd, text_of
from lab.topology import Topology

End = tuple[str, str]  # a node's name and one of its interfaces'
AskTunnel = Callable[[str], Sequence[StatusEnd]]  # how the ends of a tunnel, by its name, see it

_AT_AN_INTERFACE = (
    Filter.SOURCE_CHECK,
    Filter.DESTINATION_CHECK,
    Filter.NETWORK_ACL,
    Filter.EGRESS,
    Filter.INGRESS,
    Filter.EDGE,
)


@dataclass
class Marks:
    """The troubles of what is broken; links go by either end, tunnels by the name of their peers.

    `ends`, `nodes_passed` and `tunnels_passed` are what the packets came by. `deaths` gives, for what is wrong and where, between
    whom the packets were under way that die of it; `shut` has a sentence for each tunnel that is not open.
    """

    nodes: dict[str, list[Trouble]] = field(default_factory=dict)
    links: dict[End, list[Trouble]] = field(default_factory=dict)
    tunnels: dict[str, list[Trouble]] = field(default_factory=dict)
    ends: set[End] = field(default_factory=set)
    nodes_passed: set[str] = field(default_factory=set)
    tunnels_passed: set[str] = field(default_factory=set)
    deaths: dict[str, list[str]] = field(default_factory=dict)
    shut: list[str] = field(default_factory=list)

    @property
    def faults(self) -> tuple[str, ...]:
        """A sentence for each thing that is broken."""
        died = ((list(dict.fromkeys(ends)), how) for how, ends in self.deaths.items())
        return (*(f"{', '.join(ends)} {'die' if len(ends) > 1 else 'dies'} {how}" for ends, how in died), *self.shut)


def marks_of(topology: Topology, walks: Iterable[Walk], ask: AskTunnel | None = None) -> Marks:
    """The marks of these walks, and of the tunnels that are not open: simulated ones, unless somebody can be asked."""
    marks = Marks()
    for walk in walks:
        _note_way(marks, walk)
        if not walk.delivered:
            _note_death(marks, topology, walk)
    _note_tunnels(marks, topology, ask or Simulation(topology).vpn_ends)
    return marks


def _note_way(marks: Marks, walk: Walk) -> None:
    for hop in walk.hops:
        marks.nodes_passed.add(hop.node.name)
        if hop.interface_in is not None:
            marks.ends.add((hop.node.name, hop.interface_in.name))
        if hop.entered is not None:
            marks.tunnels_passed.add(hop.entered.peer.name)


def _note_death(marks: Marks, topology: Topology, walk: Walk) -> None:
    if walk.reason is None or walk.at is None:
        return
    cause = cause_of(walk) or Failure(walk.reason, walk.origin, walk.at)
    if cause.reason is not walk.reason:
        _note_failure(marks, topology, walk, Failure(walk.reason, walk.origin, walk.at), because=cause)
    _note_failure(marks, topology, walk, cause)


def _note_failure(marks: Marks, topology: Topology, walk: Walk, failure: Failure, because: Failure | None = None) -> None:
    hop = failure.at
    if hop is None:
        return
    place = place_of(failure)
    machine = behind(topology, hop.node, place.where) if place is not None else ""
    what = f"{place.filter if place is not None else 'kernel'}{f' of {machine}' if machine else ''}"
    _thing(marks, hop.node.name, place, failure).append(Trouble(what, str(failure.reason)))
    if because is None:
        by = "" if walk.probe.protocol == "icmp" else f" by {walk.probe.protocol}"
        ends = f"{_name(topology, walk.probe.source)} → {_name(topology, walk.probe.destination)}{by}"
        how = f"at {hop.node.label}, {what}: {failure.reason}, {failure.reason.text}"
        marks.deaths.setdefault(how, []).append(ends)


def _thing(marks: Marks, node: str, place: Place | None, failure: Failure) -> list[Trouble]:
    """The list for the troubles of what stopped the packet: a link, a tunnel, or else the node."""
    hop = failure.at
    if place is not None and place.filter in _AT_AN_INTERFACE:
        return marks.links.setdefault((node, place.where), [])
    if hop is not None and hop.passage is not None and hop.passage.peer is not None:
        return marks.tunnels.setdefault(hop.passage.peer.name, [])
    if hop is not None and hop.entered is not None and place is not None and place.filter is Filter.TUNNEL:
        return marks.tunnels.setdefault(hop.entered.peer.name, [])
    return marks.nodes.setdefault(node, [])


def _name(topology: Topology, address: object) -> str:
    holders = [node.label for node in topology.nodes if address in node.addresses]
    return holders[0] if len(holders) == 1 else str(address)


def _note_tunnels(marks: Marks, topology: Topology, ask: AskTunnel) -> None:
    """Which tunnels are not open: their VPN Status is Abnormal at one end at least."""
    for name, gateway in _tunnels(topology).items():
        ends = ask(name)
        reasons = list(dict.fromkeys(end.reason for end in ends if end.status != NORMAL))
        if reasons and name not in marks.tunnels:
            marks.tunnels[name] = [Trouble("VPN Status", reason) for reason in reasons]
            marks.shut.append(f"the tunnel of {gateway} is not open: {reasons[0]}, {text_of(reasons[0])}")


def _tunnels(topology: Topology) -> Mapping[str, str]:
    """By the name of each tunnel, the label of the machine that opens it."""
    return {
        peer.name: node.label
        for node in topology.nodes
        for service in node.services
        for peer in service.peers
        if peer.speaks_first
    }
