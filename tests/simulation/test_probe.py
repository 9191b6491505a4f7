"""Which packets a probe can be, and what answers them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from lab.simulation import InvalidProbeError, Probe, answer

ICMP = Probe(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"), "icmp", 7)
TCP = replace(ICMP, protocol="tcp", source_port=40000, destination_port=443)
UDP = replace(TCP, protocol="udp")

INVALID = [
    ({"protocol": "esp"}, "protocol"),
    ({"source_port": -1}, "source_port"),
    ({"destination_port": 65536}, "destination_port"),
    ({"icmp": (256, 0)}, "icmp type"),
    ({"icmp": (8, -1)}, "icmp code"),
    ({"ttl": 0}, "ttl"),
    ({"ttl": 256}, "ttl"),
    ({"size": 27}, "size"),
    ({"size": 65536}, "size"),
]


@pytest.mark.parametrize(("fields", "named"), INVALID, ids=[f"{name} {fields}" for fields, name in INVALID])
def test_a_field_out_of_range_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidProbeError, match=named):
        replace(ICMP, **fields)


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(InvalidProbeError, match=r"ttl 0.*size 1"):
        replace(ICMP, ttl=0, size=1)


SWAPPED: dict[str, Any] = {"source": ICMP.destination, "destination": ICMP.source}
PORTS_SWAPPED: dict[str, Any] = {**SWAPPED, "source_port": 443, "destination_port": 40000}

ANSWERS = [
    ("echo", ICMP, replace(ICMP, **SWAPPED, icmp=(0, 0))),
    ("echo with a code", replace(ICMP, icmp=(8, 3)), replace(ICMP, **SWAPPED, icmp=(0, 3))),
    ("timestamp", replace(ICMP, icmp=(13, 0)), replace(ICMP, **SWAPPED, icmp=(14, 0))),
    ("old and unfragmentable", replace(ICMP, ttl=2, dont_fragment=True), replace(ICMP, **SWAPPED, icmp=(0, 0))),
    ("large echo", replace(ICMP, size=3000), replace(ICMP, **SWAPPED, icmp=(0, 0), size=3000)),
    ("echo reply", replace(ICMP, icmp=(0, 0)), None),
    ("port unreachable", replace(ICMP, icmp=(3, 3)), None),
    ("SYN", TCP, replace(TCP, **PORTS_SWAPPED, answers=True, size=60)),
    ("short SYN", replace(TCP, size=40), replace(TCP, **PORTS_SWAPPED, answers=True, size=40)),
    ("SYN/ACK", replace(TCP, answers=True), None),
    ("UDP", UDP, replace(UDP, **PORTS_SWAPPED)),
]


@pytest.mark.parametrize(("packet", "expected"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
def test_the_answer_to_a_packet(packet: Probe, expected: Probe | None) -> None:
    assert answer(packet) == expected
