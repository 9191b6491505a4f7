"""What a rule covers, and how a gate without memory judges."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from dataplane.check import EniCheck
from lab.reasons import Reason
from lab.simulation import Ground, Probe
from lab.simulation.connections import Tracked
from lab.simulation.gates import consult, consult_check, matches
from lab.topology import EniGate, Gate, Match, Rule, Side, Stage
from tests.simulation.build import echo, origin, tcp, udp

ECHO, WEB, DNS = echo("10.0.0.1", "10.1.0.1"), tcp("10.0.0.1", "10.1.0.1", 443), udp("10.0.0.1", "10.1.0.1", 53)
NEAR, FAR = IPv4Network("10.0.0.0/16"), IPv4Network("10.1.0.0/16")

MATCHES = [
    ("everything", Match(), ECHO, True),
    ("source inside", Match(source=NEAR), ECHO, True),
    ("source outside", Match(source=FAR), ECHO, False),
    ("destination inside", Match(destination=FAR), ECHO, True),
    ("destination outside", Match(destination=NEAR), ECHO, False),
    ("protocol", Match(protocol="tcp"), WEB, True),
    ("other protocol", Match(protocol="tcp"), DNS, False),
    ("first port of a range", Match(protocol="tcp", ports=(443, 500)), WEB, True),
    ("last port of a range", Match(protocol="tcp", ports=(400, 443)), WEB, True),
    ("below a range", Match(protocol="tcp", ports=(444, 500)), WEB, False),
    ("above a range", Match(protocol="tcp", ports=(1, 442)), WEB, False),
    ("ports are no matter of ICMP", Match(ports=(0, 65535)), ECHO, False),
    ("ICMP type and code", Match(protocol="icmp", icmp=(8, 0)), ECHO, True),
    ("other ICMP type", Match(protocol="icmp", icmp=(0, 0)), ECHO, False),
    ("other ICMP code", Match(protocol="icmp", icmp=(8, 1)), ECHO, False),
    ("any ICMP code", Match(protocol="icmp", icmp=(8, -1)), ECHO, True),
    ("any ICMP", Match(protocol="icmp", icmp=(-1, -1)), ECHO, True),
    ("an ICMP type is no matter of UDP", Match(icmp=(-1, -1)), DNS, False),
]


@pytest.mark.parametrize(("match", "packet", "expected"), [case[1:] for case in MATCHES], ids=[case[0] for case in MATCHES])
def test_what_a_rule_covers(match: Match, packet: Probe, expected: bool) -> None:
    assert matches(match, packet) is expected


PERMIT = Rule(Match(source=NEAR), True, origin("permit"))
DENY = Rule(Match(source=NEAR), False, origin("deny"))
DENY_BY_NAME = Rule(Match(), False, origin("deny"), Reason.SG_HAS_NO_RULES)
ELSEWHERE = Rule(Match(source=FAR), True, origin("elsewhere"))

JUDGEMENTS = [
    ("first of two", (PERMIT, DENY), False, True, PERMIT, Ground.RULE),
    ("first of two, the other way", (DENY, PERMIT), True, False, DENY, Ground.RULE),
    ("second, when the first does not match", (ELSEWHERE, DENY), True, False, DENY, Ground.RULE),
    ("default permits", (ELSEWHERE,), True, True, None, Ground.DEFAULT),
    ("default drops", (), False, False, None, Ground.DEFAULT),
]


@pytest.mark.parametrize(
    ("rules", "default", "permit", "rule", "ground"), [case[1:] for case in JUDGEMENTS], ids=[case[0] for case in JUDGEMENTS]
)
def test_the_first_rule_that_matches_decides(
    rules: tuple[Rule, ...], default: bool, permit: bool, rule: Rule | None, ground: Ground
) -> None:
    gate = Gate("eth0", Side.IN, Stage.ACL, rules, default, Reason.SUBNET_ACL_RESTRICTION, origin("gate"))
    asked = consult(gate, ECHO, Tracked())
    assert (asked.permit, asked.rule, asked.ground) == (permit, rule, ground)
    assert asked.origin == (gate.origin if rule is None else rule.origin)
    assert asked.reason is Reason.SUBNET_ACL_RESTRICTION


def test_a_rule_may_bear_its_own_reason() -> None:
    gate = Gate("eth0", Side.IN, Stage.ACL, (DENY_BY_NAME,), True, Reason.SUBNET_ACL_RESTRICTION, origin("gate"))
    assert consult(gate, ECHO, Tracked()).reason is Reason.SG_HAS_NO_RULES


CHECKS = [
    ("sends from its own address", "10.0.0.1", True, Side.IN, True),
    ("sends from another", "10.0.0.9", True, Side.IN, False),
    ("sends from another, unchecked", "10.0.0.9", False, Side.IN, True),
    ("receives for its own address", "10.1.0.1", True, Side.OUT, True),
    ("receives for another", "10.1.0.9", True, Side.OUT, False),
    ("receives for another, unchecked", "10.1.0.9", False, Side.OUT, True),
]


@pytest.mark.parametrize(("own", "enabled", "side", "permit"), [case[1:] for case in CHECKS], ids=[case[0] for case in CHECKS])
def test_each_half_of_the_source_and_destination_check(own: str, enabled: bool, side: Side, permit: bool) -> None:
    gate = EniGate("eth0", EniCheck((IPv4Address(own),), enabled), origin("check"))
    asked = consult_check(gate, side, ECHO)
    assert asked.permit is permit
    assert asked.reason is Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION
