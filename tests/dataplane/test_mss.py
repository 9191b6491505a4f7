"""The MSS that TCP announces, lowered in passing, with scapy as the judge of the checksum."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, in4_chksum
from scapy.packet import raw

from dataplane import ipv4, mss
from dataplane.doubles import MTU, Underlay, pop, vcpe
from dataplane.headers import HeaderRules

ROUTE = {"src": "10.0.1.10", "dst": "192.168.1.10"}
MOST = 1398
SYN = 2


def clamped(packet: bytes, most: int = MOST) -> bytes:
    return bytes(mss.clamp(packet, ipv4.parse_packet(packet), most))


def syn(*options: Any, flags: str = "S", payload: bytes = b"", frag: int = 0, dataofs: int | None = None) -> bytes:
    segment = TCP(sport=1, dport=2, flags=flags, seq=77, dataofs=dataofs, options=list(options))
    return raw(IP(**ROUTE, id=1, frag=frag) / segment / payload)


def with_options(options: bytes, payload: bytes = b"") -> bytes:
    """A SYN with whatever options, even such as scapy would not write, and a right checksum."""
    header = bytearray(bytes(12) + bytes([(20 + len(options)) << 2, SYN]) + bytes(6))
    ip = IP(**ROUTE, proto=6)
    header[16:18] = in4_chksum(6, ip, bytes(header) + options + payload).to_bytes(2, "big")
    return raw(ip / (bytes(header) + options + payload))


SCALE = ("WScale", 7)
TIMESTAMP = ("Timestamp", (1, 0))
NOTHING = ("NOP", None)


@pytest.mark.parametrize("flags", ["S", "SA", "SEC"])
@pytest.mark.parametrize("payload", [b"", b"early", b"early data"])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param([("MSS", 1460)], id="alone"),
        pytest.param([NOTHING, NOTHING, ("MSS", 1460), SCALE], id="behind-two-bytes"),
        pytest.param([NOTHING, ("MSS", 1460), ("SAckOK", b"")], id="at-an-odd-place"),
        pytest.param([SCALE, ("MSS", 65535), TIMESTAMP], id="between-others"),
        pytest.param([("MSS", 1399)], id="one-too-large"),
        pytest.param([("MSS", 1460), ("MSS", 9000)], id="twice"),
    ],
)
def test_larger_mss_is_lowered(options: list[Any], payload: bytes, flags: str) -> None:
    lowered = [(kind, MOST if kind == "MSS" else value) for kind, value in options]
    assert clamped(syn(*options, flags=flags, payload=payload)) == syn(*lowered, flags=flags, payload=payload)


LEFT_ALONE = [
    pytest.param(syn(("MSS", 1398)), id="fits"),
    pytest.param(syn(("MSS", 536)), id="small"),
    pytest.param(syn(SCALE), id="no-mss"),
    pytest.param(syn(("EOL", None), ("MSS", 1460)), id="behind-the-end-of-options"),
    pytest.param(syn(("MSS", 1460), flags="A"), id="no-syn"),
    pytest.param(syn(("MSS", 1460), frag=1), id="later-fragment"),
    pytest.param(syn(("MSS", 1460), dataofs=15), id="header-beyond-the-packet"),
    pytest.param(syn(("MSS", 1460), dataofs=4), id="header-too-short"),
    pytest.param(raw(IP(**ROUTE) / UDP() / raw(TCP(flags="S", options=[("MSS", 1460)]))), id="udp"),
    pytest.param(raw(IP(**ROUTE, proto=6) / raw(TCP(flags="S"))[:19]), id="cut-off-header"),
    pytest.param(with_options(b"\x02\x04\x05\xb4\x08\x00\x01\x01"), id="option-of-length-zero"),
    pytest.param(with_options(b"\x02\x04\x05\xb4\x08\x01\x01\x01"), id="option-of-length-one"),
    pytest.param(with_options(b"\x02\x04\x05\xb4\x08\x05\x01\x01"), id="option-beyond-the-header"),
    pytest.param(with_options(b"\x02\x04\x05\xb4\x01\x01\x01\x08"), id="option-without-a-length"),
    pytest.param(with_options(b"\x02\x03\x05\x01\x02\x04\x05\xb4"), id="mss-of-one-byte"),
]


@pytest.mark.parametrize("packet", LEFT_ALONE)
def test_anything_else_is_left_alone(packet: bytes) -> None:
    assert clamped(packet) == packet


OPTIONS = st.lists(
    st.sampled_from([b"\x01", b"\x02\x04\x05\xb4", b"\x03\x03\x07", b"\x02\x04\xff\xff", b"\x00"]) | st.binary(max_size=3)
)


@given(OPTIONS.map(b"".join), st.binary(max_size=9), st.integers(88, 1460))
def test_any_segment_keeps_its_length_and_a_right_checksum(options: bytes, payload: bytes, most: int) -> None:
    before = with_options(options[: min(40, len(options) // 4 * 4)], payload)
    after = clamped(before, most)
    assert len(after) == len(before)
    assert in4_chksum(6, IP(after), after[20:]) == 0


BACK = raw(IP(src=ROUTE["dst"], dst=ROUTE["src"]) / TCP(flags="SA", options=[("MSS", 8960)]))


@pytest.mark.parametrize(
    ("clamp", "announced"), [pytest.param(True, [MTU - 40] * 2, id="on"), pytest.param(False, [1460, 8960], id="off")]
)
def test_one_gateway_clamps_both_directions(clamp: bool, announced: list[int]) -> None:
    left, right = vcpe(rules=HeaderRules(clamp_mss=clamp)), pop(rules=HeaderRules(clamp_mss=False))
    underlay = Underlay(left, right)
    underlay.tick()
    underlay.send(left, syn(("MSS", 1460)))
    underlay.send(right, BACK)
    assert [dict(IP(gateway.delivered[0])[TCP].options)["MSS"] for gateway in (right, left)] == announced
