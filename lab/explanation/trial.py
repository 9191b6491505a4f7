"""Sending the packet in question, and what became of it: the one experiment that every fix is judged by."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from ipaddress import IPv4Network

from lab.compiler.names import INTERNET
from lab.errors import UsageError
from lab.explanation.place import cause_of, place_of
from lab.explanation.question import Party, Question, find_destination, find_machine
from lab.explanation.situation import Situation
from lab.explanation.state import State
from lab.simulation import Exchange, Failure, Simulation, Walk
from lab.topology import Topology


@dataclass(frozen=True)
class Fate:
    """What became of the packet and its answer. `exchange` is None when the sender does not run."""

    exchange: Exchange | None

    @property
    def passes(self) -> bool:
        return self.exchange is not None and self.exchange.answered

    @property
    def last(self) -> Walk | None:
        """The walk that decided: the answer's if there was one."""
        if self.exchange is None:
            return None
        return self.exchange.reply or self.exchange.request

    @property
    def cause(self) -> Failure | None:
        return cause_of(self.last) if self.last is not None else None

    @property
    def key(self) -> Hashable:
        """Equal for two fates where the packet dies at the same place for the same reason, whatever brought it there."""
        if self.exchange is None or self.last is None or self.cause is None:
            return self.passes
        place = place_of(self.cause)
        at = self.cause.at.node.name if self.cause.at is not None else ""
        where = (place.filter, place.where) if place is not None else None
        return self.exchange.reply is not None, self.cause.reason, at, where


@dataclass(frozen=True)
class Trial:
    """The same packet, from the same machine, for any network. It gets no further than what is joined to `around`."""

    question: Question
    source: Party
    destination: Party
    around: tuple[str, ...]

    def run(self, topology: Topology) -> Fate:
        if self.source.node not in topology.by_name:
            return Fate(None)
        probe = self.question.probe(self.source.address, self.destination.address)
        return Fate(Simulation(topology).exchange(probe, self.source.node))

    def situation(self, state: State, fate: Fate) -> Situation | None:
        """What remedies are computed from; None when nothing died, or nothing was sent."""
        cause = fate.cause
        if cause is None or cause.at is None:
            return None
        return Situation(state.cloud, state.topology, (self.source, self.destination), cause, cause.at)


def trial_of(state: State, question: Question) -> Trial:
    """Find the two ends. Raises UsageError for an unknown machine, twice the same one, and a packet that cannot be."""
    topology = state.topology
    source, destination = find_machine(topology, question.source), find_destination(topology, question.destination)
    if source.address == destination.address:
        raise UsageError(f"{question.source} and {question.destination} are the same address, {source.address}")
    question.probe(source.address, destination.address)
    around = (source.resource, destination.resource, _at_public_address(topology, destination))
    return Trial(question, source, destination, tuple(filter(None, around)))


def _at_public_address(topology: Topology, destination: Party) -> str:
    """The resource of the node that the internet hands packets for an address to; empty where there is none."""
    internet = topology.by_name[INTERNET]
    wanted = IPv4Network(destination.address)
    devices = [route.interface for table in internet.tables for route in table.routes if route.destination == wanted]
    return topology.by_name[topology.far_end[INTERNET, devices[0]][0]].resource if devices else ""
