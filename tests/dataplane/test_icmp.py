"""ICMP errors: the one we send, and the packets that others quote."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Packet, raw

from dataplane import icmp, ipv4
from dataplane.errors import MalformedPacket

SENT = IP(src="10.0.1.10", dst="192.168.1.10") / UDP(sport=1, dport=2)
GATEWAY = int(IPv4Address("10.0.2.10"))


def quoted(packet: Packet | bytes) -> ipv4.Ipv4Header | None:
    return icmp.quoted(raw(packet), ipv4.parse_packet(raw(packet)))


@pytest.mark.parametrize("size", [1000, 1411, 9000])
def test_fragmentation_needed_as_scapy_reads_it(size: int) -> None:
    packet = raw(IP(src="10.0.1.10", dst="192.168.1.10", flags="DF") / UDP() / bytes(size))
    error = icmp.fragmentation_needed(packet, ipv4.parse_packet(packet), 1438, GATEWAY)
    seen = IP(error)
    assert (seen.src, seen.dst, seen.ttl, seen.len) == ("10.0.2.10", "10.0.1.10", 64, len(error))
    assert (seen[ICMP].type, seen[ICMP].code, seen[ICMP].nexthopmtu) == (3, 4, 1438)
    assert len(error) <= 576
    assert error[28:] == packet[: len(error) - 28]
    assert error == raw(seen.__class__(rebuilt(seen)))


def rebuilt(packet: Packet) -> bytes:
    """The same packet with both checksums computed anew by scapy."""
    copy = packet.copy()
    del copy.chksum
    del copy[ICMP].chksum
    return raw(copy)


@pytest.mark.parametrize("kind", [3, 11, 12])
def test_errors_quote(kind: int) -> None:
    header = quoted(IP(src="172.16.0.1", dst="10.0.1.10") / ICMP(type=kind) / raw(SENT)[:28])
    assert header is not None
    assert header.destination == int(IPv4Address("192.168.1.10"))


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(SENT, id="udp"),
        pytest.param(IP() / ICMP(type=8) / raw(SENT), id="echo-request"),
        pytest.param(IP() / ICMP(type=0) / raw(SENT), id="echo-reply"),
        pytest.param(IP(proto=1), id="icmp-without-a-byte"),
        pytest.param(IP(frag=1, proto=1) / raw(ICMP(type=3) / raw(SENT)), id="later-fragment"),
    ],
)
def test_others_do_not(packet: Packet) -> None:
    assert quoted(packet) is None


@pytest.mark.parametrize(
    "quotation", [pytest.param(b"", id="empty"), pytest.param(raw(SENT)[:19], id="short"), pytest.param(bytes(28), id="zeros")]
)
def test_error_that_quotes_rubbish(quotation: bytes) -> None:
    with pytest.raises(MalformedPacket):
        quoted(IP() / ICMP(type=3) / quotation)


UNICAST = {"src": "10.0.1.10", "dst": "192.168.1.10"}


@pytest.mark.parametrize(
    ("packet", "answered"),
    [
        pytest.param(IP(**UNICAST) / UDP(), True, id="udp"),
        pytest.param(IP(**UNICAST) / TCP(), True, id="tcp"),
        pytest.param(IP(**UNICAST) / ICMP(type=8), True, id="echo-request"),
        pytest.param(IP(**UNICAST, flags="MF") / UDP(), True, id="first-fragment"),
        pytest.param(IP(**UNICAST, frag=1) / bytes(8), False, id="later-fragment"),
        pytest.param(IP(**UNICAST) / ICMP(type=3) / raw(SENT), False, id="unreachable"),
        pytest.param(IP(**UNICAST) / ICMP(type=5), False, id="redirect"),
        pytest.param(IP(**UNICAST) / ICMP(type=11) / raw(SENT), False, id="time-exceeded"),
        pytest.param(IP(**UNICAST) / ICMP(type=12) / raw(SENT), False, id="parameter-problem"),
        pytest.param(IP(**UNICAST, proto=1), False, id="icmp-without-a-byte"),
        pytest.param(IP(src="224.0.0.1", dst="192.168.1.10") / UDP(), False, id="from-multicast"),
        pytest.param(IP(src="255.255.255.255", dst="192.168.1.10") / UDP(), False, id="from-broadcast"),
        pytest.param(IP(src="0.0.0.0", dst="192.168.1.10") / UDP(), False, id="from-nobody"),  # noqa: S104
        pytest.param(IP(src="127.0.0.1", dst="192.168.1.10") / UDP(), False, id="from-loopback"),
        pytest.param(IP(src="10.0.1.10", dst="239.1.1.1") / UDP(), False, id="to-multicast"),
    ],
)
def test_what_may_be_answered(packet: Packet, answered: bool) -> None:
    assert icmp.may_be_answered(raw(packet), ipv4.parse_packet(raw(packet))) is answered
