"""The lane against the engine: what it takes comes out the same, what it does not take is as if it had never looked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import raw

from dataplane.check import EniCheck
from dataplane.doubles import PEER, VCPE, Gateway, Underlay, ike_pop, ike_vcpe, pop, vcpe
from dataplane.esp import NEXT_HEADER_DUMMY, NEXT_HEADER_IPV4
from dataplane.headers import CE, ECT_0, ECT_1
from dataplane.ike.policy import Lease
from dataplane.lane import Lane
from dataplane.packets import Datagram
from dataplane.path_mtu import PathMtu

NOW = 1003.0
APP, ECS = "10.0.1.10", "192.168.1.10"
QUOTATION = raw(IP(src=ECS, dst=APP) / UDP(sport=1, dport=2))

Ends = tuple[Gateway, Gateway]


def connected(make: Callable[[], Ends] = lambda: (vcpe(), pop())) -> Ends:
    left, right = make()
    Underlay(left, right).advance(3.0)
    return left, right


def state(gateway: Gateway) -> tuple[Any, ...]:
    """All that a packet can change."""
    peer, engine = gateway.peer, gateway.engine
    assert peer.outbound is not None
    assert peer.inbound_spi is not None
    sa = peer.inbound_sa(peer.inbound_spi)
    counters = peer.counters
    traffic = (counters.sent.packets, counters.sent.bytes, counters.received.packets, counters.received.bytes)
    return (
        *traffic,
        dict(counters.drops),
        dict(engine.drops),
        (peer.outbound.sequence, peer.outbound.last_sequence),
        (sa.window.highest, sa.forgeries),
        (peer.endpoint, peer.heard_at, peer.due_at()),
    )


def packet(transport: Any, length: int = 100, source: str = APP, destination: str = ECS, **fields: Any) -> bytes:
    return raw(IP(src=source, dst=destination, **fields) / transport / bytes(length))


ORDINARY = {
    "udp": packet(UDP()),
    "tcp": packet(TCP(flags="PA")),
    "echo": packet(ICMP()),
    "echo-reply": packet(ICMP(type=0)),
    "marked": packet(UDP(), tos=0xB8 | ECT_0),
    "fragment": packet(UDP(), flags="MF", frag=0),
    "largest": packet(UDP(), 1300),
    "odd": packet(UDP(), 99),
    "ack": packet(TCP(flags="A"), 0),
    "another-protocol": raw(IP(src=APP, dst=ECS, proto=47) / bytes(8)),
}
SPECIAL_OUTBOUND = {
    "empty": b"",
    "short": packet(UDP())[:19],
    "cut-off": packet(UDP())[:-1],
    "version": b"\x65" + packet(UDP())[1:],
    "options": packet(UDP(), options=b"\x01\x01\x01\x00"),
    "syn": packet(TCP(flags="S", options=[("MSS", 1460)])),
    "tcp-too-short": raw(IP(src=APP, dst=ECS, proto=6) / bytes(10)),
    "nowhere": packet(UDP(), destination="8.8.8.8"),
    "too-big": packet(UDP(), 1500),
    "huge": packet(UDP(), 9000),
}
SPECIAL_INBOUND = SPECIAL_OUTBOUND | {
    "nowhere": packet(UDP(), source="8.8.8.8"),
    "icmp-error": packet(ICMP(type=3, code=4) / QUOTATION, 0, source="10.9.9.9"),
    "padded": packet(UDP()) + bytes(3),
}
del SPECIAL_INBOUND["too-big"], SPECIAL_INBOUND["huge"]  # whatever is authentic may be as long as it likes


def leased() -> Ends:
    """A client that may send from its address alone, by what was negotiated and by its prefix, which say the same."""
    left, right = ike_vcpe(), ike_pop()
    left.negotiated.policy = replace(left.negotiated.policy, request_lease=True)
    right.negotiated.policy = replace(right.negotiated.policy, lease=Lease(IPv4Address(APP)))
    right.engine.set_prefixes(PEER, [IPv4Network(APP)])
    return left, right


KEYS = {"by-hand": connected, "by-ike": lambda: connected(lambda: (ike_vcpe(), ike_pop()))}
RECEIVING_KEYS = KEYS | {"leased": lambda: connected(leased)}


@pytest.mark.parametrize("make", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("packet", ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_packet_is_sent_as_by_the_engine(packet: bytes, make: Callable[[], Ends]) -> None:
    ours, theirs = make()[0], make()[0]
    sent = Lane(ours.engine).outbound(packet, NOW)
    assert sent is not None
    assert [sent] == theirs.engine.outbound([packet], NOW)
    assert state(ours) == state(theirs)


@pytest.mark.parametrize("packet", SPECIAL_OUTBOUND.values(), ids=SPECIAL_OUTBOUND)
def test_what_is_not_ordinary_is_not_sent(packet: bytes) -> None:
    gateway = connected()[0]
    before = state(gateway)
    assert Lane(gateway.engine).outbound(packet, NOW) is None
    assert state(gateway) == before


def sealed(ends: Ends, packet: bytes, next_header: int = NEXT_HEADER_IPV4) -> memoryview:
    sa = ends[0].peer.outbound
    assert sa is not None
    return memoryview(sa.encapsulate(packet, next_header))


@pytest.mark.parametrize("make", RECEIVING_KEYS.values(), ids=RECEIVING_KEYS)
@pytest.mark.parametrize("packet", [*ORDINARY.values(), packet(UDP(), 1500)], ids=[*ORDINARY, "larger-than-the-path"])
def test_an_ordinary_packet_is_received_as_by_the_engine(packet: bytes, make: Callable[[], Ends]) -> None:
    ours, theirs = make(), make()
    datagram = sealed(ours, packet)
    assert sealed(theirs, packet) == datagram
    taken = Lane(ours[1].engine).inbound(datagram, VCPE, packet[1], NOW)
    assert taken is not None
    assert list(taken) == theirs[1].engine.inbound([Datagram(datagram, VCPE, packet[1])], NOW)
    assert state(ours[1]) == state(theirs[1])


def refused(ends: Ends, datagram: memoryview, tos: int = 0) -> None:
    before = state(ends[1])
    assert Lane(ends[1].engine).inbound(datagram, VCPE, tos, NOW) is None
    assert state(ends[1]) == before


@pytest.mark.parametrize("packet", SPECIAL_INBOUND.values(), ids=SPECIAL_INBOUND)
def test_what_is_not_ordinary_is_not_received(packet: bytes) -> None:
    ends = connected()
    refused(ends, sealed(ends, packet))


@pytest.mark.parametrize(("inner", "outer"), [(0, CE), (ECT_0, CE), (ECT_1, CE), (ECT_0, ECT_1)])
def test_news_of_congestion_is_not_the_lanes(inner: int, outer: int) -> None:
    ends = connected()
    refused(ends, sealed(ends, packet(UDP(), tos=inner)), outer)


def _forged(ends: Ends) -> memoryview:
    datagram = sealed(ends, packet(UDP()))
    datagram[-1] ^= 1
    return datagram


def _replayed(ends: Ends) -> memoryview:
    datagram = sealed(ends, packet(UDP()))
    ends[1].engine.inbound([Datagram(bytes(datagram), VCPE)], NOW)
    return datagram


def _of_no_peer(ends: Ends) -> memoryview:
    return memoryview(bytes(4) + bytes(sealed(ends, packet(UDP())))[4:])


def test_a_check_that_is_off_stops_nothing() -> None:
    ends = connected()
    for gateway in ends:
        gateway.engine.check = EniCheck((IPv4Address("10.0.2.10"),), enabled=False)
    sent = Lane(ends[0].engine).outbound(ORDINARY["udp"], NOW)
    assert sent is not None
    assert Lane(ends[1].engine).inbound(sent.payload, VCPE, 0, NOW) is not None


def _checked(ends: Ends) -> memoryview:
    ends[1].engine.check = EniCheck((IPv4Address("192.168.1.9"),))
    return sealed(ends, packet(UDP()))


DATAGRAMS: dict[str, Callable[[Ends], memoryview]] = {
    "empty": lambda _: memoryview(b""),
    "keepalive": lambda _: memoryview(b"\xff"),
    "dummy": lambda ends: sealed(ends, b"", NEXT_HEADER_DUMMY),
    "forged": _forged,
    "replayed": _replayed,
    "of-no-peer": _of_no_peer,
    "source-dest-check": _checked,
}


@pytest.mark.parametrize("make", DATAGRAMS.values(), ids=DATAGRAMS)
def test_what_is_no_ordinary_datagram_is_not_received(make: Callable[[Ends], memoryview]) -> None:
    ends = connected()
    refused(ends, make(ends))


def _unheard(gateway: Gateway) -> None:
    gateway.peer.heard_at = None


def _worn(gateway: Gateway) -> None:
    assert gateway.peer.outbound is not None
    gateway.peer.outbound.sequence = gateway.peer.outbound.last_sequence


def _narrow(gateway: Gateway) -> None:
    gateway.peer.path = PathMtu(100)


def _interface(gateway: Gateway) -> None:
    gateway.engine.check = EniCheck((IPv4Address("10.0.2.10"),))


STATES = {"unheard": _unheard, "worn": _worn, "narrow-path": _narrow, "source-dest-check": _interface}


@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
def test_nothing_is_sent_when_the_engine_has_to_decide(change: Callable[[Gateway], None]) -> None:
    gateway = connected()[0]
    change(gateway)
    before = state(gateway)
    assert Lane(gateway.engine).outbound(ORDINARY["udp"], NOW) is None
    assert state(gateway) == before


@given(st.binary(max_size=80), st.integers(0, 255))
def test_whatever_it_takes_the_engine_would_have_taken(rest: bytes, tos: int) -> None:
    """Packets that begin like one, and go on as they like."""
    whole = bytearray(packet(UDP(), 0, tos=tos)[:20] + rest)
    whole[2:4] = len(whole).to_bytes(2, "big")
    whole[9:10] = rest[:1] or b"\x06"
    ours, theirs = connected(), connected()
    lane = Lane(ours[0].engine).outbound(whole, NOW)
    assert lane is None or [lane] == theirs[0].engine.outbound([bytes(whole)], NOW)
    datagram = sealed(ours, bytes(whole)) if lane is None else memoryview(lane.payload)
    taken = Lane(ours[1].engine).inbound(datagram, VCPE, 0, NOW)
    expected = theirs[1].engine.inbound([Datagram(bytearray(datagram), VCPE)], NOW)
    assert taken is None or list(taken) == expected


def test_a_selection_that_asks_more_than_the_prefixes_is_not_the_lanes() -> None:
    ends = connected(leased)
    ends[1].engine.set_prefixes(PEER, [IPv4Network("10.0.0.0/16")])
    refused(ends, sealed(ends, ORDINARY["udp"]))
    before = state(ends[1])
    assert Lane(ends[1].engine).outbound(packet(UDP(), source=ECS, destination="10.0.9.9"), NOW) is None
    assert state(ends[1]) == before
