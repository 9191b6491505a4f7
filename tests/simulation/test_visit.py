"""What happens to a packet in the nodes on its way, tunnels aside: the kernel's drops, the gates, TTL, size, NAT."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.reasons import Reason
from lab.simulation import Drop, Ground, Probe, Simulation, Walk
from lab.topology import Match, Nat, RouteTable, Rule, Side, Stage, Topology
from tests.simulation.build import (
    MACHINES,
    Fabric,
    Plan,
    acl,
    chain,
    echo,
    link,
    nowhere,
    origin,
    route,
    tcp,
    topology,
)

A, B, C = MACHINES["a"], MACHINES["b"], MACHINES["c"]
NOTHING = ()


def walk(network: Topology, probe: Probe, node: str = "a") -> Walk:
    return Simulation(network).send(probe, node)


# A chain of routers: TTL and size


def across(length: int) -> Probe:
    return echo("10.0.0.1", f"10.0.{length}.2")


@given(st.integers(0, 6), st.integers(1, 9))
def test_the_ttl_is_enough_for_one_router_less_than_it_says(routers: int, ttl: int) -> None:
    result = walk(chain(routers), replace(across(routers), ttl=ttl))
    assert result.delivered is (ttl > routers)
    if result.delivered:
        assert result.packet.ttl == ttl - routers
        assert result.nodes == ("a", *(f"r{number + 1}" for number in range(routers)), "b")
    else:
        assert result.reason is Drop.TTL_EXCEEDED
        assert result.error is not None
        assert (result.error.type, result.error.code, result.error.node.name) == (11, 0, f"r{ttl}")


@given(st.lists(st.sampled_from([600, 1300, 1400, 1500]), min_size=1, max_size=5), st.integers(500, 1600), st.booleans())
def test_a_packet_is_dropped_for_its_size_only_where_it_must_not_be_fragmented(
    mtus: list[int], size: int, dont_fragment: bool
) -> None:
    length = len(mtus) - 1
    result = walk(chain(length, mtus), replace(across(length), size=size, dont_fragment=dont_fragment))
    narrow = next((number for number, mtu in enumerate(mtus) if mtu < size), None)
    assert result.delivered is (narrow is None or not dont_fragment)
    if narrow is None:
        assert not any(hop.note for hop in result.hops)
    elif not dont_fragment:
        assert result.hops[narrow].note == f"fragmented to fit {mtus[narrow]} bytes"
    else:
        assert result.reason is Drop.FRAGMENTATION_NEEDED
        assert len(result.hops) == narrow + 1
        told = result.error and (result.error.type, result.error.code, result.error.mtu, result.error.node.name)
        assert told == (None if narrow == 0 else (3, 4, mtus[narrow], f"r{narrow}"))  # the sender itself needs no ICMP


def test_no_error_is_sent_about_an_error() -> None:
    assert walk(chain(2), replace(across(2), icmp=(3, 1), ttl=1)).error is None


# The drops of the kernel


def dead_end() -> Topology:
    """a ── r ── b, where r knows more than it can reach: an address nobody has, and a cable that is not plugged in."""
    a, r, b = Plan("a"), Plan("r", forwards=True), Plan("b")
    a.interface("eth0", "10.0.0.1/24")
    a.main.append(route("0.0.0.0/0", "eth0", "10.0.0.2"))
    r.interface("a", "10.0.0.2/24")
    r.interface("b", "10.0.1.1/24")
    r.interface("loose", "10.0.2.1/24")
    r.main += [route("10.0.0.0/24", "a"), route("10.0.1.0/24", "b"), route("10.0.2.0/24", "loose")]
    r.main += [route("10.0.3.0/24", "b", "10.0.1.2"), route("10.0.4.0/24", drop=Reason.BAD_STATE_ROUTE)]
    b.interface("eth0", "10.0.1.2/24")
    b.main.append(route("0.0.0.0/0", "eth0", "10.0.1.1"))
    return topology([a, r, b], [link("a.eth0", "r.a"), link("r.b", "b.eth0")])


KERNEL = [
    ("delivered", echo("10.0.0.1", "10.0.1.2"), None, "b", None),
    ("delivered to the sender itself", echo("10.0.0.1", "10.0.0.1"), None, "a", None),
    ("delivered to a router, in its last hop of life", replace(echo("10.0.0.1", "10.0.2.1"), ttl=1), None, "r", None),
    ("no route at all", echo("10.0.0.1", "10.0.9.9"), Reason.NO_ROUTE_TO_DESTINATION, "r", (3, 0)),
    ("a route that drops", echo("10.0.0.1", "10.0.4.9"), Reason.BAD_STATE_ROUTE, "r", None),
    ("nobody has the address", echo("10.0.0.1", "10.0.1.9"), Drop.NEXT_HOP_UNREACHABLE, "r", (3, 1)),
    ("no cable", echo("10.0.0.1", "10.0.2.9"), Drop.NEXT_HOP_UNREACHABLE, "r", (3, 1)),
    ("a host forwards nothing", echo("10.0.0.1", "10.0.3.9"), Drop.NOT_FORWARDING, "b", None),
    ("from the router's own address", echo("10.0.1.1", "10.0.1.2"), Drop.MARTIAN_SOURCE, "r", None),
    ("from a group of hosts", echo("224.0.0.1", "10.0.1.2"), Drop.MARTIAN_SOURCE, "r", None),
    ("from no address", echo("0.1.2.3", "10.0.1.2"), Drop.MARTIAN_SOURCE, "r", None),
    ("from loopback", echo("127.0.0.1", "10.0.1.2"), Drop.MARTIAN_SOURCE, "r", None),
    ("to a group of hosts", echo("10.0.0.1", "224.0.0.1"), Drop.MARTIAN_DESTINATION, "r", None),
    ("to everybody", echo("10.0.0.1", "255.255.255.255"), Drop.MARTIAN_DESTINATION, "r", None),
    ("to loopback", echo("10.0.0.1", "127.0.0.1"), Drop.MARTIAN_DESTINATION, "r", None),
]


@pytest.mark.parametrize(
    ("probe", "reason", "where", "error"), [case[1:] for case in KERNEL], ids=[case[0] for case in KERNEL]
)
def test_what_the_kernel_drops(probe: Probe, reason: Reason | Drop | None, where: str, error: tuple[int, int] | None) -> None:
    result = walk(dead_end(), probe)
    assert (result.reason, result.nodes[-1]) == (reason, where)
    assert (result.error and (result.error.type, result.error.code)) == error
    assert result.delivered is (reason is None)
    if result.at is not None:
        assert result.at is result.hops[-1]


def test_a_sender_without_a_route_gets_no_icmp() -> None:
    lonely = Plan("a")
    lonely.interface("eth0", "10.0.0.1/24")
    result = walk(topology([lonely], []), echo("10.0.0.1", "10.0.0.2"))
    assert (result.reason, result.error) == (Reason.NO_ROUTE_TO_DESTINATION, None)


def test_an_unknown_node_is_an_error_that_names_it() -> None:
    with pytest.raises(LookupError, match="'nobody'"):
        walk(dead_end(), echo(A, B), "nobody")


# Which table: r serves a by a table of its own, b by the main one


def two_tables(own: tuple[tuple[str, str], ...]) -> Topology:
    """`own` is a's table: (destination, what becomes of it), "" for b or the code of a drop."""
    a, r, b = Plan("a"), Plan("r", forwards=True), Plan("b")
    a.interface("eth0", "10.0.0.1/24")
    a.main.append(route("0.0.0.0/0", "eth0", "10.0.0.2"))
    r.interface("a", "10.0.0.2/24")
    r.interface("b", "10.0.1.1/24")
    r.main += [route("10.0.1.2/32", "b"), nowhere(Reason.BAD_STATE_ROUTE)]
    selected = [route(to, "" if drop else "b", drop=Reason(drop) if drop else None) for to, drop in own]
    r.tables.append(RouteTable(1000, tuple(selected), ("a",)))
    b.interface("eth0", "10.0.1.2/24")
    return topology([a, r, b], [link("a.eth0", "r.a"), link("r.b", "b.eth0")])


TABLES = [
    ("the table of the interface", (("0.0.0.0/0", "NO_ROUTE_TO_DESTINATION"),), Reason.NO_ROUTE_TO_DESTINATION),
    ("longest prefix first", (("0.0.0.0/0", "NO_ROUTE_TO_DESTINATION"), ("10.0.1.0/24", "")), None),
    ("longest prefix first, in any order", (("10.0.1.0/24", ""), ("10.0.1.2/32", "BAD_STATE_ROUTE")), Reason.BAD_STATE_ROUTE),
    ("main, when it has nothing", (("10.0.9.0/24", ""),), None),
]


@pytest.mark.parametrize(("own", "reason"), [case[1:] for case in TABLES], ids=[case[0] for case in TABLES])
def test_which_table_and_route_a_packet_takes(own: tuple[tuple[str, str], ...], reason: Reason | None) -> None:
    assert walk(two_tables(own), echo("10.0.0.1", "10.0.1.2")).reason is reason


def test_the_routers_own_packets_take_the_main_table() -> None:
    network = two_tables((("0.0.0.0/0", "NO_ROUTE_TO_DESTINATION"),))
    assert walk(network, echo("10.0.1.1", "10.0.1.2"), "r").delivered


# A fabric: the gates and their order


@dataclass(frozen=True)
class Case:
    """A packet that a sends through a fabric, and what stops it."""

    name: str
    fabric: Fabric
    probe: Probe
    reason: Reason | Drop | None
    stage: Stage | None = None
    origin: str = ""


SPOOFED = echo("10.9.9.9", B)
CLOSED_A, CLOSED_B = (("a", NOTHING),), (("b", NOTHING),)
LIST_A = (acl("a", Side.IN, "10.0.2.0/24"),)
LIST_B = (acl("b", Side.OUT, "10.0.2.0/24"),)
ONLY_TCP = Rule(Match(protocol="tcp", ports=(443, 443)), True, origin("web"))
TO_C = (route("10.0.1.20/32", "c", C),)  # b's traffic is sent to c
GONE = (route("10.0.1.20/32", drop=Reason.BAD_STATE_ROUTE),)

RECEIVING = Stage.DESTINATION_CHECK
SG, CHECK = Reason.ENI_SG_RULES_MISMATCH, Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION
LIST, UNKNOWN = Reason.SUBNET_ACL_RESTRICTION, Reason.NO_POSSIBLE_DESTINATION

FABRIC = [
    Case("open", Fabric(), echo(A, B), None),
    Case("open, other subnet", Fabric(), echo(A, C), None),
    Case("spoofed", Fabric(), SPOOFED, CHECK, Stage.SOURCE_CHECK, "check-a"),
    Case("spoofed, unchecked", Fabric(checked=()), SPOOFED, None),
    Case("list where it comes in", Fabric(acls=LIST_A), echo(A, B), LIST, Stage.ACL, "acl-a"),
    Case("list where it goes out", Fabric(acls=LIST_B), echo(A, B), LIST, Stage.ACL, "acl-b"),
    Case("list admits", Fabric(acls=(acl("b", Side.OUT, "10.0.1.0/24"),)), echo(A, B), None),
    Case("sent to a checked machine that is not the one", Fabric(routes=TO_C), echo(A, B), CHECK, RECEIVING, "check-c"),
    Case("sent to an unchecked machine", Fabric(routes=TO_C, checked=("a",)), echo(A, B), Drop.NOT_FORWARDING),
    Case("egress", Fabric(egress=CLOSED_A), echo(A, B), SG, Stage.EGRESS, "sg-a"),
    Case("ingress", Fabric(ingress=CLOSED_B), echo(A, B), SG, Stage.INGRESS, "sg-b"),
    Case("ingress by network", Fabric(ingress=(("b", ("10.0.2.0/24",)),)), echo(A, B), SG, Stage.INGRESS, "sg-b"),
    Case("egress by network", Fabric(egress=(("a", ("10.0.1.0/24",)),)), echo(A, C), SG, Stage.EGRESS, "sg-a"),
    Case("nobody there", Fabric(), echo(A, "10.0.1.99"), UNKNOWN, None, "route-10.0.0.0/16"),
    Case("nowhere", Fabric(), echo(A, "8.8.8.8"), Reason.NO_ROUTE_TO_DESTINATION, None, "route-0.0.0.0/0"),
    # two things stop it: the one that stands first says so
    Case("source check before list", Fabric(acls=LIST_A), SPOOFED, CHECK, Stage.SOURCE_CHECK),
    Case("source check before groups", Fabric(egress=CLOSED_A, ingress=CLOSED_B), SPOOFED, CHECK, Stage.SOURCE_CHECK),
    Case("incoming list before outgoing", Fabric(acls=(*LIST_B, *LIST_A)), echo(A, B), LIST, Stage.ACL, "acl-a"),
    Case("list before destination check", Fabric(routes=TO_C, acls=LIST_A), echo(A, B), LIST, Stage.ACL),
    Case("list before egress", Fabric(acls=LIST_B, egress=CLOSED_A), echo(A, B), LIST, Stage.ACL),
    Case("destination check before egress", Fabric(routes=TO_C, egress=CLOSED_A), echo(A, B), CHECK, RECEIVING),
    Case("destination check before ingress", Fabric(routes=TO_C, ingress=(("c", NOTHING),)), echo(A, B), CHECK, RECEIVING),
    Case("egress before ingress", Fabric(egress=CLOSED_A, ingress=CLOSED_B), echo(A, B), SG, Stage.EGRESS, "sg-a"),
    Case("egress before a route that drops", Fabric(routes=GONE, egress=CLOSED_A), echo(A, B), SG, Stage.EGRESS, "sg-a"),
    Case("a route that drops asks no receiver", Fabric(routes=GONE, ingress=CLOSED_B), echo(A, B), Reason.BAD_STATE_ROUTE),
    Case("TTL before every gate", Fabric(egress=CLOSED_A), replace(SPOOFED, ttl=1), Drop.TTL_EXCEEDED),
    Case("TTL before a route that drops", Fabric(routes=GONE), replace(echo(A, B), ttl=1), Drop.TTL_EXCEEDED),
]


@pytest.mark.parametrize("case", FABRIC, ids=lambda case: case.name)
def test_what_a_fabric_lets_through(case: Case) -> None:
    result = walk(case.fabric.topology(), case.probe)
    assert result.reason == case.reason
    if case.stage is not None:
        assert result.at is not None
        last = result.at.gates[-1]
        assert (last.permit, last.stage) == (False, case.stage)
        assert all(asked.permit for asked in result.at.gates[:-1])
        assert result.origin == last.origin
    if case.origin:
        assert result.origin == origin(case.origin)


def test_the_gates_that_let_a_packet_through_are_all_told() -> None:
    hop = walk(Fabric(acls=(acl("b", Side.OUT, "10.0.0.0/8"),)).topology(), echo(A, B)).hops[1]
    told = [(asked.stage, asked.side, asked.gate.interface, asked.ground) for asked in hop.gates]
    assert told == [
        (Stage.SOURCE_CHECK, Side.IN, "a", Ground.CHECK),
        (Stage.ACL, Side.OUT, "b", Ground.RULE),
        (Stage.DESTINATION_CHECK, Side.OUT, "b", Ground.CHECK),
        (Stage.EGRESS, Side.IN, "a", Ground.RULE),
        (Stage.INGRESS, Side.OUT, "b", Ground.RULE),
    ]
    assert hop.route is not None
    assert hop.route.origin == origin("route-10.0.1.20/32")


def test_the_fabrics_own_packets_meet_no_gate() -> None:
    result = walk(Fabric(ingress=CLOSED_B).topology(), echo("10.0.1.1", B), "vpc")
    assert result.delivered
    assert result.hops[0].gates == ()


@pytest.mark.requirement("S0-066")
def test_a_rule_for_one_protocol_stops_the_others() -> None:
    fabric = Fabric().topology()
    vpc = fabric.by_name["vpc"]
    gates = tuple(replace(gate, rules=(ONLY_TCP,)) if gate.interface == "b" else gate for gate in vpc.gates)
    narrowed = replace(fabric, nodes=tuple(replace(node, gates=gates) if node is vpc else node for node in fabric.nodes))
    assert walk(narrowed, tcp(A, B, 443)).delivered
    assert walk(narrowed, tcp(A, B, 80)).reason is SG
    assert walk(narrowed, echo(A, B)).reason is SG


# Translation


def translating(private: str, public: str) -> Topology:
    """a ── edge ── world, where `private` is `public` to the world."""
    a, edge, world = Plan("a"), Plan("edge", forwards=True), Plan("world")
    a.interface("eth0", "10.0.0.1/24", "10.0.0.3/24")
    a.main.append(route("0.0.0.0/0", "eth0", "10.0.0.2"))
    edge.interface("a", "10.0.0.2/24")
    edge.interface("out", "192.0.2.1/24")
    edge.main += [route("10.0.0.0/24", "a"), route("0.0.0.0/0", "out", "192.0.2.2")]
    edge.nats.append(Nat("out", IPv4Address(private), IPv4Address(public), origin("eip")))
    world.interface("eth0", "192.0.2.2/24")
    world.main.append(route("0.0.0.0/0", "eth0", "192.0.2.1"))
    return topology([a, edge, world], [link("a.eth0", "edge.a"), link("edge.out", "world.eth0")])


TRANSLATIONS: list[tuple[str, str, Probe, str, str]] = [
    ("source on the way out", "a", echo("10.0.0.1", "192.0.2.2"), "203.0.113.1", "192.0.2.2"),
    ("destination on the way in", "world", echo("192.0.2.2", "203.0.113.1"), "192.0.2.2", "10.0.0.1"),
    ("another source stays", "a", echo("10.0.0.3", "192.0.2.2"), "10.0.0.3", "192.0.2.2"),
    ("a private destination stays", "world", echo("192.0.2.2", "10.0.0.3"), "192.0.2.2", "10.0.0.3"),
]


@pytest.mark.parametrize(
    ("node", "probe", "source", "destination"), [case[1:] for case in TRANSLATIONS], ids=[case[0] for case in TRANSLATIONS]
)
def test_translation_one_way(node: str, probe: Probe, source: str, destination: str) -> None:
    result = walk(translating("10.0.0.1", "203.0.113.1"), probe, node)
    assert result.delivered
    assert (str(result.packet.source), str(result.packet.destination)) == (source, destination)
    changed = (probe.source, probe.destination) != (result.packet.source, result.packet.destination)
    assert [nat.origin for nat in result.hops[1].nats] == ([origin("eip")] if changed else [])


@pytest.mark.parametrize("from_outside", [False, True], ids=["from inside", "from outside"])
@given(st.integers(0, 255))
def test_an_answer_is_translated_back(from_outside: bool, low: int) -> None:
    public = f"203.0.113.{low}"
    probe = echo("192.0.2.2", public) if from_outside else echo("10.0.0.1", "192.0.2.2")
    exchange = Simulation(translating("10.0.0.1", public)).exchange(probe, "world" if from_outside else "a")
    assert exchange.reply is not None
    assert exchange.answered
    assert (exchange.reply.packet.source, exchange.reply.packet.destination) == (probe.destination, probe.source)
