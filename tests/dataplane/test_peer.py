"""Who speaks when: the opening, the answer, the keepalive, and where a peer is taken to be."""

from __future__ import annotations

from math import inf

import pytest

from dataplane.doubles import ALIBABA, PEER, POP, TO_POP_SPI, TO_VCPE_SPI, VCPE, Underlay, inbound_sa, outbound_sa, pop, vcpe
from dataplane.errors import DropReason, LocalError
from dataplane.packets import Datagram
from dataplane.peer import KEEPALIVE, Peer

DUMMY_LENGTH = 36
PACKET = bytes.fromhex("4500001500000000401100000a00010ac0a8010a2a")


def lengths(underlay: Underlay) -> list[tuple[str, int]]:
    return [(datagram.endpoint[0], len(datagram.payload)) for datagram in underlay.wire]


def test_the_first_tick_opens_and_one_answer_ends_it() -> None:
    left, right = vcpe(), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    assert lengths(underlay) == [(VCPE[0], DUMMY_LENGTH), (POP[0], DUMMY_LENGTH)]
    underlay.advance(19.5)
    assert len(underlay.wire) == 2
    assert (left.peer.heard_at, right.peer.heard_at) == (1000.0, 1000.0)
    assert (left.peer.endpoint, right.peer.endpoint) == (POP, VCPE)


@pytest.mark.parametrize(("seconds", "dummies"), [(0.0, 1), (0.5, 1), (1.0, 2), (10.0, 11)])
def test_opening_is_repeated_every_second_until_the_peer_is_heard(seconds: float, dummies: int) -> None:
    left = vcpe()
    underlay = Underlay(left)
    underlay.tick()
    underlay.advance(seconds)
    assert lengths(underlay) == [(VCPE[0], DUMMY_LENGTH)] * dummies
    assert left.peer.counters.sent.dummies == dummies


def test_keepalive_every_twenty_silent_seconds() -> None:
    left, right = vcpe(), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    underlay.wire.clear()
    underlay.advance(60.0)
    assert underlay.wire == [Datagram(KEEPALIVE, VCPE)] * 3
    assert left.peer.counters.sent.keepalives == right.engine.keepalives_received == 3
    assert right.drops == {}


def test_anything_sent_puts_the_keepalive_off() -> None:
    left, right = vcpe(), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    underlay.advance(19.0)
    underlay.send(left, PACKET)
    underlay.wire.clear()
    underlay.advance(19.5)
    assert underlay.wire == []
    underlay.advance(0.5)
    assert underlay.wire == [Datagram(KEEPALIVE, VCPE)]


def test_the_end_that_waits_says_nothing_by_itself() -> None:
    right = pop()
    underlay = Underlay(right)
    underlay.advance(100.0)
    assert underlay.wire == []
    assert right.engine.deadline() == inf


def test_deadline_is_when_something_is_due() -> None:
    left, right = vcpe(), pop()
    underlay = Underlay(left, right)
    assert left.engine.deadline() == float("-inf")
    underlay.up = False
    underlay.tick()
    assert left.engine.deadline() == 1001.0
    underlay.up = True
    underlay.advance(1.0)
    assert left.engine.deadline() == 1002.0, "when it was due before the peer was heard"
    underlay.advance(1.0)
    assert left.engine.deadline() == 1021.0


def test_peer_moves_with_its_newest_packet_only() -> None:
    left, right = vcpe(), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    early, late = (left.peer.send(PACKET, underlay.now).payload for _ in range(2))
    underlay.inject(right, late, ("203.0.113.99", 1024))
    assert right.peer.endpoint == ("203.0.113.99", 1024)
    underlay.inject(right, early, VCPE)
    assert right.peer.endpoint == ("203.0.113.99", 1024)
    assert len(right.delivered) == 2


@pytest.mark.parametrize("what", ["forged", "replayed", "keepalive"])
def test_nobody_else_moves_a_peer(what: str) -> None:
    left, right = vcpe(), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    genuine = bytes(underlay.wire[0].payload)
    payload = {"forged": genuine[:-1] + b"\0", "replayed": genuine, "keepalive": KEEPALIVE}[what]
    underlay.now += 5
    underlay.inject(right, payload, ("192.0.2.66", 666))
    assert (right.peer.endpoint, right.peer.heard_at) == (VCPE, 1000.0)


def test_speaking_first_needs_an_endpoint() -> None:
    with pytest.raises(LocalError, match="has no endpoint"):
        Peer(PEER, outbound_sa(TO_POP_SPI), inbound_sa(TO_VCPE_SPI), [ALIBABA], speaks_first=True)


def test_exhausted_opening_is_counted_once_a_second() -> None:
    left = vcpe()
    left.peer.outbound.sequence = 2**32 - 1
    underlay = Underlay(left)
    underlay.tick()
    underlay.advance(3.0)
    assert left.drops == {DropReason.SEQUENCE_EXHAUSTED: 4}
