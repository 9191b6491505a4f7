"""The scenario of seed 0, walked: each step left out has, in the simulation, the effects that the scenario declares for it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.results import Dies, StepResult
from lab.scenario import Scenario
from lab.simulation import Probe, Simulation
from lab.topology import Node, Topology
from scenarios import vcpe_ping

SCENARIO = Scenario.of(vcpe_ping)
SEED = b"simulation"
PINGS = (("app", "ecs"), ("ecs", "app"), ("vcpe", "ecs"))


def machine(network: Topology, label: str) -> Node:
    return next(node for node in network.nodes if node.label == label)


def first_address(node: Node) -> IPv4Address:
    return node.interfaces[0].addresses[0].ip


def deaths(network: Topology) -> set[Dies]:
    """The pings that get no answer, each with the reason of its drop."""
    simulation = Simulation(network)
    found = set()
    for number, (source, destination) in enumerate(PINGS):
        sender, receiver = machine(network, source), machine(network, destination)
        probe = Probe(first_address(sender), first_address(receiver), "icmp", number)
        exchange = simulation.exchange(probe, sender.name)
        if not exchange.answered:
            fatal = exchange.reply or exchange.request
            assert fatal.reason is not None
            found.add(Dies(source, destination, fatal.reason))
    return found


@pytest.mark.requirement("S0-069")
def test_with_every_step_done_nothing_drops() -> None:
    assert deaths(SCENARIO.topology((), SEED)) == set()


@pytest.mark.requirement("S0-037", "S0-051", "S0-054", "S0-059", "S0-062", "S0-069")
@pytest.mark.parametrize("step", SCENARIO.steps, ids=lambda step: step.number)
def test_a_step_left_out_does_what_it_declares(step: StepResult) -> None:
    declared = {effect for effect in step.without if isinstance(effect, Dies)}
    assert deaths(SCENARIO.topology([step.number], SEED)) == declared
