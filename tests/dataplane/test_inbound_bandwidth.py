"""What is taken from a peer that is not trusted to hold itself back, on every path that a packet can come."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import raw

from dataplane import ipv4
from dataplane.doubles import PEER, VCPE, Gateway, Underlay, ike_pop, ike_vcpe, pop, vcpe
from dataplane.errors import DropReason
from dataplane.fastpath import FastPath
from dataplane.lane import Lane
from dataplane.packets import Datagram, Deliver
from dataplane.shaper import SMALL_ROOM

SLOW = 200_000  # bit/s
SIZE = 500  # bytes of a packet, at that rate one in 20 ms
Ends = tuple[Gateway, Gateway]
KINDS: dict[str, Callable[[], Ends]] = {"by-hand": lambda: (vcpe(), pop()), "by-ike": lambda: (ike_vcpe(), ike_pop())}


def packet(number: int = 0) -> bytes:
    header = IP(src="10.0.1.10", dst="192.168.1.10", id=number) / UDP(sport=1, dport=2, chksum=0)
    return raw(header / bytes(SIZE - len(header)))


def limited(make: Callable[[], Ends] = KINDS["by-ike"], bandwidth: int = SLOW) -> tuple[Gateway, Gateway, Underlay]:
    left, right = make()
    underlay = Underlay(left, right)
    underlay.advance(3.0)
    right.engine.set_bandwidth(PEER, None, bandwidth)
    return left, right, underlay


def step(underlay: Underlay, right: Gateway) -> None:
    """Let time pass until the limited gateway has something to do."""
    due = right.engine.deadline()
    assert due is not None
    underlay.now = max(underlay.now, due)
    underlay.tick()


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_rate_is_kept_in_the_long_run(make: Callable[[], Ends]) -> None:
    left, right, underlay = limited(make)
    begin, seen = underlay.now, 0
    while underlay.now < begin + 10.0:
        if right.peer.inbound_shaper.backlog < SMALL_ROOM / 2:
            underlay.send(left, *(packet(seen + more) for more in range(10)))
            seen += 10
        step(underlay, right)
    carried = 8 * SIZE * len(right.delivered) / (underlay.now - begin)
    assert carried == pytest.approx(SLOW, rel=0.01)
    assert right.delivered == [packet(number) for number in range(len(right.delivered))]  # in their order, none lost
    assert right.drops == {}


def test_what_waits_is_not_counted_before_it_goes_on() -> None:
    left, right, underlay = limited()
    underlay.send(left, *(packet(number) for number in range(5)))
    received = right.peer.counters.received
    assert (received.packets, received.bytes, len(right.delivered)) == (1, SIZE, 1)
    step(underlay, right)
    assert (received.packets, received.bytes, len(right.delivered)) == (2, 2 * SIZE, 2)


def test_what_would_wait_too_long_is_dropped_and_counted() -> None:
    left, right, underlay = limited()
    sent = 1 + SMALL_ROOM // SIZE + 7
    underlay.send(left, *(packet(number) for number in range(sent)))
    assert right.drops == {DropReason.INBOUND_BANDWIDTH_EXCEEDED: 7}
    while len(right.delivered) < sent - 7:
        step(underlay, right)
    assert right.delivered == [packet(number) for number in range(sent - 7)]


def test_other_direction_is_not_held() -> None:
    left, right, underlay = limited()
    back = raw(IP(src="192.168.1.10", dst="10.0.1.10") / UDP(sport=2, dport=1) / bytes(400))
    underlay.send(right, *[back] * 50)
    assert len(left.delivered) == 50


def test_limit_is_changed_and_taken_away_live() -> None:
    left, right, underlay = limited()
    underlay.send(left, *(packet(number) for number in range(3)))
    right.engine.set_bandwidth(PEER, None, 100 * SLOW)
    underlay.now += 0.001
    underlay.tick()
    assert len(right.delivered) == 3
    assert right.peer.inbound_bandwidth == 100 * SLOW
    right.engine.set_bandwidth(PEER, None)
    underlay.send(left, *[packet()] * 100)
    assert len(right.delivered) == 103
    assert right.peer.inbound_bandwidth is None


def test_peer_that_is_removed_takes_along_what_waits() -> None:
    left, right, underlay = limited()
    underlay.send(left, *[packet()] * 5)
    right.engine.remove_peer(PEER)
    underlay.advance(5.0)
    assert len(right.delivered) == 1


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_lane_holds_as_the_engine_does(make: Callable[[], Ends]) -> None:
    outcomes = []
    for laned in (True, False):
        left, right, underlay = limited(make)
        outbound = left.peer.outbound
        assert outbound is not None
        for number in range(60):
            datagram = outbound.encapsulate(packet(number))
            taken = Lane(right.engine).inbound(datagram, VCPE, 0, underlay.now) if laned else None
            effects = right.engine.inbound([Datagram(datagram, VCPE)], underlay.now) if taken is None else list(taken)
            assert laned == (taken is not None)
            underlay.carry_out(right, effects)
        underlay.advance(2.0, step=0.01)
        outcomes.append((right.delivered, right.drops, right.peer.counters.received))
    assert outcomes[0] == outcomes[1]
    assert right.drops == {DropReason.INBOUND_BANDWIDTH_EXCEEDED: 60 - 1 - SMALL_ROOM // SIZE}


def test_burst_is_held_packet_by_packet() -> None:
    """What the fast path gives on at once, and later the engine, is what it is for the engine alone."""
    burst = [packet(number) for number in range(20)]
    delivered = []
    for fast in (True, False):
        left, right, underlay = limited()
        outbound = left.peer.outbound
        assert outbound is not None
        datagrams = [bytes(outbound.encapsulate(each)) for each in burst]
        if fast:
            path = FastPath(right.engine, (ipv4.PROTOCOL_UDP,))
            stride = len(datagrams[0])
            path.room[: 20 * stride] = b"".join(datagrams)
            effects = [*path.inbound(20 * stride, stride, VCPE, 0, underlay.now), *path.settle(underlay.now)]
        else:
            effects = right.engine.inbound([Datagram(datagram, VCPE) for datagram in datagrams], underlay.now)
        assert all(isinstance(effect, Deliver) for effect in effects)
        underlay.carry_out(right, effects)
        underlay.advance(1.0, step=0.01)
        delivered.append((right.delivered, right.drops, right.peer.counters.received))
    assert delivered[0] == delivered[1]
    assert delivered[0][0] == burst
