"""The network of the documented scenario, and what leaving a step out takes from it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

import pytest

from dataplane.check import EniCheck
from lab.compiler.phone import CONTROLLER_ADDRESS
from lab.reasons import Reason
from lab.scenario import Scenario
from lab.topology import ANY, Gate, Node, NodeKind, RouteTable, Stage, Topology, Tunnel
from scenarios import vcpe_ping

SEED = b"tests of the compiler"
SCENARIO = Scenario.of(vcpe_ping)

APP, VCPE, ECS = (IPv4Address(text) for text in ("10.0.1.10", "10.0.2.10", "192.168.1.10"))
AWS, ALIBABA = (IPv4Network(text) for text in ("10.0.0.0/16", "192.168.0.0/16"))
PUBLIC, PRESENCE = IPv4Address("203.0.113.10"), IPv4Address("198.51.100.10")


def compiled(*skip: str) -> Topology:
    return SCENARIO.topology(skip, SEED)


@pytest.fixture(scope="module")
def full() -> Topology:
    return compiled()


def labelled(topology: Topology, label: str) -> Node:
    return next(node for node in topology.nodes if node.label == label)


def eni_of(topology: Topology, label: str) -> str:
    """The fabric's interface towards a machine."""
    far = topology.far_end
    return next(here for (_, here), (node, _) in far.items() if node == labelled(topology, label).name)


def gate(topology: Topology, fabric: str, machine: str, stage: Stage) -> Gate:
    interface = eni_of(topology, machine)
    return next(g for g in labelled(topology, fabric).gates if g.interface == interface and g.stage is stage)


def check(topology: Topology, machine: str) -> EniCheck:
    interface = eni_of(topology, machine)
    return next(c.check for c in labelled(topology, "aws").checks if c.interface == interface)


def table(topology: Topology, node: str, interface: str) -> RouteTable:
    """The table that serves what comes in on an interface."""
    return next(t for t in labelled(topology, node).tables if interface in t.selected_by)


def ways(routes: RouteTable) -> dict[IPv4Network, str | Reason]:
    """Destination → the interface it leads to, or the reason it is dropped for."""
    return {route.destination: route.drop or route.interface for route in routes.routes}


def tunnel(topology: Topology, node: str) -> Tunnel | None:
    services = labelled(topology, node).services
    return services[0] if services else None


def sources(gate: Gate) -> list[IPv4Network]:
    return [rule.match.source for rule in gate.rules]


# With nothing left out


def test_nodes(full: Topology) -> None:
    assert {(node.label, node.kind, node.provider, node.forwards) for node in full.nodes} == {
        ("internet", NodeKind.INTERNET, "", True),
        ("aws", NodeKind.VPC, "aws", True),
        ("app", NodeKind.HOST, "aws", False),
        ("vcpe", NodeKind.GATEWAY, "aws", True),
        ("alibaba", NodeKind.VPC, "alibaba", True),
        ("ecs", NodeKind.HOST, "alibaba", False),
        ("ccn-singapore", NodeKind.CCN, "alibaba", True),
        ("hybrid", NodeKind.CEN, "alibaba", True),
        ("controller", NodeKind.CONTROLLER, "alibaba", False),
    }


def test_links_join_interfaces_that_exist_and_each_only_once(full: Topology) -> None:
    ends = [end for link in full.links for end in (link.a, link.b)]
    wired = {(n.name, i.name) for n in full.nodes for i in n.interfaces if not i.tunnel}
    assert len(ends) == len(set(ends))
    assert set(ends) == wired


def test_addresses_of_machines(full: Topology) -> None:
    for label, address in (("app", APP), ("vcpe", VCPE), ("ecs", ECS)):
        assert labelled(full, label).addresses == {address}
    assert PRESENCE in labelled(full, "ccn-singapore").addresses


def test_one_to_one_translation_at_the_internet_gateway(full: Topology) -> None:
    assert [(nat.interface, nat.private, nat.public) for nat in labelled(full, "aws").nats] == [("igw", VCPE, PUBLIC)]
    assert [node.label for node in full.nodes if node.nats] == ["aws"]


def test_the_internet_knows_public_addresses_only(full: Topology) -> None:
    (main,) = labelled(full, "internet").tables
    assert set(ways(main)) == {IPv4Network(PUBLIC), IPv4Network(PRESENCE), IPv4Network(CONTROLLER_ADDRESS), ANY}
    assert ways(main)[ANY] is Reason.NO_ROUTE_TO_DESTINATION


@pytest.mark.requirement("S0-062", "S0-064")
def test_the_app_subnets_table_leads_to_the_vcpe(full: Topology) -> None:
    app, vcpe = eni_of(full, "app"), eni_of(full, "vcpe")
    assert ways(table(full, "aws", app)) == {
        IPv4Network(APP): app,
        IPv4Network(VCPE): vcpe,
        ALIBABA: vcpe,
        AWS: Reason.NO_POSSIBLE_DESTINATION,
        ANY: Reason.NO_ROUTE_TO_DESTINATION,
    }


def test_the_vcpes_subnet_has_a_table_of_its_own_that_leads_to_the_internet(full: Topology) -> None:
    ways_out = ways(table(full, "aws", eni_of(full, "vcpe")))
    assert ways_out[ANY] == "igw"
    assert ALIBABA not in ways_out


def test_what_comes_from_the_internet_finds_machines_and_nothing_else(full: Topology) -> None:
    inbound = ways(table(full, "aws", "igw"))
    assert set(inbound) == {IPv4Network(APP), IPv4Network(VCPE), ANY}
    assert inbound[ANY] is Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS


def test_every_table_that_forwards_ends_in_a_default_route(full: Topology) -> None:
    for node in full.nodes:
        for routes in node.tables:
            if routes.selected_by:
                assert routes.routes[-1].destination == ANY or ANY in ways(routes), (node.label, routes.number)


def test_every_forwarding_interface_of_a_machine_or_fabric_selects_one_table(full: Topology) -> None:
    for node in full.nodes:
        chosen = [name for routes in node.tables for name in routes.selected_by]
        assert len(chosen) == len(set(chosen)), node.label
        assert set(chosen) <= {interface.name for interface in node.interfaces}


@pytest.mark.requirement("S0-044")
def test_checks(full: Topology) -> None:
    assert check(full, "app") == EniCheck((APP,), enabled=True)
    assert check(full, "vcpe") == EniCheck((VCPE,), enabled=False)
    assert [node.label for node in full.nodes if node.checks] == ["aws"]


def test_groups_are_stateful_and_deny_by_default(full: Topology) -> None:
    for fabric, machine in (("aws", "app"), ("aws", "vcpe"), ("alibaba", "ecs")):
        ingress = gate(full, fabric, machine, Stage.INGRESS)
        assert (ingress.stateful, ingress.default) == (True, False), machine
    assert sources(gate(full, "aws", "vcpe", Stage.INGRESS)) == [AWS, ALIBABA]
    assert ALIBABA in sources(gate(full, "aws", "app", Stage.INGRESS))
    assert AWS in sources(gate(full, "alibaba", "ecs", Stage.INGRESS))


def test_both_ends_of_the_tunnel(full: Topology) -> None:
    vcpe, presence = tunnel(full, "vcpe"), tunnel(full, "ccn-singapore")
    assert vcpe is not None
    assert presence is not None
    (to_presence,), (to_vcpe,) = vcpe.peers, presence.peers
    assert to_presence.name == to_vcpe.name
    assert (vcpe.address, presence.address, vcpe.port, presence.port) == (VCPE, PRESENCE, 4500, 4500)
    assert (to_presence.prefixes, to_vcpe.prefixes) == ((ALIBABA,), (AWS,))
    assert (to_presence.endpoint, to_presence.speaks_first) == ((PRESENCE, 4500), True)
    assert (to_vcpe.endpoint, to_vcpe.speaks_first) == (None, False)
    assert vcpe.check is presence.check is None  # the fabric enforces it


@pytest.mark.requirement("S0-052")
def test_cen_makes_routes_mutual(full: Topology) -> None:
    transit = ways(labelled(full, "hybrid").tables[0])
    assert set(transit) == {AWS, ALIBABA, ANY}
    assert ways(table(full, "alibaba", eni_of(full, "ecs")))[AWS] == "cen"
    assert ways(table(full, "vcpe", "eth0"))[ALIBABA] == "tun0"


def test_every_object_names_the_call_that_made_it(full: Topology) -> None:
    for node in full.nodes:
        origins = {route.origin for table in node.tables for route in table.routes}
        origins |= {it.origin for it in node.gates} | {it.origin for it in node.checks} | {it.origin for it in node.nats}
        for origin in origins:
            if node.kind not in (NodeKind.INTERNET, NodeKind.CONTROLLER) or origin.operation:
                assert origin.resource, (node.label, origin)
                assert origin.operation.split(".")[0] in ("aws", "alibaba"), (node.label, origin)
                assert origin.number > 0


def test_equal_state_gives_an_equal_topology(full: Topology) -> None:
    assert compiled() == full
    assert compiled().links == full.links


def test_what_a_step_left_out_does_not_touch_keeps_its_name() -> None:
    """A skipped step leaves no gap in the identifiers: whatever is there in both networks bears the same name."""
    full, without = compiled(), compiled("4.2")
    assert [node.name for node in without.nodes] == [node.name for node in full.nodes]
    assert without.links == full.links


# What each omission changes: a look at the topology, and what it shows with the step done and left out

View = Callable[[Topology], object]
NOBODY: tuple[object, ...] = ()

OMISSIONS: list[tuple[str, View, object, object]] = [
    ("1", lambda t: labelled(t, "vcpe").kind, NodeKind.GATEWAY, NodeKind.HOST),
    ("1", lambda t: ways(table(t, "vcpe", "eth0"))[ANY], Reason.NO_ROUTE_TO_DESTINATION, Reason.SAG_DEVICE_NOT_ASSOCIATED),
    ("2.1", lambda t: labelled(t, "vcpe").kind, NodeKind.GATEWAY, NodeKind.HOST),
    ("2.1", lambda t: tunnel(t, "ccn-singapore") is None, False, True),
    ("2.2", lambda t: labelled(t, "vcpe").cores, 2, 1),
    ("2.3", lambda t: tunnel(t, "vcpe") is None, False, True),
    ("2.3.key", lambda t: labelled(t, "vcpe").kind, NodeKind.GATEWAY, NodeKind.HOST),
    ("2.3.address", lambda t: len(labelled(t, "aws").nats), 1, 0),
    ("2.3.address", lambda t: tunnel(t, "vcpe") is None, False, False),
    ("2.4", lambda t: gate(t, "aws", "vcpe", Stage.INGRESS).reason, Reason.ENI_SG_RULES_MISMATCH, Reason.SG_HAS_NO_RULES),
    ("2.4", lambda t: sources(gate(t, "aws", "vcpe", Stage.INGRESS)), [AWS, ALIBABA], []),
    ("2.4.aws", lambda t: sources(gate(t, "aws", "vcpe", Stage.INGRESS)), [AWS, ALIBABA], [ALIBABA]),
    ("2.4.alibaba", lambda t: sources(gate(t, "aws", "vcpe", Stage.INGRESS)), [AWS, ALIBABA], [AWS]),
    ("2.5", lambda t: check(t, "vcpe").enabled, False, True),
    ("3.1", lambda t: tunnel(t, "ccn-singapore").peers[0].prefixes, (AWS,), ()),  # type: ignore[union-attr]
    ("3.1", lambda t: ways(labelled(t, "hybrid").tables[0]).keys(), {AWS, ALIBABA, ANY}, {ALIBABA, ANY}),
    ("3.2", lambda t: [n.label for n in t.nodes if n.kind is NodeKind.CCN], ["ccn-singapore"], []),
    ("3.2", lambda t: ways(table(t, "vcpe", "eth0"))[ANY], Reason.NO_ROUTE_TO_DESTINATION, Reason.SAG_NOT_ATTACHED_TO_CCN),
    ("3.3", lambda t: [n.label for n in t.nodes if n.kind is NodeKind.CEN], ["hybrid"], []),
    ("3.3", lambda t: tunnel(t, "vcpe").peers[0].prefixes, (ALIBABA,), ()),  # type: ignore[union-attr]
    ("3.3.4", lambda t: ways(labelled(t, "hybrid").tables[0]).keys(), {AWS, ALIBABA, ANY}, {AWS, ANY}),
    ("3.3.4", lambda t: AWS in ways(table(t, "alibaba", eni_of(t, "ecs"))), True, False),
    ("3.3.5", lambda t: AWS in sources(gate(t, "alibaba", "ecs", Stage.INGRESS)), True, False),
    ("4.2", lambda t: ALIBABA in ways(table(t, "aws", eni_of(t, "app"))), True, False),
    ("4.2", lambda t: ways(table(t, "aws", eni_of(t, "vcpe")))[ANY], "igw", "igw"),
    ("4.3", lambda t: ALIBABA in sources(gate(t, "aws", "app", Stage.INGRESS)), True, False),
]


@pytest.mark.requirement("S0-037", "S0-040", "S0-041", "S0-046", "S0-051", "S0-054", "S0-059", "S0-060", "S0-065")
@pytest.mark.parametrize(("step", "look", "done", "left_out"), OMISSIONS, ids=[it[0] for it in OMISSIONS])
def test_omission(full: Topology, step: str, look: View, done: object, left_out: object) -> None:
    assert look(full) == done
    assert look(compiled(step)) == left_out


@pytest.mark.parametrize("step", ["2.2", "4.1", "4.4"])
def test_steps_that_change_nothing(full: Topology, step: str) -> None:
    assert [node.gates for node in compiled(step).nodes] == [node.gates for node in full.nodes]
    assert compiled(step).links == full.links
