"""The packets whose fate a picture shows: those that a script expects answers to, or one that a person asks about."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from lab.contact import ContactRecord
from lab.errors import UsageError
from lab.explanation import Question
from lab.explanation.foretelling import question_of
from lab.explanation.question import find_destination, find_machine
from lab.results import RunResult
from lab.simulation import Exchange, Probe, Simulation, Walk
from lab.topology import MACHINES, Topology

Way = tuple[str, IPv4Address, IPv4Address]  # the sending node, its address, and the other


def expected_walks(topology: Topology, result: RunResult) -> list[Walk]:
    """How the packets fare now that are to be answered, each as it was expected last: the walk that decides of each."""
    simulation = Simulation(topology)
    echoes = (_echo(simulation, way) for way, wanted in _expected(topology, result).items() if wanted)
    contacts = (exchange for _, exchange in _contacts(topology, simulation, result, reaches=True))
    return [_deciding(exchange) for exchange in (*echoes, *contacts)]


def unwanted(topology: Topology, result: RunResult) -> list[str]:
    """A sentence for each packet that a lab file wants to be lost, and that is answered."""
    found = _contacts(topology, Simulation(topology), result, reaches=False)
    return [f"{record.what}: it does reach it, and must not" for record, exchange in found if exchange.answered]


def asked_walks(topology: Topology, question: Question) -> list[Walk]:
    """The packet that is asked about, and its answer. Raises UsageError for an unknown machine, and for no such packet."""
    start, goal = find_machine(topology, question.source), find_destination(topology, question.destination)
    probe = question.probe(start.address, goal.address)
    exchange = Simulation(topology).exchange(probe, start.node)
    return [exchange.request, *([exchange.reply] if exchange.reply is not None else [])]


def asked_title(name: str, question: Question | None) -> str:
    """The title of a lab's picture, with the packet that is asked about."""
    if question is None:
        return name
    port = "" if question.port is None else f" {question.port}"
    return f"{name}: {question.source} → {question.destination}, {question.protocol}{port}"


def _expected(topology: Topology, result: RunResult) -> dict[Way, bool]:
    """Every pair that a run asked about, and whether an answer was to come. Machines that are gone are left out."""
    ways: dict[Way, bool] = {}
    for reach in result.reaches:
        ends = [_end(topology, label) for label in reach.machines]
        for here, source in enumerate(ends):
            for there, goal in enumerate(ends):
                if source is not None and goal is not None and here != there:
                    ways[source[0], source[1], goal[1]] = (here, there) in reach.expected
    for ping in result.pings:
        if ping.source_address is not None and ping.destination_address is not None and ping.node in topology.by_name:
            ways[ping.node, ping.source_address, ping.destination_address] = ping.expected > 0
    return ways


def _contacts(
    topology: Topology, simulation: Simulation, result: RunResult, *, reaches: bool
) -> Iterator[tuple[ContactRecord, Exchange]]:
    """The packets of a lab file's expectations, of those that are to reach or not. Without those whose machines are gone."""
    for record in result.contacts:
        if record.wanted.reaches is reaches:
            question = question_of(record.wanted)
            try:
                start, goal = find_machine(topology, question.source), find_destination(topology, question.destination)
            except UsageError:
                continue
            yield record, simulation.exchange(question.probe(start.address, goal.address), start.node)


def _end(topology: Topology, label: str) -> tuple[str, IPv4Address] | None:
    for node in topology.nodes:
        if node.kind in MACHINES and label in (node.label, node.name):
            return node.name, node.interfaces[0].addresses[0].ip
    return None


def _echo(simulation: Simulation, way: Way) -> Exchange:
    node, source, destination = way
    return simulation.exchange(Probe(source, destination, "icmp", source_port=1), node)


def _deciding(exchange: Exchange) -> Walk:
    return exchange.reply or exchange.request
