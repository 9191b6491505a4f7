"""A home router: who is hidden behind one public address, and what finds its way back to whom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import pytest

from lab.simulation import Probe, Simulation, answer
from lab.topology import Topology
from tests.simulation.build import AT_HOME, HOME, SERVER, echo, echo_reply, home, tcp, udp

LAPTOP, PHONE = AT_HOME["laptop"], AT_HOME["phone"]


@dataclass(frozen=True)
class Case:
    """Packets that are sent in turn, and the ports, or identifiers, that the server sees them come from."""

    id: str
    sent: tuple[tuple[str, Probe], ...]
    seen: tuple[int, ...]


CASES = [
    Case("a ping keeps its identifier", (("laptop", echo(LAPTOP, SERVER, 7)),), (7,)),
    Case("another may use the same", (("laptop", echo(LAPTOP, SERVER, 7)), ("phone", echo(PHONE, SERVER, 7))), (7, 0)),
    Case("a ping goes on as it began", (("laptop", echo(LAPTOP, SERVER, 7)), ("laptop", echo(LAPTOP, SERVER, 7))), (7, 7)),
    Case("TCP from one port of two machines", (("laptop", tcp(LAPTOP, SERVER)), ("phone", tcp(PHONE, SERVER))), (40000, 1024)),
    Case("UDP and TCP apart", (("laptop", tcp(LAPTOP, SERVER)), ("phone", udp(PHONE, SERVER))), (40000, 40000)),
    Case("to other ports apart", (("laptop", tcp(LAPTOP, SERVER, 80)), ("phone", tcp(PHONE, SERVER, 443))), (40000, 40000)),
    Case(
        "a low port gives way to a low one",
        tuple((name, replace(udp(AT_HOME[name], SERVER, 500), source_port=500)) for name in AT_HOME),
        (500, 1),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_connection_has_a_port_of_its_own_and_its_answers_come_back(case: Case) -> None:
    simulation = Simulation(home())
    exchanges = [simulation.exchange(probe, name) for name, probe in case.sent]
    assert all(exchange.answered for exchange in exchanges)
    assert [exchange.request.packet.source for exchange in exchanges] == [IPv4Address(HOME)] * len(exchanges)
    assert tuple(exchange.request.packet.source_port for exchange in exchanges) == case.seen
    for (name, probe), exchange in zip(case.sent, exchanges, strict=True):
        assert exchange.reply is not None
        assert exchange.reply.nodes[-1] == name
        assert exchange.reply.packet == replace(exchange.reply.packet, **_ends(probe))


def _ends(probe: Probe) -> dict[str, object]:
    """The addresses and ports of what answers a probe."""
    back = answer(probe)
    assert back is not None
    names = ("source", "destination", "source_port", "destination_port")
    return {name: getattr(back, name) for name in names}


def reason(topology: Topology, node: str, probe: Probe) -> str:
    return str(Simulation(topology).exchange(probe, node).request.reason)


def test_nobody_outside_reaches_who_has_not_asked() -> None:
    assert reason(home(), "server", echo(SERVER, LAPTOP)) == "NO_ROUTE_TO_DESTINATION"
    arrived = Simulation(home()).send(udp(SERVER, HOME), "server")
    assert (arrived.delivered, arrived.nodes[-1]) == (True, "router")  # which is not the laptop


def test_what_begins_no_connection_is_left_alone() -> None:
    """As by Linux: the answer to a question that nobody asked leaves with its private address."""
    walk = Simulation(home()).send(echo_reply(LAPTOP, SERVER), "laptop")
    assert (walk.delivered, str(walk.packet.source)) == (True, LAPTOP)


def test_two_machines_of_one_home_reach_each_other_untranslated() -> None:
    exchange = Simulation(home()).exchange(echo(LAPTOP, PHONE), "laptop")
    assert exchange.answered
    assert str(exchange.request.packet.source) == LAPTOP


def test_the_router_itself_shares_its_ports_with_the_machines_behind_it() -> None:
    simulation = Simulation(home())
    simulation.exchange(echo(LAPTOP, SERVER, 7), "laptop")
    own = simulation.exchange(echo(HOME, SERVER, 7), "router")
    assert own.answered
    assert own.request.packet.source_port != 7


def test_another_public_address_ends_the_connections() -> None:
    before = home()
    simulation = Simulation(before)
    simulation.exchange(echo(LAPTOP, SERVER, 7), "laptop")
    after = replace(
        before,
        nodes=tuple(
            replace(node, masquerades=tuple(replace(one, public=IPv4Address("203.0.113.51")) for one in node.masquerades))
            for node in before.nodes
        ),
    )
    late = simulation.with_topology(after).send(echo_reply(SERVER, HOME, 7), "server")
    assert late.nodes[-1] == "router"
    kept = simulation.with_topology(before).send(echo_reply(SERVER, HOME, 7), "server")
    assert kept.nodes[-1] == "laptop"
