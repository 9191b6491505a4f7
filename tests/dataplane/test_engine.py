"""Two engines back to back: what is delivered unchanged, and every reason for which a packet is not."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP, defragment
from scapy.layers.ipsec import ESP
from scapy.packet import Packet, raw

from dataplane.check import EniCheck
from dataplane.doubles import (
    AWS,
    MTU,
    PEER,
    POP,
    TO_POP_SPI,
    TO_VCPE_SPI,
    VCPE,
    Gateway,
    Underlay,
    inbound_sa,
    outbound_sa,
    pop,
    vcpe,
)
from dataplane.engine import ERROR_BURST, Engine
from dataplane.errors import DropReason, LocalError
from dataplane.esp import LAST_SEQUENCE, NEXT_HEADER_IPV4
from dataplane.packets import Datagram, Deliver, Send
from dataplane.peer import Peer
from dataplane.suites import SUITES

APP, ECS, OWN = "10.0.1.10", "192.168.1.10", "10.0.2.10"
STRANGER = ("192.0.2.66", 666)
CHECK = EniCheck((IPv4Address(OWN),))


def packet(source: str = APP, destination: str = ECS, size: int = 10, **fields: object) -> bytes:
    return raw(IP(src=source, dst=destination, **fields) / UDP(sport=1000, dport=2000) / (b"clear text" * 1000)[:size])


@pytest.fixture
def left() -> Gateway:
    return vcpe()


@pytest.fixture
def right() -> Gateway:
    return pop()


@pytest.fixture
def underlay(left: Gateway, right: Gateway) -> Underlay:
    """Both ends, which have heard each other."""
    underlay = Underlay(left, right)
    underlay.tick()
    return underlay


@pytest.mark.requirement("S0-003", "S0-068")
@pytest.mark.parametrize("cipher", SUITES)
def test_packets_arrive_unchanged_and_cross_unreadable(cipher: str) -> None:
    left, right = vcpe(cipher), pop(cipher)
    underlay = Underlay(left, right)
    underlay.tick()
    there = [packet(size=size) for size in (0, 1, 500, MTU - 28)]
    back = [packet(ECS, APP, size) for size in (2, 3, 1000)]
    underlay.send(left, *there)
    underlay.send(right, *back)
    assert (right.delivered, left.delivered) == (there, back)
    assert not any(b"clear" in bytes(datagram.payload) for datagram in underlay.wire)
    assert (left.drops, right.drops) == ({}, {})
    assert (left.peer.counters.sent.packets, left.peer.counters.sent.bytes) == (4, sum(map(len, there)))
    assert (left.peer.counters.received.packets, left.peer.counters.received.bytes) == (3, sum(map(len, back)))


def test_borrowed_buffers_may_be_reused_at_once(left: Gateway, underlay: Underlay) -> None:
    slot = bytearray(packet())
    effects = left.engine.outbound([memoryview(slot)], underlay.now)
    sealed = [bytes(effect[0]) for effect in effects]
    slot[:] = bytes(len(slot))
    assert [bytes(effect[0]) for effect in effects] == sealed


# Drops, by the side on which the rule stands. A case alters a packet or a datagram, or the gateway it meets.


def sealed(inner: bytes, next_header: int = NEXT_HEADER_IPV4, sequence: int = 100) -> bytes:
    """What a genuine vCPE would send with that sequence number, whatever is inside."""
    sa = outbound_sa(TO_POP_SPI)
    sa.sequence = sequence - 1
    return bytes(sa.encapsulate(inner, next_header))


def icmp_error(source: str, quoted_destination: str, kind: int = 11) -> bytes:
    return raw(IP(src=source, dst=ECS) / ICMP(type=kind) / packet(ECS, quoted_destination)[:28])


INBOUND_DROPS = [
    pytest.param(b"", DropReason.MALFORMED_ESP, False, id="empty"),
    pytest.param(b"\x01\x02\x03", DropReason.MALFORMED_ESP, False, id="too-short-for-an-spi"),
    pytest.param(b"\xfe", DropReason.MALFORMED_ESP, False, id="one-byte-that-is-no-keepalive"),
    pytest.param(b"\0\0\0\0" + bytes(28), DropReason.IKE_NOT_SUPPORTED, False, id="ike"),
    pytest.param(b"\0\0\x20\0" + bytes(60), DropReason.UNKNOWN_SPI, False, id="unknown-spi"),
    pytest.param(TO_POP_SPI.to_bytes(4, "big"), DropReason.MALFORMED_ESP, True, id="spi-alone"),
    pytest.param(sealed(packet())[:-1], DropReason.MALFORMED_ESP, True, id="cut-off"),
    pytest.param(sealed(packet())[:-4], DropReason.AUTHENTICATION_FAILED, True, id="cut-off-by-a-word"),
    pytest.param(sealed(packet())[:-1] + b"\0", DropReason.AUTHENTICATION_FAILED, True, id="forged"),
    pytest.param(sealed(packet(), sequence=1), DropReason.REPLAYED, True, id="replayed"),
    pytest.param(sealed(packet(), next_header=41), DropReason.MALFORMED_PACKET, True, id="ipv6-by-next-header"),
    pytest.param(sealed(b"\x60" + bytes(40)), DropReason.MALFORMED_PACKET, True, id="ipv6-by-version"),
    pytest.param(sealed(packet()[:-1]), DropReason.MALFORMED_PACKET, True, id="inner-cut-off"),
    pytest.param(sealed(b""), DropReason.MALFORMED_PACKET, True, id="inner-empty"),
    pytest.param(sealed(packet("10.1.0.1")), DropReason.OUTSIDE_SELECTOR, True, id="source-outside"),
    pytest.param(sealed(icmp_error("172.16.0.1", "10.1.0.1")), DropReason.OUTSIDE_SELECTOR, True, id="error-outside"),
    pytest.param(sealed(icmp_error(APP, "10.1.0.1")), DropReason.OUTSIDE_SELECTOR, True, id="error-outside-from-inside"),
    pytest.param(
        sealed(raw(IP(src=APP, dst=ECS) / ICMP(type=3) / b"rubbish")), DropReason.MALFORMED_PACKET, True, id="error-of-rubbish"
    ),
]


@pytest.mark.parametrize(("payload", "reason", "peer_known"), INBOUND_DROPS)
def test_datagram_is_dropped_and_counted(
    right: Gateway, underlay: Underlay, payload: bytes, reason: DropReason, peer_known: bool
) -> None:
    underlay.inject(right, payload, STRANGER)
    counted = right.peer.counters.drops if peer_known else right.engine.drops
    assert counted == right.drops == {reason: 1}
    assert right.delivered == []
    assert right.peer.counters.received.packets == 0


def set_unheard(gateway: Gateway) -> None:
    gateway.peer.heard_at = None


def set_exhausted(gateway: Gateway) -> None:
    gateway.peer.outbound.sequence = LAST_SEQUENCE


def leave(gateway: Gateway) -> None:
    del gateway


OUTBOUND_DROPS = [
    pytest.param(b"\x60" + bytes(40), leave, DropReason.MALFORMED_PACKET, False, id="ipv6"),
    pytest.param(packet() + b"\0", leave, DropReason.MALFORMED_PACKET, False, id="longer-than-its-header-says"),
    pytest.param(packet()[:10], leave, DropReason.MALFORMED_PACKET, False, id="no-header"),
    pytest.param(packet(destination="8.8.8.8"), leave, DropReason.NO_PEER_FOR_DESTINATION, False, id="behind-nobody"),
    pytest.param(packet(), set_unheard, DropReason.PEER_NOT_HEARD, True, id="not-heard"),
    pytest.param(packet(), set_exhausted, DropReason.SEQUENCE_EXHAUSTED, True, id="exhausted"),
    pytest.param(packet(size=MTU - 27, flags="DF"), leave, DropReason.PACKET_TOO_BIG, True, id="too-big"),
]


@pytest.mark.parametrize(("inner", "prepare", "reason", "peer_known"), OUTBOUND_DROPS)
def test_packet_is_dropped_and_counted(
    left: Gateway,
    underlay: Underlay,
    inner: bytes,
    prepare: Callable[[Gateway], None],
    reason: DropReason,
    peer_known: bool,
) -> None:
    prepare(left)
    underlay.wire.clear()
    underlay.send(left, inner)
    counted = left.peer.counters.drops if peer_known else left.engine.drops
    assert counted == left.drops == {reason: 1}
    assert underlay.wire == []


def test_point_of_presence_sends_nothing_before_it_heard(right: Gateway) -> None:
    underlay = Underlay(right)
    underlay.send(right, packet(ECS, APP))
    assert right.drops == {DropReason.PEER_NOT_HEARD: 1}
    assert underlay.wire == []


def test_a_bad_packet_stops_no_other_of_its_batch(left: Gateway, right: Gateway, underlay: Underlay) -> None:
    underlay.send(left, packet(size=1), b"", packet(destination="8.8.8.8"), packet(size=2))
    assert right.delivered == [packet(size=1), packet(size=2)]


@pytest.mark.parametrize("reason", [DropReason.UNDERLAY_BUSY, DropReason.UNDERLAY_REFUSED, DropReason.OVERLAY_REFUSED])
def test_what_the_kernel_refuses_is_counted(left: Gateway, right: Gateway, underlay: Underlay, reason: DropReason) -> None:
    (send,) = left.engine.outbound([packet()], underlay.now)
    left.engine.refused(send, reason)
    assert left.peer.counters.drops == {reason: 1}
    (deliver,) = right.engine.inbound([Datagram(bytes(send[0]), VCPE)], underlay.now)
    right.engine.refused(deliver, reason)
    assert right.engine.drops == {reason: 1}


def test_every_reason_says_what_it_means() -> None:
    texts = [reason.text for reason in DropReason]
    assert len(set(texts)) == len(DropReason)


# The order on receipt: authenticate, replay window, traffic selector


def test_replay_is_judged_after_authentication(right: Gateway, underlay: Underlay) -> None:
    underlay.inject(right, sealed(packet(), sequence=1)[:-1] + b"\0", STRANGER)
    assert right.drops == {DropReason.AUTHENTICATION_FAILED: 1}


def test_selector_is_judged_after_the_replay_window(right: Gateway, underlay: Underlay) -> None:
    outside = sealed(packet("10.1.0.1"))
    underlay.inject(right, outside, VCPE)
    underlay.inject(right, outside, VCPE)
    assert right.drops == {DropReason.OUTSIDE_SELECTOR: 1, DropReason.REPLAYED: 1}


def test_forged_packet_outside_the_selector_is_a_forgery(right: Gateway, underlay: Underlay) -> None:
    underlay.inject(right, sealed(packet("10.1.0.1"))[:-1] + b"\0", STRANGER)
    assert right.drops == {DropReason.AUTHENTICATION_FAILED: 1}


# Traffic selectors


@pytest.mark.requirement("S0-047")
def test_prefixes_change_live_and_rule_both_ways(left: Gateway, right: Gateway, underlay: Underlay) -> None:
    second = "10.1.0.1"
    underlay.send(right, packet(ECS, second))
    underlay.send(left, packet(second, ECS))
    assert right.drops == {DropReason.NO_PEER_FOR_DESTINATION: 1, DropReason.OUTSIDE_SELECTOR: 1}
    right.engine.set_prefixes(PEER, [AWS, IPv4Network("10.1.0.0/16")])
    underlay.send(right, packet(ECS, second))
    underlay.send(left, packet(second, ECS))
    assert (len(left.delivered), len(right.delivered)) == (1, 1)
    right.engine.set_prefixes(PEER, [])
    underlay.send(right, packet(ECS, APP))
    assert right.drops[DropReason.NO_PEER_FOR_DESTINATION] == 2


@pytest.mark.parametrize("kind", [3, 11, 12])
def test_icmp_error_of_a_router_on_the_way_passes(right: Gateway, underlay: Underlay, kind: int) -> None:
    error = icmp_error("172.16.0.1", APP, kind)
    underlay.inject(right, sealed(error), VCPE)
    assert right.delivered == [error]


def test_padding_for_traffic_flow_confidentiality_is_cut_off(right: Gateway, underlay: Underlay) -> None:
    underlay.inject(right, sealed(packet() + bytes(100)), VCPE)
    assert right.delivered == [packet()]
    assert right.peer.counters.received.bytes == len(packet())


def hub() -> Engine:
    """A point of presence with two gateways, one behind a part of the other's prefix."""
    wide = Peer("wide", outbound_sa(300), inbound_sa(301), [IPv4Network("10.0.0.0/8")], ("192.0.2.1", 4500))
    narrow = Peer("narrow", outbound_sa(400), inbound_sa(401), [IPv4Network("10.5.0.0/16")], ("192.0.2.2", 4500))
    wide.heard_at = narrow.heard_at = 0.0
    return Engine([wide, narrow], mtu=MTU, icmp_source=IPv4Address("198.51.100.10"), now=0.0)


@pytest.mark.parametrize(("destination", "peer"), [("10.4.0.1", "wide"), ("10.5.0.1", "narrow"), ("10.6.0.1", "wide")])
def test_longest_prefix_chooses_the_peer(destination: str, peer: str) -> None:
    effects = hub().outbound([packet(ECS, destination)], 1.0)
    assert [effect.peer for effect in effects if isinstance(effect, Send)] == [peer]


@pytest.mark.parametrize(
    ("peer", "prefix", "message"),
    [
        pytest.param("narrow", "10.0.0.0/8", "already lies behind wide", id="prefix-of-another-peer"),
        pytest.param("stranger", "10.9.0.0/16", "peer 'stranger' is unknown; known: narrow, wide", id="unknown-peer"),
    ],
)
def test_refused_prefixes_change_nothing(peer: str, prefix: str, message: str) -> None:
    engine = hub()
    before = {name: peer.prefixes for name, peer in engine.peers.items()}
    with pytest.raises(LocalError, match=message):
        engine.set_prefixes(peer, [IPv4Network(prefix)])
    assert {name: peer.prefixes for name, peer in engine.peers.items()} == before


def test_a_network_changes_over_from_one_peer_to_another_without_a_loss() -> None:
    engine, network, address = hub(), IPv4Network("10.5.0.0/16"), "10.5.0.1"
    senders = {"wide": outbound_sa(301), "narrow": outbound_sa(401)}

    def sent_to() -> list[str]:
        return [effect.peer for effect in engine.outbound([packet(ECS, address)], 1.0) if isinstance(effect, Send)]

    def is_taken_from(name: str) -> bool:
        payload = bytes(senders[name].encapsulate(packet(address, ECS)))
        return any(isinstance(effect, Deliver) for effect in engine.inbound([Datagram(payload, STRANGER)], 1.0))

    steps = (
        ("wide", [IPv4Network("10.0.0.0/8"), network], ["wide"]),  # it takes over,
        ("narrow", [], ["wide"]),  # then the other lets go:
        ("narrow", [network], ["narrow"]),  # and the other way round
        ("wide", [], ["narrow"]),
    )
    for name, prefixes, goes_to in steps:
        engine.set_prefixes(name, prefixes, take_over=True)
        assert sent_to() == goes_to
    engine.set_prefixes("wide", [network], take_over=True)
    assert is_taken_from("wide"), "it has taken over"
    assert is_taken_from("narrow"), "the other has not let go yet"
    engine.set_prefixes("narrow", [])
    assert not is_taken_from("narrow")
    assert sent_to() == ["wide"]


def test_two_peers_cannot_share_an_inbound_spi() -> None:
    peers = [Peer(name, outbound_sa(spi), inbound_sa(300), []) for name, spi in (("a", 301), ("b", 302))]
    with pytest.raises(LocalError, match="share an inbound SPI"):
        Engine(peers, mtu=MTU, icmp_source=IPv4Address(OWN), now=0.0)


# Size


def test_sender_of_a_packet_too_big_is_told_what_fits(left: Gateway, underlay: Underlay) -> None:
    too_big = packet(size=MTU - 27, flags="DF")
    underlay.send(left, too_big)
    (error,) = (IP(answer) for answer in left.delivered)
    assert (error.src, error.dst) == (OWN, APP)
    assert (error[ICMP].type, error[ICMP].code, error[ICMP].nexthopmtu) == (3, 4, MTU)


def test_errors_are_limited_but_drops_are_all_counted(left: Gateway, underlay: Underlay) -> None:
    flood = [packet(size=MTU, flags="DF")] * 500
    underlay.send(left, *flood)
    assert len(left.delivered) == ERROR_BURST
    assert left.drops == {DropReason.PACKET_TOO_BIG: 500}


def test_error_is_never_sent_about_an_error(left: Gateway, underlay: Underlay) -> None:
    error = raw(IP(src=APP, dst=ECS, flags="DF") / ICMP(type=3) / packet(ECS, APP) / bytes(MTU))
    underlay.send(left, error)
    assert left.delivered == []
    assert left.drops == {DropReason.PACKET_TOO_BIG: 1}


@pytest.mark.parametrize("size", [MTU - 27, 3000, 9000])
def test_packet_that_may_be_fragmented_is(left: Gateway, right: Gateway, underlay: Underlay, size: int) -> None:
    big = packet(size=size, id=99)
    underlay.send(left, big)
    assert all(len(piece) <= MTU for piece in right.delivered)
    (whole,) = defragment([IP(piece) for piece in right.delivered])
    assert bytes(whole[UDP]) == bytes(IP(big)[UDP])
    assert left.drops == right.drops == {}


@pytest.mark.parametrize("size", [0, 1, 2, 3, MTU - 30, MTU - 29, MTU - 28])
def test_no_datagram_exceeds_the_underlay(left: Gateway, underlay: Underlay, size: int) -> None:
    underlay.send(left, packet(size=size, flags="DF"))
    assert max(len(datagram.payload) for datagram in underlay.wire) + 28 <= 1500
    assert left.drops == {}


# The source/destination check of the gateway's own interface


@pytest.mark.requirement("S0-043", "S0-044", "S0-067")
@pytest.mark.parametrize(
    ("source", "destination", "enabled", "dropped"),
    [
        pytest.param(APP, ECS, True, True, id="forwarded-checked"),
        pytest.param(APP, ECS, False, False, id="forwarded-unchecked"),
        pytest.param(OWN, ECS, True, False, id="sent-by-itself"),
        pytest.param(ECS, APP, True, True, id="arriving-to-be-forwarded-checked"),
        pytest.param(ECS, APP, False, False, id="arriving-to-be-forwarded-unchecked"),
        pytest.param(ECS, OWN, True, False, id="arriving-for-itself"),
    ],
)
def test_interface_check(source: str, destination: str, enabled: bool, dropped: bool) -> None:
    left, right = vcpe(check=CHECK), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    left.engine.check = EniCheck(CHECK.addresses, enabled)
    sender, receiver = (left, right) if IPv4Address(source) in AWS else (right, left)
    underlay.send(sender, packet(source, destination))
    assert len(receiver.delivered) == (0 if dropped else 1)
    assert left.drops == ({DropReason.ENI_SOURCE_DEST_CHECK_RESTRICTION: 1} if dropped else {})
    assert right.drops == {}


def test_check_stands_behind_the_selector(left: Gateway) -> None:
    left.engine.check = CHECK
    underlay = Underlay(left)
    sa = outbound_sa(TO_VCPE_SPI)
    underlay.inject(left, bytes(sa.encapsulate(packet("172.16.0.1", APP))), POP)
    assert left.drops == {DropReason.OUTSIDE_SELECTOR: 1}


def test_opening_waits_for_no_check(left: Gateway, right: Gateway) -> None:
    left.engine.check = CHECK
    underlay = Underlay(left, right)
    underlay.tick()
    assert right.peer.heard_at is not None


def test_scapy_reads_the_wire(left: Gateway, underlay: Underlay) -> None:
    """The wire holds ESP as others read it: SPI and sequence number in the clear."""
    underlay.wire.clear()
    underlay.send(left, packet())
    esp: Packet = IP(raw(IP(src=VCPE[0], dst=POP[0], proto=50) / bytes(underlay.wire[0].payload)))
    assert (esp[ESP].spi, esp[ESP].seq) == (TO_POP_SPI, 2)


# Whatever comes in, the engine counts it or passes it on; it never raises

START = packet()[:20]
MOSTLY_HEADERS = st.builds(
    lambda start, rest, keep: start[:keep] + rest,
    st.sampled_from([START, icmp_error(APP, APP)]),
    st.binary(max_size=60),
    st.integers(0, 48),
)


@given(st.binary(max_size=80) | MOSTLY_HEADERS)
def test_any_inner_packet_is_survived(inner: bytes) -> None:
    left, right = vcpe(mtu=68), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    underlay.inject(right, sealed(inner), VCPE)
    underlay.send(left, inner)
    total = sum(right.drops.values()) + right.peer.counters.received.packets
    assert total >= 1


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: TO_POP_SPI.to_bytes(4, "big") + rest))
def test_any_datagram_is_survived(payload: bytes) -> None:
    right = pop()
    Underlay(right).inject(right, payload, STRANGER)
    assert sum(right.drops.values()) + right.engine.keepalives_received == 1
