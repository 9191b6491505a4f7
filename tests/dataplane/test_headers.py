"""DSCP and ECN: the rules by themselves, and between two gateways."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import raw

from dataplane import ipv4
from dataplane.doubles import QUIET, Gateway, Underlay, pop, vcpe
from dataplane.errors import CongestionExperienced, DropReason
from dataplane.headers import CE, ECT_0, ECT_1, NOT_ECT, HeaderRules, take_over_congestion

EXPEDITED = 46 << 2  # RFC 3246

DROPPED = None
# RFC 6040 §4.2, figure 4, row by row: the inner codepoint, and what comes out for each outer one
OUTER = (NOT_ECT, ECT_0, ECT_1, CE)
FIGURE_4 = {
    NOT_ECT: (NOT_ECT, NOT_ECT, NOT_ECT, DROPPED),
    ECT_0: (ECT_0, ECT_0, ECT_1, CE),
    ECT_1: (ECT_1, ECT_1, ECT_1, CE),
    CE: (CE, CE, CE, CE),
}
DECAPSULATION = [
    pytest.param(inner, outer, result, id=f"{inner:02b}-in-{outer:02b}")
    for inner, row in FIGURE_4.items()
    for outer, result in zip(OUTER, row, strict=True)
]


def packet(tos: int) -> bytes:
    return raw(IP(src="10.0.1.10", dst="192.168.1.10", tos=tos, id=7) / UDP() / b"inside")


@pytest.mark.parametrize("dscp", [0, EXPEDITED, 0xFC])
@pytest.mark.parametrize(("inner", "outer", "result"), DECAPSULATION)
def test_decapsulation_by_the_table(inner: int, outer: int, result: int | None, dscp: int) -> None:
    buffer = bytearray(packet(dscp | inner))
    if result is DROPPED:
        with pytest.raises(CongestionExperienced):
            take_over_congestion(memoryview(buffer), ipv4.parse_packet(buffer), outer)
    else:
        take_over_congestion(memoryview(buffer), ipv4.parse_packet(buffer), EXPEDITED | outer)
        assert buffer == packet(dscp | result)  # with the checksum that scapy computes


@pytest.mark.parametrize(
    ("rules", "inner", "outer"),
    [
        *[pytest.param(HeaderRules(), EXPEDITED | ecn, EXPEDITED | ecn, id=f"all-{ecn:02b}") for ecn in range(4)],
        *[pytest.param(HeaderRules(copy_dscp=False), EXPEDITED | ecn, ecn, id=f"no-dscp-{ecn:02b}") for ecn in range(4)],
        *[pytest.param(HeaderRules(copy_ecn=False), EXPEDITED | ecn, EXPEDITED, id=f"no-ecn-{ecn:02b}") for ecn in range(4)],
    ],
)
def test_encapsulation(rules: HeaderRules, inner: int, outer: int) -> None:
    underlay, left, right = connected(rules)
    underlay.send(left, packet(inner))
    assert underlay.wire[-1].tos == outer
    assert right.delivered == [packet(inner)]


def connected(rules: HeaderRules) -> tuple[Underlay, Gateway, Gateway]:
    left, right = vcpe(rules=rules), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    return underlay, left, right


def test_congestion_on_the_way_reaches_the_receiver() -> None:
    underlay, left, right = connected(QUIET)
    underlay.up = False
    underlay.send(left, packet(EXPEDITED | ECT_0), packet(NOT_ECT))
    capable, incapable = underlay.wire[-2:]
    underlay.inject(right, capable.payload, capable.endpoint, CE)
    underlay.inject(right, incapable.payload, incapable.endpoint, CE)
    assert right.delivered == [packet(EXPEDITED | CE)]
    assert right.drops == {DropReason.CONGESTION_EXPERIENCED: 1}


def test_every_fragment_has_the_tos_of_the_packet() -> None:
    underlay, left, _ = connected(QUIET)
    underlay.wire.clear()
    underlay.send(left, raw(IP(src="10.0.1.10", dst="192.168.1.10", tos=EXPEDITED) / UDP() / bytes(4000)))
    assert [datagram.tos for datagram in underlay.wire] == [EXPEDITED] * 3
