"""A node's gates as nftables text. Pure: what the kernel makes of it is in test_packets.py."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.check import EniCheck
from lab.drops import Filter
from lab.emulation.ruleset import render
from lab.origin import Origin
from lab.reasons import Reason
from lab.topology import (
    ANY,
    EniGate,
    Gate,
    Interface,
    Limit,
    Match,
    Nat,
    Node,
    NodeKind,
    Route,
    RouteTable,
    Rule,
    Side,
    Stage,
)

ORIGIN = Origin("res-1", "test.make", 1)
ENI = "eni-0123456789a"
ADDRESSES = tuple(IPv4Address(f"10.0.0.{last}") for last in range(1, 9))


def fabric(
    *,
    checks: tuple[EniGate, ...] = (),
    gates: tuple[Gate, ...] = (),
    limits: tuple[Limit, ...] = (),
    nats: tuple[Nat, ...] = (),
    tables: tuple[RouteTable, ...] = (),
    label: str = "fabric",
) -> Node:
    interfaces = (Interface(ENI, (IPv4Interface("10.0.0.1/32"),)),)
    node = Node("vpc-1", label, NodeKind.VPC, "aws", "vpc-1", interfaces, tables, True, checks=checks, gates=gates)
    return replace(node, limits=limits, nats=nats)


def gate(stage: Stage, side: Side, *rules: Rule, default: bool = False, stateful: bool = False) -> Gate:
    return Gate(ENI, side, stage, rules, default, Reason.ENI_SG_RULES_MISMATCH, ORIGIN, stateful)


def rule(match: Match, *, permit: bool = True, reason: Reason | None = None) -> Rule:
    return Rule(match, permit, ORIGIN, reason)


def chain(text: str, name: str) -> list[str]:
    """The lines of one chain."""
    body = re.search(rf"chain {name} {{\n(.*?)\t}}", text, re.DOTALL)
    assert body is not None, f"no chain {name} in:\n{text}"
    return [line.strip() for line in body[1].splitlines()]


# Order


def test_stages_come_in_the_order_in_which_a_packet_meets_them() -> None:
    """Given in the opposite order, to show that it is the stage that counts and not the place in the tuple."""
    gates = [gate(stage, side) for stage in reversed(Stage) for side in (Side.OUT, Side.IN) if stage not in _CHECKS]
    text = render(fabric(checks=(EniGate(ENI, EniCheck(ADDRESSES[:1]), ORIGIN),), gates=tuple(gates))).text
    jumps = re.findall(r"jump (\w+)_eni_0123456789a", "\n".join(chain(text, "forward")))
    assert jumps == [
        "source_check_in",
        "acl_in",
        "acl_out",
        "destination_check_out",
        "egress_in",
        "egress_out",
        "ingress_in",
        "ingress_out",
        "edge_in",
        "edge_out",
    ]


_CHECKS = (Stage.SOURCE_CHECK, Stage.DESTINATION_CHECK)


def test_a_side_is_the_interface_that_a_packet_comes_in_or_goes_out_by() -> None:
    forward = "\n".join(chain(render(fabric(gates=(gate(Stage.EGRESS, Side.IN), gate(Stage.INGRESS, Side.OUT)))).text, "forward"))
    assert f'iifname vmap {{ "{ENI}" : jump egress_in_' in forward
    assert f'oifname vmap {{ "{ENI}" : jump ingress_out_' in forward


def test_the_sink_comes_after_every_gate() -> None:
    table = RouteTable(1001, (Route(ANY, ORIGIN, drop=Reason.NO_ROUTE_TO_DESTINATION),), (ENI,))
    forward = chain(render(fabric(gates=(gate(Stage.EDGE, Side.OUT),), tables=(table,))).text, "forward")
    assert "jump edge_out" in forward[-2]
    assert forward[-1].startswith('oifname "sink"')


def test_sink_lines_go_by_the_longest_prefix_and_the_main_table_comes_last() -> None:
    drop = Reason.NO_ROUTE_TO_DESTINATION
    networks = [IPv4Network(text) for text in ("0.0.0.0/0", "10.0.0.0/8", "10.1.2.0/24", "10.1.0.0/16")]
    own = RouteTable(1001, tuple(Route(network, ORIGIN, drop=drop) for network in networks), (ENI,))
    main = RouteTable(254, (Route(IPv4Network("10.1.2.3/32"), ORIGIN, drop=drop),))
    forward = chain(render(fabric(tables=(main, own))).text, "forward")
    sinks = [line for line in forward if line.startswith('oifname "sink"')]
    assert re.findall(r"ip daddr (\S+)", "\n".join(sinks)) == ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "10.1.2.3/32"]
    assert [f'iifname {{ "{ENI}" }}' in line for line in sinks] == [True, True, True, True, False]


def test_routes_that_lead_somewhere_are_no_sink() -> None:
    table = RouteTable(1001, (Route(ANY, ORIGIN, ENI),), (ENI,))
    assert "sink" not in "\n".join(chain(render(fabric(tables=(table,))).text, "forward"))


# Gates


MATCHES = {
    "anything": (Match(), "return"),
    "source": (Match(source=IPv4Network("10.0.0.0/16")), "ip saddr 10.0.0.0/16 return"),
    "destination": (Match(destination=IPv4Network("192.168.1.10/32")), "ip daddr 192.168.1.10/32 return"),
    "one port": (Match(protocol="tcp", ports=(22, 22)), "tcp dport 22 return"),
    "ports": (Match(protocol="udp", ports=(1000, 2000)), "udp dport 1000-2000 return"),
    "protocol": (Match(protocol="icmp"), "meta l4proto icmp return"),
    "icmp type": (Match(protocol="icmp", icmp=(8, -1)), "meta l4proto icmp icmp type 8 return"),
    "icmp type and code": (Match(protocol="icmp", icmp=(3, 4)), "meta l4proto icmp icmp type 3 icmp code 4 return"),
}


@pytest.mark.parametrize(("match", "line"), MATCHES.values(), ids=MATCHES.keys())
def test_a_rule_is_a_line(match: Match, line: str) -> None:
    ruleset = render(fabric(gates=(gate(Stage.ACL, Side.IN, rule(match)),)))
    lines = chain(ruleset.text, "acl_in_eni_0123456789a")
    assert lines == [line, 'counter name "acl_in_eni_0123456789a" drop']


def test_the_first_rule_decides_so_their_order_is_kept() -> None:
    first, second = Match(source=IPv4Network("10.0.0.1")), Match(source=IPv4Network("10.0.0.0/8"))
    rules = (rule(first, permit=False), rule(second))
    lines = chain(render(fabric(gates=(gate(Stage.ACL, Side.IN, *rules),))).text, "acl_in_eni_0123456789a")
    assert [line.split()[2] for line in lines[:2]] == ["10.0.0.1/32", "10.0.0.0/8"]
    assert lines[0].endswith("drop")
    assert lines[1].endswith("return")


def test_a_default_that_permits_drops_nothing() -> None:
    assert chain(render(fabric(gates=(gate(Stage.EGRESS, Side.IN, default=True),))).text, "egress_in_eni_0123456789a") == [
        "return"
    ]


def test_a_stateful_gate_remembers_connections_by_its_own_interface() -> None:
    gates = (
        gate(Stage.EGRESS, Side.IN, rule(Match()), stateful=True),
        gate(Stage.INGRESS, Side.OUT, rule(Match()), stateful=True),
    )
    text = render(fabric(gates=gates)).text
    for name, side, key in (("egress_in", "in", "ct id . iif"), ("ingress_out", "out", "ct id . oif")):
        known, permitted, _ = chain(text, f"{name}_eni_0123456789a")
        assert known == f"ct state established,related {key} @admitted update @admitted {{ {key} }} return"
        assert permitted == f"goto admit_{side}"
        assert chain(text, f"admit_{side}") == [f"add @admitted {{ {key} }}"]


def test_a_limit_drops_what_is_more_than_its_rate_over_all_its_ways() -> None:
    limit = Limit((("a", "b"), ("c", "b")), 2_000_000, Reason.CEN_BANDWIDTH_EXCEEDED, ORIGIN)
    table = RouteTable(1001, (Route(ANY, ORIGIN, drop=Reason.NO_ROUTE_TO_DESTINATION),), (ENI,))
    ruleset = render(fabric(limits=(limit,), tables=(table,)))
    line, sink = chain(ruleset.text, "forward")[1:]
    ways, rate = '{ "a" . "b", "c" . "b" }', "limit rate over 250000 bytes/second burst 0 bytes"
    assert line == f'iifname . oifname {ways} {rate} counter name "limit_a_b" drop'
    assert "sink" in sink, "what goes nowhere anyway uses up no bandwidth"
    place = ruleset.counters["limit_a_b"]
    assert (place.filter, place.reason, place.where) == (Filter.BANDWIDTH, Reason.CEN_BANDWIDTH_EXCEEDED, "a")


def test_a_rule_with_a_reason_of_its_own_has_a_counter_of_its_own() -> None:
    refused = Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS
    ruleset = render(fabric(gates=(gate(Stage.EDGE, Side.OUT, rule(Match(), permit=False, reason=refused)),)))
    assert {place.reason for place in ruleset.counters.values()} == {refused, Reason.ENI_SG_RULES_MISMATCH}
    assert {place.filter for place in ruleset.counters.values()} == {Filter.EDGE}


def test_every_drop_has_a_counter_and_every_counter_is_declared() -> None:
    table = RouteTable(1001, (Route(ANY, ORIGIN, drop=Reason.NO_ROUTE_TO_DESTINATION),), (ENI,))
    gates = tuple(gate(stage, side) for stage in Stage for side in Side if stage not in _CHECKS)
    ruleset = render(fabric(checks=(EniGate(ENI, EniCheck(ADDRESSES[:1]), ORIGIN),), gates=gates, tables=(table,)))
    drops = [line for line in ruleset.text.splitlines() if "drop" in line.split()]
    used = {re.search(r'counter name "(\S+)" drop', line)[1] for line in drops}  # type: ignore[index]
    assert used == set(ruleset.counters)
    assert set(re.findall(r"counter (\S+) {", ruleset.text)) == set(ruleset.counters)


# Translation


def test_translation_is_one_to_one_in_both_directions() -> None:
    private, public = IPv4Address("10.0.2.10"), IPv4Address("203.0.113.10")
    text = render(fabric(nats=(Nat("igw", private, public, ORIGIN),))).text
    assert chain(text, "prerouting")[1:] == ['iifname "igw" dnat ip to ip daddr map { 203.0.113.10 : 10.0.2.10 }']
    assert chain(text, "postrouting")[1:] == ['oifname "igw" snat ip to ip saddr map { 10.0.2.10 : 203.0.113.10 }']


def test_what_conntrack_calls_invalid_is_translated_too() -> None:
    private, public = IPv4Address("10.0.2.10"), IPv4Address("203.0.113.10")
    text = render(fabric(nats=(Nat("igw", private, public, ORIGIN),))).text
    inbound = 'iifname "igw" ct state invalid ip daddr set ip daddr map { 203.0.113.10 : 10.0.2.10 }'
    outbound = 'oifname "igw" ct state invalid ip saddr set ip saddr map { 10.0.2.10 : 203.0.113.10 }'
    assert chain(text, "prerouting_invalid")[1:] == [inbound]
    assert chain(text, "postrouting_invalid")[1:] == [outbound]


def test_no_translation_where_there_is_none() -> None:
    text = render(fabric()).text
    assert len(chain(text, "prerouting")) == len(chain(text, "postrouting")) == 1


# The source/destination check: the text says what the predicates say


def permitted_by(lines: list[str], field: str, address: IPv4Address) -> bool:
    """What the one form of line that a check may render to decides about an address."""
    for line in lines:
        parsed = re.fullmatch(rf'ip {field} != {{ ([\d., ]+) }} counter name "\w+" drop', line)
        assert parsed is not None, f"not a line of a check: {line}"
        if address not in [IPv4Address(text.strip()) for text in parsed[1].split(",")]:
            return False
    return True


@pytest.mark.requirement("S0-044")
@given(
    addresses=st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=4, unique=True).map(tuple),
    enabled=st.booleans(),
    asked=st.sampled_from(ADDRESSES),
)
def test_check_equals_its_predicates(addresses: tuple[IPv4Address, ...], enabled: bool, asked: IPv4Address) -> None:
    check = EniCheck(addresses, enabled)
    text = render(fabric(checks=(EniGate(ENI, check, ORIGIN),))).text
    source = chain(text, "source_check_in_eni_0123456789a")
    destination = chain(text, "destination_check_out_eni_0123456789a")
    assert permitted_by(source, "saddr", asked) == check.permits_outbound(asked)
    assert permitted_by(destination, "daddr", asked) == check.permits_inbound(asked)


def test_the_two_halves_of_a_check_are_told_apart() -> None:
    ruleset = render(fabric(checks=(EniGate(ENI, EniCheck(ADDRESSES[:1]), ORIGIN),)))
    assert {place.filter for place in ruleset.counters.values()} == {Filter.SOURCE_CHECK, Filter.DESTINATION_CHECK}
    assert {place.reason for place in ruleset.counters.values()} == {Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION}


# What a user typed


@given(st.text(max_size=40))
def test_no_label_reaches_the_text(label: str) -> None:
    assert render(fabric(label=label)).text == render(fabric()).text


def test_identifiers_of_nft_are_plain() -> None:
    ruleset = render(fabric(gates=(gate(Stage.EGRESS, Side.IN),)))
    assert all(re.fullmatch(r"[a-z0-9_.]+", name) for name in ruleset.counters)
