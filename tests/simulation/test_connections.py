"""What a node remembers of a flow: sequences of packets, and each packet's standing."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.simulation import Probe, answer
from lab.simulation.connections import ConnectionTable
from tests.simulation.build import echo, echo_reply, tcp, udp

A, B = "10.0.0.1", "10.0.0.2"
PING, PONG = echo(A, B), echo_reply(B, A)
SYN = tcp(A, B)
SYN_ACK = replace(tcp(B, A), source_port=443, destination_port=40000, answers=True)
QUERY = udp(A, B)
RESPONSE = replace(udp(B, A), source_port=53, destination_port=40000)
UNREACHABLE = replace(PING, icmp=(3, 1))

NEW, ESTABLISHED, INVALID = "new", "established", "invalid"

SEQUENCES = [
    ("ping", [(PING, NEW), (PONG, ESTABLISHED), (PING, ESTABLISHED)]),
    ("ping unanswered", [(PING, NEW), (PING, NEW)]),
    ("reply to nothing", [(PONG, INVALID), (PONG, INVALID)]),
    ("reply with another identifier", [(PING, NEW), (echo_reply(B, A, 2), INVALID)]),
    ("reply to a reply", [(PING, NEW), (echo_reply(A, B), INVALID)]),
    ("each its own ping", [(PING, NEW), (PONG, ESTABLISHED), (echo(B, A), NEW)]),
    ("TCP", [(SYN, NEW), (SYN_ACK, ESTABLISHED), (SYN, ESTABLISHED)]),
    ("SYN/ACK to nothing", [(SYN_ACK, INVALID)]),
    ("TCP to another port", [(SYN, NEW), (tcp(A, B, 80), NEW)]),
    ("UDP", [(QUERY, NEW), (RESPONSE, ESTABLISHED), (QUERY, ESTABLISHED)]),
    ("UDP may begin anywhere", [(RESPONSE, NEW), (QUERY, ESTABLISHED)]),
    ("UDP and TCP apart", [(QUERY, NEW), (tcp(A, B, 53), NEW)]),
    ("an ICMP error opens nothing", [(UNREACHABLE, INVALID), (UNREACHABLE, INVALID)]),
]


def standing(table: ConnectionTable, packet: Probe) -> str:
    """Let a packet pass the whole node, admitted at "eth0" when it is new."""
    tracked = table.track(packet)
    if tracked.connection is None:
        return INVALID
    found = ESTABLISHED if tracked.passes("eth0") else NEW
    tracked.admit("eth0")
    table.confirm(tracked)
    return found


@pytest.mark.parametrize("steps", [case[1] for case in SEQUENCES], ids=[case[0] for case in SEQUENCES])
def test_the_standing_of_each_packet_in_turn(steps: list[tuple[Probe, str]]) -> None:
    table = ConnectionTable()
    assert [(packet, standing(table, packet)) for packet, _ in steps] == steps


def test_a_copy_lives_on_by_itself_and_without_the_connections_of_forgotten_addresses() -> None:
    table = ConnectionTable()
    other, answered = echo("10.0.0.3", A), echo_reply(A, "10.0.0.3")
    for packet in (PING, PONG, other, answered):
        standing(table, packet)
    twin = table.copy({IPv4Address(B)})
    assert [standing(twin, packet) for packet in (PONG, PING, other)] == [INVALID, NEW, ESTABLISHED]
    assert standing(table, PING) == ESTABLISHED


def test_a_packet_that_does_not_pass_leaves_nothing_behind() -> None:
    table = ConnectionTable()
    table.track(PING).admit("eth0")
    assert standing(table, PONG) == INVALID


def test_a_reply_establishes_even_if_it_is_dropped_itself() -> None:
    table = ConnectionTable()
    standing(table, PING)
    table.track(PONG)
    assert standing(table, PING) == ESTABLISHED


def test_a_connection_passes_only_where_it_was_admitted() -> None:
    table = ConnectionTable()
    standing(table, PING)
    tracked = table.track(PONG)
    assert tracked.passes("eth0")
    assert not tracked.passes("eth1")


def test_a_copy_lives_on_by_itself() -> None:
    table = ConnectionTable()
    standing(table, PING)
    twin = table.copy()
    twin.track(PONG).admit("eth1")
    standing(twin, SYN)
    assert standing(table, PING) == NEW  # the reply was seen by the copy alone
    assert standing(table, SYN_ACK) == INVALID
    assert table.track(PONG).passes("eth0")
    assert not table.track(PONG).passes("eth1")


HOSTS = st.integers(1, 3).map(lambda low: IPv4Address("10.0.0.0") + low)
PORTS = st.integers(1, 2)
OPENING = st.one_of(
    st.builds(Probe, HOSTS, HOSTS, st.sampled_from(["tcp", "udp"]), PORTS, PORTS),
    st.builds(Probe, HOSTS, HOSTS, st.just("icmp"), PORTS, icmp=st.sampled_from([(8, 0), (13, 0)])),
).filter(lambda probe: probe.source != probe.destination)


@given(st.lists(OPENING), OPENING)
def test_the_answer_to_what_passed_is_always_established(before: list[Probe], packet: Probe) -> None:
    table = ConnectionTable()
    for other in before:
        standing(table, other)
    standing(table, packet)
    back = answer(packet)
    assert back is not None
    assert standing(table, back) == ESTABLISHED
