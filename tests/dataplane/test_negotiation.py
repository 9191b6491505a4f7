"""Two engines back to back, keyed by IKE: they connect, renew their keys under traffic, and know why they are not connected."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.packet import raw

from dataplane import negotiation
from dataplane.commands import status
from dataplane.doubles import ALIBABA, PEER, POP, VCPE, Gateway, Underlay, ike_pop, ike_vcpe, inbound_sa, outbound_sa, pop
from dataplane.errors import DropReason, LocalError
from dataplane.ike.algorithms import SHA256, SHA384
from dataplane.ike.children import ChildSa
from dataplane.ike.doubles import POINT, PSK
from dataplane.ike.events import Output, Transmit
from dataplane.ike.identity import key_id
from dataplane.ike.lifetimes import Lifetimes
from dataplane.ike.offers import IkeOffer
from dataplane.ike.policy import Policy, Retransmission, Settings
from dataplane.ike.selectors import of_prefix
from dataplane.ike.session import Session
from dataplane.ike.table import Outcome
from dataplane.negotiated import NegotiatedPeer
from dataplane.negotiation import CHILDLESS_SECONDS, DRAIN_SECONDS, LONGEST_PAUSE
from dataplane.packets import Datagram, Endpoint, Send
from dataplane.peer import KEEPALIVE, Peer

APP, ECS = "10.0.1.10", "192.168.1.10"
WORN = 2**27  # packets, half of what AES-GCM may protect under one key
THREE = Retransmission(first=0.5, factor=2.0, attempts=3)
QUICK = Settings(retransmission=THREE, liveness=THREE, probe_after=5.0)
BUSY = Settings(lifetimes=Lifetimes(child=8, child_hard=60, ike=21, ike_hard=120), probe_after=5.0)


def packet(number: int = 0, source: str = APP, destination: str = ECS) -> bytes:
    return raw(IP(src=source, dst=destination, id=number % 65536) / UDP(sport=1000, dport=2000) / f"packet {number}".encode())


def back(number: int = 0) -> bytes:
    return packet(number, ECS, APP)


def connected(left: Gateway, right: Gateway) -> Underlay:
    underlay = Underlay(left, right)
    underlay.tick()
    assert vpn(left, underlay) == vpn(right, underlay) == "Normal"
    return underlay


def peer_status(gateway: Gateway, underlay: Underlay) -> dict[str, Any]:
    result: dict[str, Any] = status(gateway.engine, underlay.now)["peers"][PEER]
    return result


def vpn(gateway: Gateway, underlay: Underlay) -> object:
    return peer_status(gateway, underlay)["vpn_status"]


def failure(gateway: Gateway, underlay: Underlay) -> object:
    return peer_status(gateway, underlay)["ike"]["failure"]


def assert_carries(underlay: Underlay, left: Gateway, right: Gateway) -> None:
    left.delivered.clear()
    right.delivered.clear()
    underlay.send(left, packet())
    underlay.send(right, back())
    assert (right.delivered, left.delivered) == ([packet()], [back()])


# Connecting


@pytest.mark.parametrize("port", [4500, 500])
def test_one_tick_connects_and_packets_cross(port: int) -> None:
    left, right = ike_vcpe(to=(POP[0], port)), ike_pop()
    underlay = connected(left, right)
    assert (left.peer.endpoint, right.peer.endpoint) == (POP, VCPE)
    assert_carries(underlay, left, right)
    assert left.drops == right.drops == {}
    assert not any(b"packet" in bytes(datagram.payload) for datagram in underlay.wire)


def test_nothing_is_sent_before_there_are_keys() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = Underlay(left, right)
    underlay.up = False
    underlay.tick()
    underlay.send(left, packet())
    underlay.send(right, back())
    assert left.drops == right.drops == {DropReason.PEER_NOT_HEARD: 1}


def test_status_of_both_ends() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    underlay.advance(3.0)
    ours, theirs = peer_status(left, underlay), peer_status(right, underlay)
    assert (ours["spi_in"], ours["spi_out"]) == (theirs["spi_out"], theirs["spi_in"])
    assert ours["cipher"] == theirs["cipher"] == "aes-256-gcm"
    mine, other = ours["ike"], theirs["ike"]
    assert (mine["identity"], mine["remote_identity"]) == (other["remote_identity"], other["identity"])
    same = ("state", "established", "cipher", "group", "spi_i", "spi_r", "rekeys", "child_rekeys", "failure")
    assert {key: mine[key] for key in same} == {key: other[key] for key in same}
    assert (mine["state"], mine["established"], mine["rekeys"], mine["failure"]) == ("ESTABLISHED", 3.0, 0, None)


@pytest.mark.parametrize(
    ("left_psk", "right_psk"), [pytest.param(b"wrong", PSK, id="initiator"), pytest.param(PSK, b"wrong", id="responder")]
)
def test_wrong_key_is_known_at_both_ends(left_psk: bytes, right_psk: bytes) -> None:
    left, right = ike_vcpe(psk=left_psk), ike_pop(psk=right_psk)
    underlay = Underlay(left, right)
    underlay.tick()
    assert failure(left, underlay) == failure(right, underlay) == "AUTHENTICATION_FAILED"
    assert vpn(left, underlay) == vpn(right, underlay) == "Abnormal"
    assert right.drops == {DropReason.IKE_WRONG_KEY: 1}
    underlay.send(left, packet())
    underlay.send(right, back())
    assert left.drops == {DropReason.AUTHENTICATION_FAILED: 1}
    assert right.drops == {DropReason.IKE_WRONG_KEY: 1, DropReason.AUTHENTICATION_FAILED: 1}
    underlay.advance(60.0)
    assert vpn(left, underlay) == "Abnormal"


def test_stranger_is_refused_and_counted() -> None:
    left, right = ike_vcpe(), ike_pop()
    right.engine.remove_peer(PEER)
    right.engine.add_peer(NegotiatedPeer("other", Policy(POINT, key_id("other"), PSK), []))
    underlay = Underlay(left, right)
    underlay.tick()
    assert failure(left, underlay) == "AUTHENTICATION_FAILED"
    assert status(right.engine, underlay.now)["drops"] == {"IKE_STRANGER": 1}
    assert status(right.engine, underlay.now)["peers"]["other"]["ike"]["failure"] is None


def test_refusal_that_anybody_may_have_sent_is_known_before_it_is_believed() -> None:
    ours, theirs = (Settings(ike=IkeOffer(prfs=(prf,))) for prf in (SHA256, SHA384))
    left, right = ike_vcpe(settings=ours), ike_pop(settings=theirs)
    underlay = Underlay(left, right)
    underlay.tick()
    assert failure(left, underlay) == "NO_PROPOSAL_CHOSEN"
    assert peer_status(left, underlay)["ike"]["state"] == "INIT_SENT"
    assert right.drops == {DropReason.IKE_REFUSED: 1}


def test_refused_child_is_known_at_both_ends_and_nothing_is_left_standing() -> None:
    left, right = ike_vcpe(), ike_pop()
    right.negotiated.policy = replace(right.negotiated.policy, theirs=())
    underlay = Underlay(left, right)
    underlay.tick()
    assert failure(left, underlay) == failure(right, underlay) == "TS_UNACCEPTABLE"
    left.engine.remove_peer(PEER)
    underlay.advance(1.0)
    assert not right.negotiated.sessions


@pytest.mark.parametrize("by", ["left", "right"])
def test_conversation_whose_only_child_is_deleted_does_not_stay(by: str) -> None:
    """One end deletes the child, says nothing more, and goes on answering."""
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    gateway = {"left": left, "right": right}[by]
    (session,) = gateway.negotiated.sessions
    negotiation = gateway.engine.negotiation
    assert negotiation is not None
    (sa,) = session.children.values()
    negotiation._wishes.append(lambda now: [Outcome(session, each) for each in deleted(session, sa, now)])
    underlay.advance(0.5)
    assert vpn(right, underlay) == "Abnormal"
    underlay.advance(CHILDLESS_SECONDS + LONGEST_PAUSE)
    assert vpn(left, underlay) == vpn(right, underlay) == "Normal"
    assert len(right.negotiated.sessions) == len(right.negotiated.pairs) == 1


def deleted(session: Session, sa: ChildSa, now: float) -> list[Output]:
    session._delete_child(sa, now)
    return session._flush()


def test_waiting_end_gives_up_a_conversation_without_a_child() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    (session,) = left.negotiated.sessions
    left.engine.remove_peer(PEER)
    negotiation = left.engine.negotiation
    assert negotiation is not None
    negotiation._wishes.clear()  # it does not take leave
    (sa,) = session.children.values()
    underlay.carry_out(left, [Send(each.payload, each.path.remote, "") for each in transmits(deleted(session, sa, underlay.now))])
    underlay.advance(CHILDLESS_SECONDS - 1.0)
    assert len(right.negotiated.sessions) == 1
    underlay.advance(2.0)
    assert not right.negotiated.sessions


def transmits(outputs: list[Output]) -> list[Transmit]:
    return [output for output in outputs if isinstance(output, Transmit)]


def test_silent_peer_is_asked_again_and_again() -> None:
    left, right = ike_vcpe(settings=QUICK), ike_pop()
    underlay = Underlay(left, right)
    underlay.up = False
    underlay.advance(120.0)
    assert failure(left, underlay) == "NO_ANSWER"
    underlay.up = True
    underlay.advance(LONGEST_PAUSE + 1.0)
    assert vpn(left, underlay) == "Normal"
    assert failure(left, underlay) is None
    assert_carries(underlay, left, right)


def test_mixed_modes_in_one_engine() -> None:
    left, right = ike_vcpe(), ike_pop()
    by_hand = IPv4Network("172.16.0.0/12")
    left.engine.add_peer(Peer("hand", outbound_sa(300), inbound_sa(301), [by_hand], POP))
    right.engine.add_peer(Peer("hand", outbound_sa(301), inbound_sa(300), [IPv4Network("10.9.0.0/16")], VCPE))
    underlay = connected(left, right)
    left.engine.peers["hand"].heard_at = underlay.now
    underlay.send(left, packet(1), packet(2, "10.9.0.1", "172.16.0.1"))
    assert right.delivered == [packet(1), packet(2, "10.9.0.1", "172.16.0.1")]


# A peer that agrees to less than everything

NARROW = {"ours": (of_prefix(ALIBABA),), "theirs": (of_prefix(IPv4Network("10.0.1.0/24")),)}
ELSEWHERE = "10.0.2.1"  # behind the peer, and not among what it agreed to carry


def narrowed() -> tuple[Gateway, Gateway]:
    right = ike_pop()
    right.negotiated.policy = replace(right.negotiated.policy, **NARROW)
    return ike_vcpe(), right


def quoting(packet: bytes, source: str) -> bytes:
    """A router's word that it saw the last of a packet."""
    return raw(IP(src=source, dst=IP(packet).src) / ICMP(type=11) / packet[:28])


AGREED = [
    pytest.param(packet(), True, id="inside"),
    pytest.param(packet(source=ELSEWHERE), False, id="outside"),
    pytest.param(quoting(back(), ELSEWHERE), True, id="error-about-a-packet-inside"),
    pytest.param(quoting(packet(0, ECS, ELSEWHERE), ELSEWHERE), False, id="error-about-a-packet-outside"),
]


@pytest.mark.parametrize(("inner", "carried"), AGREED)
def test_nothing_is_sent_that_the_peer_did_not_agree_to(inner: bytes, carried: bool) -> None:
    left, right = narrowed()
    underlay = connected(left, right)
    underlay.send(left, inner)
    assert right.delivered == ([inner] if carried else [])
    assert left.drops == ({} if carried else {DropReason.OUTSIDE_SELECTOR: 1})


@pytest.mark.parametrize(("inner", "carried"), AGREED)
def test_nothing_is_taken_that_was_not_agreed_to(inner: bytes, carried: bool) -> None:
    left, right = narrowed()
    underlay = connected(left, right)
    underlay.carry_out(left, [left.peer.send(inner, underlay.now)])
    assert right.delivered == ([inner] if carried else [])
    assert right.drops == ({} if carried else {DropReason.OUTSIDE_SELECTOR: 1})


# New keys, with nothing lost


def child(gateway: Gateway) -> None:
    gateway.engine.rekey(PEER, "child")


def ike(gateway: Gateway) -> None:
    gateway.engine.rekey(PEER, "ike")


@pytest.mark.parametrize("what", [child, ike])
@pytest.mark.parametrize("by", ["left", "right", "both"])
def test_rekey_on_request_loses_nothing(what: Callable[[Gateway], None], by: str) -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    before = peer_status(left, underlay)
    for gateway in {"left": (left,), "right": (right,), "both": (left, right)}[by]:
        what(gateway)
    stream(underlay, left, right, seconds=2.0)
    after = peer_status(left, underlay)
    changed = "spi_in" if what is child else "ike"
    assert after[changed] != before[changed]
    assert after["ike"]["child_rekeys" if what is child else "rekeys"] >= 1
    assert_carries(underlay, left, right)


def test_rekeys_in_time_lose_nothing() -> None:
    left, right = ike_vcpe(settings=BUSY), ike_pop(settings=BUSY)
    underlay = connected(left, right)
    stream(underlay, left, right, seconds=90.0)
    for gateway in (left, right):
        counts = peer_status(gateway, underlay)["ike"]
        assert counts["child_rekeys"] >= 10
        assert counts["rekeys"] >= 3
        assert len(gateway.negotiated.inbound_spis()) <= 4
    assert left.drops == right.drops == {}


def test_ten_minutes_of_rekeys_leave_nothing_behind() -> None:
    """The time-compressed form of bench/soak.py: nothing lost or doubled, and no more kept after ten minutes than after five."""
    settings = Settings(lifetimes=Lifetimes(child=2.2, child_hard=60, ike=11, ike_hard=120), probe_after=5.0)
    left, right = ike_vcpe(settings=settings), ike_pop(settings=settings)
    underlay = connected(left, right)
    kept = []
    for _ in range(2):
        for _ in range(60):
            stream(underlay, left, right, seconds=5.0, rate=2.0)
            underlay.wire.clear()
        kept.append(books(left) + books(right))
    assert left.negotiated.child_rekeys == right.negotiated.child_rekeys >= 240
    assert left.negotiated.ike_rekeys == right.negotiated.ike_rekeys >= 50
    assert left.drops == right.drops == {}
    assert max(kept[1]) <= max(kept[0]) + MOST_AT_ONCE


MOST_AT_ONCE = 8  # children and IKE SAs that may be there while they are replaced


def books(gateway: Gateway) -> list[int]:
    """How much an engine keeps of everything that comes and goes."""
    negotiation = gateway.engine.negotiation
    assert negotiation is not None
    table = negotiation._table
    (session,) = gateway.negotiated.sessions
    agendas = [len(agenda._entries) // 8 for agenda in (table._agenda, negotiation._agenda, gateway.engine._agenda)]
    kept: list[Sized] = [table.sessions, table._by_spi, table._child_spis, gateway.engine.peers_by_spi, negotiation._draining]
    kept += [gateway.negotiated.pairs, session._sas, session.children, session._child_spis, session._wishes]
    return [*map(len, kept), *agendas]


def stream(underlay: Underlay, left: Gateway, right: Gateway, seconds: float, rate: float = 10.0) -> None:
    """Packets both ways, so many a second, each of which arrives, once and in order."""
    left.delivered.clear()
    right.delivered.clear()
    count = int(seconds * rate)
    for number in range(count):
        underlay.send(left, packet(number))
        underlay.send(right, back(number))
        underlay.advance(1 / rate, step=1 / rate)
    assert right.delivered == [packet(number) for number in range(count)]
    assert left.delivered == [back(number) for number in range(count)]


def test_end_that_grants_a_child_sends_through_the_old_one_while_the_peer_may_not_know() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    old = right.peer.outbound
    child(left)
    (question,) = left.engine.tick(underlay.now)
    underlay.up = False  # the answer is lost
    underlay.inject(right, bytes(question[0]), VCPE)
    underlay.up = True
    underlay.send(right, back())
    assert (len(right.negotiated.pairs), right.peer.outbound, left.delivered) == (2, old, [back()])
    underlay.advance(1.0)
    assert right.peer.outbound is not old
    assert_carries(underlay, left, right)


def seal_much(gateway: Gateway) -> None:
    outbound = gateway.peer.outbound
    assert outbound is not None
    outbound.sequence = WORN


def suffer_forgeries(gateway: Gateway) -> None:
    (pair,) = gateway.negotiated.pairs.values()
    pair.inbound.forgeries = 2**35


@pytest.mark.parametrize("wear", [seal_much, suffer_forgeries])
@pytest.mark.parametrize("end", ["left", "right"])
def test_worn_keys_are_replaced(end: str, wear: Callable[[Gateway], None]) -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    wear({"left": left, "right": right}[end])
    underlay.advance(negotiation.USAGE_INTERVAL + 1)
    assert left.negotiated.child_rekeys == right.negotiated.child_rekeys == 1
    assert_carries(underlay, left, right)


def test_what_is_under_way_when_a_child_is_replaced_arrives_for_a_while() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    early, late = (bytes(left.peer.send(packet(number), underlay.now).payload) for number in (1, 2))
    child(left)
    underlay.advance(1.0)
    assert len(right.negotiated.pairs) == 1
    underlay.inject(right, early, VCPE)
    underlay.advance(DRAIN_SECONDS)
    underlay.inject(right, late, VCPE)
    assert right.delivered == [packet(1)]
    assert right.drops == {DropReason.UNKNOWN_SPI: 1}
    assert len(right.negotiated.inbound_spis()) == 1


# A peer that is gone, comes back, or moves


def test_restarted_initiator_takes_its_own_place() -> None:
    left, right = ike_vcpe(), ike_pop()
    connected(left, right)
    again = ike_vcpe(seed="again")
    underlay = connected(again, right)
    assert len(right.negotiated.sessions) == 1
    assert len(right.negotiated.pairs) == 1
    assert_carries(underlay, again, right)


def test_restarted_responder_is_noticed_by_its_silence() -> None:
    left, right = ike_vcpe(settings=QUICK), ike_pop(settings=QUICK)
    connected(left, right)
    again = ike_pop(settings=QUICK, seed="again")
    underlay = Underlay(left, again)
    underlay.advance(5.0 + 4.0)  # silence, then three questions
    assert failure(left, underlay) == "NO_ANSWER"
    assert vpn(left, underlay) == "Abnormal"
    underlay.advance(2.0)
    assert vpn(left, underlay) == vpn(again, underlay) == "Normal"
    assert_carries(underlay, left, again)


def test_end_of_one_side_is_told_and_the_initiator_begins_again() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    underlay.carry_out(right, right.engine.close(underlay.now))
    assert vpn(left, underlay) == "Abnormal"
    again = ike_pop(seed="again")
    underlay = Underlay(left, again)
    underlay.advance(2.0)
    assert_carries(underlay, left, again)


def test_esp_alone_keeps_a_peer_from_being_asked() -> None:
    left, right = ike_vcpe(settings=QUICK), ike_pop(settings=QUICK)
    underlay = connected(left, right)
    underlay.wire.clear()
    stream(underlay, left, right, seconds=20.0)
    assert not any(bytes(datagram.payload).startswith(bytes(4)) for datagram in underlay.wire)


def test_authentic_esp_takes_ike_along_to_a_new_endpoint() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    left.endpoint = ("203.0.113.10", 1024)
    underlay.send(left, packet())
    assert right.peer.endpoint == left.endpoint
    child(right)
    stream(underlay, left, right, seconds=1.0)
    assert right.negotiated.child_rekeys == 1


@pytest.mark.parametrize("kind", ["forged-esp", "replayed-esp", "replayed-ike"])
def test_nobody_else_moves_a_peer(kind: str) -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    ike_message = bytes(next(datagram.payload for datagram in reversed(underlay.wire) if datagram.endpoint == VCPE))
    underlay.send(left, packet())
    genuine = bytes(underlay.wire[-1].payload)
    payload = {"forged-esp": genuine[:-1] + b"\0", "replayed-esp": genuine, "replayed-ike": ike_message}[kind]
    underlay.inject(right, payload, ("192.0.2.66", 666))
    assert right.peer.endpoint == VCPE
    assert_carries(underlay, left, right)


def test_keepalive_of_the_end_that_began() -> None:
    left, right = ike_vcpe(settings=Settings(probe_after=1e6)), ike_pop(settings=Settings(probe_after=1e6))
    underlay = connected(left, right)
    underlay.wire.clear()
    underlay.advance(60.0)
    assert underlay.wire == [Datagram(KEEPALIVE, VCPE)] * 3


INSIDE = ("10.9.0.10", 4500)
OUTSIDE = ("203.0.113.10", 61000)


@pytest.mark.parametrize("port", [4500, 500])
@pytest.mark.parametrize(
    ("seen_at", "own", "kept_open_by"),
    [
        pytest.param(OUTSIDE, POP, {OUTSIDE}, id="initiator-behind-a-nat"),
        pytest.param(VCPE, INSIDE, {VCPE, POP}, id="responder-behind-a-nat"),
        pytest.param(OUTSIDE, INSIDE, {OUTSIDE, POP}, id="both-behind-a-nat"),
    ],
)
def test_tunnel_through_nats(seen_at: Endpoint, own: Endpoint, kept_open_by: set[Endpoint], port: int) -> None:
    """Whichever port the initiator begins on, both ends come to the shared one, and whoever is behind a NAT keeps it open."""
    still = Settings(probe_after=1e6)
    left = ike_vcpe(to=(POP[0], port), seen_at=seen_at, settings=still)
    right = ike_pop(own=own, settings=still)
    underlay = connected(left, right)
    assert (left.peer.endpoint, right.peer.endpoint) == (POP, seen_at)
    assert_carries(underlay, left, right)
    underlay.wire.clear()
    underlay.advance(25.0)
    keepalives = [datagram.endpoint for datagram in underlay.wire if datagram.payload == KEEPALIVE]
    assert set(keepalives) == kept_open_by
    child(right)
    ike(right)
    underlay.advance(1.0)
    assert all(datagram.endpoint[1] != 500 for datagram in underlay.wire)
    assert left.negotiated.child_rekeys == left.negotiated.ike_rekeys == 1
    assert_carries(underlay, left, right)


def waiting(underlay: Underlay, left: Gateway, seconds: float) -> float | None:
    """When the left end gives its peer up while somebody goes on sending; None when it does not."""
    begun = underlay.now
    while underlay.now < begun + seconds:
        underlay.advance(0.5)
        underlay.send(left, packet())
        if left.negotiated.failure is not None:
            return underlay.now - begun
    return None


@pytest.mark.parametrize("after", [0.0, 3.0, 60.0])
def test_dead_peer_is_noticed_after_ten_seconds_while_somebody_waits(after: float) -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    underlay.advance(after)
    assert_carries(underlay, left, right)
    underlay.up = False
    noticed = waiting(underlay, left, 30.0)
    assert noticed is not None
    assert 9.0 <= noticed <= 11.5


def test_dead_peer_is_noticed_when_nobody_waits() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    underlay.up = False
    underlay.advance(15.0, step=0.1)
    assert left.negotiated.failure is None
    underlay.advance(2.0, step=0.1)
    assert left.negotiated.failure == "NO_ANSWER"


def test_peer_that_is_heard_is_not_given_up_for_slow_answers() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    child(left)
    for _ in range(20):
        underlay.up = False
        underlay.advance(1.0)
        underlay.up = True
        underlay.send(left, packet())
        underlay.send(right, back())
    assert left.negotiated.failure is None
    underlay.advance(10.0)
    assert left.negotiated.child_rekeys == 1


def both_begin(seed: str = "") -> tuple[Gateway, Gateway]:
    left, right = ike_vcpe(seed=seed), ike_pop(seed=seed)
    peer = right.negotiated
    right.engine.remove_peer(PEER)
    right.engine.add_peer(NegotiatedPeer(PEER, peer.policy, peer.prefixes, VCPE, speaks_first=True))
    return left, right


def test_both_ends_may_begin() -> None:
    left, right = both_begin()
    underlay = connected(left, right)
    stream(underlay, left, right, seconds=5.0)
    assert len(left.negotiated.sessions) == len(right.negotiated.sessions) == 1


def test_restarted_end_of_two_that_begin_is_not_asked_twice() -> None:
    left, right = both_begin()
    connected(left, right)
    again, _ = both_begin("again")
    underlay = connected(again, right)
    stream(underlay, again, right, seconds=20.0)
    assert len(again.negotiated.sessions) == len(right.negotiated.sessions) == 1


# Peers that come and go


def test_removed_peer_is_told_and_its_packets_are_unknown() -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = connected(left, right)
    sealed = bytes(left.peer.send(packet(), underlay.now).payload)
    right.engine.remove_peer(PEER)
    assert right.engine.deadline() == float("-inf")
    underlay.carry_out(right, right.engine.tick(underlay.now))
    assert vpn(left, underlay) == "Abnormal"
    underlay.carry_out(right, right.engine.inbound([Datagram(sealed, VCPE)], underlay.now))
    assert right.engine.drops == {DropReason.UNKNOWN_SPI: 1}
    assert right.delivered == []


def test_added_peer_is_served() -> None:
    left, right = ike_vcpe(), ike_pop()
    peer = right.negotiated
    right.engine.remove_peer(PEER)
    right.engine.add_peer(NegotiatedPeer(PEER, peer.policy, peer.prefixes))
    assert_carries(connected(left, right), left, right)


@pytest.mark.parametrize(
    ("gateway", "error"),
    [
        pytest.param(ike_pop, "identity sage6m2ph5sit0000001 of sag-2 is that of sag-1", id="identity"),
        pytest.param(pop, "which this dataplane does not speak", id="no-ike"),
    ],
)
def test_peer_that_cannot_be_added_changes_nothing(gateway: Callable[[], Gateway], error: str) -> None:
    engine = gateway().engine
    before = dict(engine.peers)
    with pytest.raises(LocalError, match=error):
        engine.add_peer(NegotiatedPeer("sag-2", ike_pop().negotiated.policy, []))
    assert engine.peers == before


@pytest.mark.parametrize("what", ["child", "ike"])
def test_rekey_of_what_is_not_there_is_refused(what: str) -> None:
    with pytest.raises(LocalError, match="'sag-1' is not connected"):
        ike_pop().engine.rekey(PEER, what)


def test_an_spi_in_use_is_never_given_out() -> None:
    """The entropy of both engines is the same, so the second would draw the SPI that the first drew."""
    first, right = ike_vcpe(), ike_pop()
    connected(first, right)
    drawn = first.negotiated.inbound_spi
    assert drawn is not None
    second, right = ike_vcpe(), ike_pop()
    second.engine.add_peer(Peer("hand", outbound_sa(300), inbound_sa(drawn), [IPv4Network("172.16.0.0/12")]))
    underlay = connected(second, right)
    assert second.negotiated.inbound_spi != drawn
    assert_carries(underlay, second, right)


def test_hub_serves_many() -> None:
    hub = ike_pop()
    hub.engine.remove_peer(PEER)
    gateways = []
    for number in range(20):
        name, identity, prefix = f"sag-{number}", key_id(f"serial-{number}"), IPv4Network(f"10.{number}.0.0/16")
        hub.engine.add_peer(NegotiatedPeer(name, Policy(POINT, identity, PSK), [prefix]))
        gateway = ike_vcpe(seed=str(number))
        gateway.engine.remove_peer(PEER)
        policy = Policy(identity, POINT, PSK)
        gateway.engine.add_peer(NegotiatedPeer(PEER, policy, [ALIBABA], POP, speaks_first=True))
        gateway.endpoint = (f"203.0.113.{number}", 4500)
        gateways.append(gateway)
    underlay = Underlay(hub, *gateways)
    for gateway in gateways:
        underlay.carry_out(gateway, gateway.engine.tick(underlay.now))
    for number, gateway in enumerate(gateways):
        underlay.carry_out(gateway, gateway.engine.outbound([packet(number, f"10.{number}.1.1")], underlay.now))
    assert len(hub.delivered) == len(gateways)
    underlay.carry_out(hub, hub.engine.outbound([packet(0, ECS, f"10.{number}.1.1") for number in range(20)], underlay.now))
    assert all(len(gateway.delivered) == 1 for gateway in gateways)
