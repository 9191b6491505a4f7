"""Exchanges, and what lasts from one packet to the next: statefulness per interface, and networks that change under way."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.reasons import Reason
from lab.simulation import Drop, Ground, Probe, Simulation
from lab.topology import Gate, Side, Stage, Topology
from tests.simulation.build import MACHINES, Fabric, acl, echo, echo_reply, group, route, tcp, topology, udp

A, B, C = MACHINES["a"], MACHINES["b"], MACHINES["c"]
SHUT: tuple[str, ...] = ()
LETS_NOTHING_IN = Fabric(ingress=(("a", SHUT),))
SG = Reason.ENI_SG_RULES_MISMATCH

EXCHANGES = [
    ("ping", echo(A, B)),
    ("ping in fragments", replace(echo(A, B), size=4000)),
    ("TCP", tcp(A, B)),
    ("UDP", udp(A, B)),
]


@pytest.mark.parametrize("probe", [case[1] for case in EXCHANGES], ids=[case[0] for case in EXCHANGES])
def test_an_answer_passes_a_group_that_admits_nothing(probe: Probe) -> None:
    exchange = Simulation(LETS_NOTHING_IN.topology()).exchange(probe, "a")
    assert exchange.answered
    assert exchange.reply is not None
    assert [asked.ground for asked in exchange.reply.hops[1].gates if asked.stage >= Stage.EGRESS] == [Ground.CONNECTION] * 2


def test_a_list_judges_the_answer_by_itself() -> None:
    fabric = replace(LETS_NOTHING_IN, acls=(acl("a", Side.OUT, "10.0.2.0/24"),))
    exchange = Simulation(fabric.topology()).exchange(echo(A, B), "a")
    assert exchange.request.delivered
    assert exchange.reply is not None
    assert exchange.reply.reason is Reason.SUBNET_ACL_RESTRICTION
    assert not exchange.answered


UNANSWERED = [
    ("dropped on the way", echo(B, A), "b", False),
    ("a packet that nobody answers", echo_reply(A, B), "a", True),
]


@pytest.mark.parametrize(
    ("probe", "node", "delivered"), [case[1:] for case in UNANSWERED], ids=[case[0] for case in UNANSWERED]
)
def test_no_answer(probe: Probe, node: str, delivered: bool) -> None:
    exchange = Simulation(LETS_NOTHING_IN.topology()).exchange(probe, node)
    assert exchange.reply is None
    assert exchange.request.delivered is delivered


def test_an_answer_to_nothing_is_judged_by_the_rules() -> None:
    simulation = Simulation(LETS_NOTHING_IN.topology())
    assert simulation.send(echo_reply(B, A), "b").reason is SG
    assert simulation.send(echo_reply(A, B), "a").delivered  # the rules permit it…
    assert simulation.send(echo(B, A), "b").reason is SG  # … and it opened nothing for a ping the other way


@given(st.lists(st.sampled_from([A, B, C]), min_size=1), st.booleans())
def test_admitted_once_a_connection_stays(open_to: list[str], tcp_or_udp: bool) -> None:
    """Whatever a admits: if it may ping, send TCP or UDP at all, the answer comes back, and so does the next one."""
    fabric = Fabric(ingress=(("a", SHUT),), egress=(("a", tuple(f"{address}/32" for address in open_to)),))
    simulation = Simulation(fabric.topology())
    probe = tcp(A, B) if tcp_or_udp else udp(A, B)
    for _ in range(2):
        assert simulation.exchange(probe, "a").answered is (B in open_to)


# The network changes under a running flow


def with_gates(network: Topology, interface: str, *gates: Gate) -> Topology:
    """The network with an interface's groups replaced."""
    vpc = network.by_name["vpc"]
    kept = tuple(gate for gate in vpc.gates if gate.interface != interface)
    return replace(network, nodes=tuple(replace(n, gates=(*kept, *gates)) if n is vpc else n for n in network.nodes))


def test_a_running_flow_survives_the_loss_of_its_rule() -> None:
    before = Fabric().topology()
    simulation = Simulation(before)
    assert simulation.exchange(echo(A, B), "a").answered
    shut = simulation.with_topology(with_gates(before, "b", *group("b", ())))
    assert shut.exchange(echo(A, B), "a").answered
    assert shut.exchange(echo(A, B, 2), "a").request.reason is SG


def test_an_unanswered_flow_does_not_survive_the_loss_of_its_rule() -> None:
    before = Fabric().topology()
    simulation = Simulation(before)
    assert simulation.send(echo(A, B), "a").delivered
    assert simulation.with_topology(with_gates(before, "b", *group("b", ()))).send(echo(A, B), "a").reason is SG


def test_a_running_flow_is_dropped_at_an_interface_that_never_admitted_it() -> None:
    """b's traffic is re-routed to c, whose group admits nothing. The connection is established, but not there."""
    open_network = Fabric(checked=())
    rerouted = replace(open_network, routes=(route(f"{B}/32", "c", C),), ingress=(("c", SHUT),))
    simulation = Simulation(open_network.topology())
    assert simulation.exchange(echo(A, B), "a").answered
    after = simulation.with_topology(rerouted.topology())
    walk = after.send(echo(A, B), "a")
    assert walk.reason is SG
    assert walk.at is not None
    assert walk.at.gates[-1].gate.interface == "c"
    assert after.send(echo(A, B), "a").reason is SG  # and again: having been refused there admits nothing
    assert after.send(echo_reply(B, A), "b").delivered  # the way back leads past the same interfaces as before


def test_a_running_flow_is_admitted_by_the_rules_of_the_interface_it_moves_to() -> None:
    open_network = Fabric(checked=())
    rerouted = replace(open_network, routes=(route(f"{B}/32", "c", C),))
    simulation = Simulation(open_network.topology())
    assert simulation.exchange(echo(A, B), "a").answered
    walk = simulation.with_topology(rerouted.topology()).send(echo(A, B), "a")
    assert walk.reason is Drop.NOT_FORWARDING
    assert [asked.ground for asked in walk.hops[1].gates[-2:]] == [Ground.CONNECTION, Ground.RULE]


def test_what_happens_in_the_changed_network_leaves_the_old_one_alone() -> None:
    network = LETS_NOTHING_IN.topology()
    before = Simulation(network)
    assert before.with_topology(network).send(echo(A, B), "a").delivered
    assert before.send(echo_reply(B, A), "b").reason is SG


def test_a_node_that_goes_takes_its_memory_along() -> None:
    network = LETS_NOTHING_IN.topology()
    simulation = Simulation(network)
    assert simulation.send(echo(A, B), "a").delivered
    back_again = simulation.with_topology(topology([], [])).with_topology(network)
    assert back_again.send(echo_reply(B, A), "b").reason is SG
    assert simulation.with_topology(network).send(echo_reply(B, A), "b").delivered


def test_the_changed_network_is_the_one_that_is_walked() -> None:
    network = Fabric().topology()
    simulation = Simulation(network)
    assert simulation.send(echo(A, B), "a").delivered
    gone = replace(network, links=tuple(link for link in network.links if link.a[0] != "b"))
    assert simulation.with_topology(gone).send(echo(A, B), "a").reason is Drop.NEXT_HOP_UNREACHABLE


# Size


def many_fabrics(count: int) -> Topology:
    """`count` fabrics of three machines each, side by side, with names of their own."""
    one = Fabric().topology()
    nodes, links = [], []
    for number in range(count):
        nodes += [replace(node, name=f"{node.name}{number}") for node in one.nodes]
        links += [
            replace(link, a=(f"{link.a[0]}{number}", link.a[1]), b=(f"{link.b[0]}{number}", link.b[1])) for link in one.links
        ]
    return Topology(tuple(nodes), tuple(links))


def test_an_exchange_does_not_grow_with_the_network() -> None:
    """10,000 endpoints. Only the nodes on the way are indexed; the time, far above what it takes, catches a scan for each hop."""
    simulation = Simulation(many_fabrics(3334))
    assert simulation.exchange(echo(A, B), "a0").answered  # builds the topology's own index of links
    start = perf_counter()
    assert simulation.exchange(echo(A, B), "a3333").answered
    assert perf_counter() - start < 0.1
    assert set(simulation._routers) == {"a0", "vpc0", "b0", "a3333", "vpc3333", "b3333"}
