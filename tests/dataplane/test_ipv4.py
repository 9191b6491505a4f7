"""IPv4 headers, checksums and fragments, with scapy as the judge."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP, IPOption, defragment
from scapy.packet import raw
from scapy.utils import checksum

from dataplane import ipv4
from dataplane.errors import MalformedPacket

ROUTE = {"src": "10.0.1.10", "dst": "192.168.1.10"}
WHOLE = raw(IP(**ROUTE, id=7, ttl=9, flags="DF") / UDP() / b"12345678")


def test_header_is_read() -> None:
    header = ipv4.parse_packet(WHOLE)
    assert header == ipv4.Ipv4Header(20, 0, 36, 7, 0x4000, 9, 17, 0x0A00010A, 0xC0A8010A)
    assert header.dont_fragment
    assert header.offset == 0


BAD = [
    pytest.param(b"", id="empty"),
    pytest.param(WHOLE[:19], id="shorter-than-a-header"),
    pytest.param(b"\x60" + WHOLE[1:], id="version-6"),
    pytest.param(b"\x44" + WHOLE[1:], id="header-of-16-bytes"),
    pytest.param(b"\x4f" + WHOLE[1:], id="header-longer-than-the-packet"),
    pytest.param(WHOLE[:2] + b"\x00\x13" + WHOLE[4:], id="total-length-below-the-header"),
]


@pytest.mark.parametrize("packet", BAD)
@pytest.mark.parametrize("parse", [ipv4.parse_header, ipv4.parse_packet, ipv4.parse_padded])
def test_malformed_headers(parse: Callable[[bytes], ipv4.Ipv4Header], packet: bytes) -> None:
    with pytest.raises(MalformedPacket):
        parse(packet)


@pytest.mark.parametrize(
    ("parse", "accepts_short", "accepts_long"),
    [
        pytest.param(ipv4.parse_header, True, True, id="quotation"),
        pytest.param(ipv4.parse_packet, False, False, id="exact"),
        pytest.param(ipv4.parse_padded, False, True, id="padded"),
    ],
)
def test_lengths(parse: Callable[[bytes], ipv4.Ipv4Header], accepts_short: bool, accepts_long: bool) -> None:
    for packet, accepted in ((WHOLE[:-1], accepts_short), (WHOLE, True), (WHOLE + b"\0", accepts_long)):
        if accepted:
            assert parse(packet).total_length == len(WHOLE)
        else:
            with pytest.raises(MalformedPacket):
                parse(packet)


@given(st.binary(max_size=70))
def test_checksum_equals_scapys(data: bytes) -> None:
    assert ipv4.checksum(data) == checksum(data)


def assert_checksum(packet: bytes) -> None:
    header = ipv4.parse_packet(packet)
    assert ipv4.checksum(packet[: header.header_length]) == 0


@given(size=st.integers(0, 4000), mtu=st.integers(68, 1500))
def test_fragments_fit_and_come_together_again(size: int, mtu: int) -> None:
    payload = random.Random(size).randbytes(size)  # noqa: S311
    packet = raw(IP(**ROUTE, id=4711, ttl=33) / UDP(sport=1, dport=2) / payload)
    pieces = ipv4.fragments(packet, ipv4.parse_packet(packet), mtu)
    for piece in pieces:
        assert len(piece) <= mtu
        assert_checksum(piece)
    (whole,) = defragment([IP(piece) for piece in pieces])
    assert raw(whole[UDP]) == raw(IP(packet)[UDP])
    assert {(IP(piece).ttl, IP(piece).id, IP(piece).dst) for piece in pieces} == {(33, 4711, ROUTE["dst"])}


def test_fragment_of_a_fragment_keeps_its_place() -> None:
    middle = raw(IP(**ROUTE, id=1, flags="MF", frag=100, proto=17) / bytes(range(200)))
    pieces = [IP(piece) for piece in ipv4.fragments(middle, ipv4.parse_packet(middle), 120)]
    assert [(piece.frag, piece.flags.MF) for piece in pieces] == [(100, True), (112, True), (124, True)]


OPTIONS = [IPOption(b"\x01"), IPOption(b"\x07\x07\x04\x00\x00\x00\x00"), IPOption(b"\x94\x04\x00\x00")]


def test_only_copied_options_go_into_later_fragments() -> None:
    packet = raw(IP(**ROUTE, options=OPTIONS, proto=17) / bytes(300))
    first, *rest = ipv4.fragments(packet, ipv4.parse_packet(packet), 128)
    assert first[20:32] == packet[20:32]
    for piece in rest:
        assert piece[0] == 0x46
        assert piece[20:24] == b"\x94\x04\x00\x00"
        assert_checksum(piece)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(b"\x94\x00\x00\x00", id="length-zero"),
        pytest.param(b"\x94\x08\x00\x00", id="beyond-the-header"),
        pytest.param(b"\x01\x01\x01\x94", id="without-a-length"),
    ],
)
def test_bad_options_are_refused(options: bytes) -> None:
    packet = bytearray(raw(IP(**ROUTE, options=[IPOption(b"\x94\x04\x00\x00")], proto=17) / bytes(300)))
    packet[20:24] = options
    with pytest.raises(MalformedPacket, match="option"):
        ipv4.fragments(packet, ipv4.parse_packet(packet), 128)
