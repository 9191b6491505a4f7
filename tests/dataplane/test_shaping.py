"""Peak bandwidth between the TUN device and the engine: who is held, what is cut, what is counted."""

from __future__ import annotations

from ipaddress import IPv4Address
from math import inf

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Raw

from dataplane.doubles import PEER, pop, vcpe
from dataplane.engine import Engine
from dataplane.errors import DropReason, LocalError
from dataplane.shaping import Shaping
from dataplane.virtio import GSO_TCPV4, NEEDS_CHECKSUM, Offload

HERE, THERE, ELSEWHERE = "10.0.1.10", "192.168.1.10", "8.8.8.8"
SLOW = 10_000_000  # bit/s
QUICK = 1_000_000_000


def udp(size: int = 1000, to: str = THERE) -> memoryview:
    packet = IP(src=HERE, dst=to) / UDP(sport=1, dport=2)
    return memoryview(bytearray(bytes(packet / Raw(bytes(size - len(packet))))))


def tcp(payload: int) -> tuple[memoryview, Offload]:
    """A super-packet of 1000 bytes of payload a packet."""
    packet = IP(src=HERE, dst=THERE, len=40 + payload) / TCP(sport=1, dport=2) / Raw(bytes(payload))
    return memoryview(bytearray(bytes(packet))), Offload(NEEDS_CHECKSUM, GSO_TCPV4, 40, 1000, 20, 16)


@pytest.fixture
def engine() -> Engine:
    return vcpe().engine


def limited(engine: Engine, bandwidth: int = SLOW) -> Shaping:
    engine.set_bandwidth(PEER, bandwidth)
    return Shaping(engine)


def test_without_a_peak_bandwidth_nothing_is_held(engine: Engine) -> None:
    shaping = Shaping(engine)
    assert not any(shaping.take(udp(), Offload(), 0.0) for _ in range(1000))
    assert shaping.deadline() == inf


STRANGE = {
    "for nobody": udp(to=ELSEWHERE),
    "too short for a header": memoryview(bytearray(19)),
    "empty": memoryview(bytearray()),
}


@pytest.mark.parametrize("packet", STRANGE.values(), ids=STRANGE.keys())
def test_what_goes_to_no_peer_is_the_engines_to_judge(engine: Engine, packet: memoryview) -> None:
    shaping = limited(engine)
    assert not any(shaping.take(packet, Offload(), 0.0) for _ in range(1000))


def test_what_is_too_much_waits_and_comes_in_its_order(engine: Engine) -> None:
    shaping = limited(engine)
    packets = [udp(1000 + number) for number in range(40)]
    passed = [not shaping.take(packet, Offload(), 0.0) for packet in packets]
    assert passed == [True] * 13 + [False] * 27  # 12.5 KB: 10 ms at 10 Mbit/s
    due = shaping.deadline()
    assert due is not None
    assert list(shaping.release(due - 1e-4)) == []
    assert [bytes(held.packet) for held in shaping.release(1.0)] == [bytes(packet) for packet in packets[13:]]
    assert shaping.deadline() == inf


def test_what_waits_is_a_copy(engine: Engine) -> None:
    """The memory of the TUN device's read is used again."""
    shaping = limited(engine)
    packet = udp()
    while not shaping.take(packet, Offload(), 0.0):
        pass
    before = bytes(packet)
    packet[:] = bytes(len(packet))
    assert [bytes(held.packet) for held in shaping.release(1.0)] == [before]


def test_what_would_wait_too_long_is_dropped_and_counted(engine: Engine) -> None:
    shaping = limited(engine)
    assert sum(shaping.take(udp(), Offload(), 0.0) for _ in range(200)) == 187
    assert engine.peers[PEER].counters.drops == {DropReason.PEAK_BANDWIDTH_EXCEEDED: 187 - 125}  # 100 ms wait


def test_a_super_packet_that_takes_long_is_cut(engine: Engine) -> None:
    shaping = limited(engine)
    packet, offload = tcp(10_500)
    assert shaping.take(packet, offload, 0.0)
    pieces = [IP(bytes(held.packet)) for held in shaping.release(1.0)]
    assert [piece[TCP].seq for piece in pieces] == list(range(0, 10_500, 1000))
    assert [len(piece) for piece in pieces] == [1040] * 10 + [540]


def test_another_one_goes_whole_and_counts_for_all_its_headers(engine: Engine) -> None:
    shaping = limited(engine, QUICK)
    packet, offload = tcp(50_000)
    passed = 0
    while not shaping.take(packet, offload, 0.0):
        passed += 1
    assert passed == 1_250_000 // (50 * 1040) + 1
    (held,) = shaping.release(1.0)
    assert (bytes(held.packet), held.offload) == (bytes(packet), offload)


def test_a_malformed_super_packet_is_the_engines_to_count(engine: Engine) -> None:
    packet, _ = tcp(100)
    assert not limited(engine).take(packet, Offload(0, 77), 0.0)


def test_a_peer_that_goes_takes_what_waits_with_it(engine: Engine) -> None:
    shaping = limited(engine)
    for _ in range(40):
        shaping.take(udp(), Offload(), 0.0)
    engine.remove_peer(PEER)
    assert list(shaping.release(1.0)) == []
    assert shaping.deadline() == inf


def test_bandwidth_is_changed_and_taken_away_on_the_way(engine: Engine) -> None:
    shaping = limited(engine)
    for _ in range(40):
        shaping.take(udp(), Offload(), 0.0)
    engine.set_bandwidth(PEER, QUICK)
    assert engine.peers[PEER].bandwidth == QUICK
    assert len(list(shaping.release(1.0))) == 27
    engine.set_bandwidth(PEER, None)
    assert engine.peers[PEER].bandwidth is None
    assert not any(shaping.take(udp(), Offload(), 1.0) for _ in range(1000))


def test_each_end_shapes_what_it_sends() -> None:
    gateway = pop().engine
    shaping = limited(gateway)
    back = memoryview(bytearray(bytes(IP(src=THERE, dst=HERE) / UDP() / Raw(bytes(1000)))))
    assert gateway.peer_behind(int(IPv4Address(HERE))) is gateway.peers[PEER]
    assert any(shaping.take(back, Offload(), 0.0) for _ in range(100))


def test_an_unknown_peer_has_none(engine: Engine) -> None:
    with pytest.raises(LocalError, match="is unknown"):
        engine.set_bandwidth("sag-9", SLOW)
