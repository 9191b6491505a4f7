"""The fast path against the slow one: the same packets, the same outcome, the same counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Packet, raw

from dataplane import ipv4
from dataplane.check import EniCheck
from dataplane.counters import Traffic
from dataplane.cutting import cut
from dataplane.doubles import POP, VCPE, Gateway, Underlay, ike_pop, ike_vcpe, pop, vcpe
from dataplane.errors import DropReason
from dataplane.esp import NEXT_HEADER_DUMMY, NEXT_HEADER_IPV4
from dataplane.fastpath import FEWEST, FastPath
from dataplane.headers import CE
from dataplane.packets import BatchEffect, Datagram, Deliver, DeliverSuperPacket, Effect, Send, SendBatch
from dataplane.path_mtu import PathMtu
from dataplane.superpacket import parse_superpacket
from dataplane.virtio import NEEDS_CHECKSUM, Offload, parse_offload
from tests.dataplane.superpackets import ECS, TIMESTAMPS, Flow, octets

PROTOCOLS = (ipv4.PROTOCOL_TCP, ipv4.PROTOCOL_UDP)
Ends = tuple[Gateway, Gateway]


@dataclass(frozen=True)
class Outcome:
    """All that can be told apart from outside."""

    packets: list[bytes]
    """Datagrams sent or packets delivered, in order."""
    drops: Counter[DropReason]
    peer_drops: Counter[DropReason]
    sent: Traffic
    received: Traffic


def outcome(gateway: Gateway, packets: list[bytes]) -> Outcome:
    counters = gateway.peer.counters
    return Outcome(packets, gateway.engine.drops, counters.drops, counters.sent, counters.received)


def each(effects: Sequence[Effect]) -> list[bytes]:
    return [bytes(effect.packet if isinstance(effect, Deliver) else effect.payload) for effect in effects]


def flat(effect: Effect | BatchEffect) -> list[bytes]:
    """What an effect does, packet by packet. A super-packet has to be what its packets are when it is cut."""
    if isinstance(effect, SendBatch):
        starts = range(0, len(effect.payload), effect.segment)
        return [bytes(effect.payload[start : start + effect.segment]) for start in starts]
    if isinstance(effect, DeliverSuperPacket):
        whole = memoryview(bytearray(b"".join(effect.parts)))
        pieces = cut(parse_superpacket(whole, parse_offload(effect.offload)))
        packets = [bytes(packet) for packet in effect.packets]
        assert [identified(piece) for piece in pieces] == [identified(packet) for packet in packets]
        return packets
    return each([effect])


def identified(packet: bytes) -> bytes:
    """The packet without its identification where that has no meaning, for it is not to be fragmented. RFC 6864 §4.1."""
    has_no_meaning = packet[6] << 8 & ipv4.DONT_FRAGMENT
    return packet[:4] + packet[6:10] + packet[12:] if has_no_meaning else packet


def connected(make: Callable[[], Ends] = lambda: (vcpe(), pop())) -> Ends:
    """Two gateways that have heard each other."""
    left, right = make()
    underlay = Underlay(left, right)
    underlay.advance(3.0)
    return left, right


NOW = 1003.0

# From the TUN device

Read = tuple[bytes, Offload]


def sent_slowly(gateway: Gateway, reads: Sequence[Read]) -> Outcome:
    """Cut first, then packet by packet."""
    packets: list[bytes] = []
    for packet, offload in reads:
        if offload.gso_type:
            packets += cut(parse_superpacket(memoryview(bytearray(packet)), offload))
        else:
            packets.append(packet)
    return outcome(gateway, each(gateway.engine.outbound(packets, NOW)))


def sent_fast(gateway: Gateway, reads: Sequence[Read]) -> Outcome:
    fast = FastPath(gateway.engine, PROTOCOLS, fewest=2)
    effects = [flat(effect) for read in reads for effect in fast.outbound(memoryview(bytearray(read[0])), read[1], NOW)]
    return outcome(gateway, [datagram for effect in effects for datagram in effect])


def lone(flow: Flow, length: int = 100) -> Read:
    return flow.packet(octets(length)), Offload()


TUN_READS = {
    "bulk": [Flow().superpacket(octets(60000), 1348)] * 2,
    "short-last": [Flow(transport={"options": TIMESTAMPS}).superpacket(octets(10001), 1300, flags="PA")],
    "udp": [Flow(UDP).superpacket(octets(40000), 996)],
    "mixed": [lone(Flow()), Flow().superpacket(octets(5000), 1000), lone(Flow(UDP)), Flow(UDP).superpacket(octets(900), 100)],
    "nowhere": [Flow(destination="8.8.8.8").superpacket(octets(5000), 1000)],
    "too-big-for-the-tunnel": [Flow().superpacket(octets(9000), 1400)],
    "too-big-may-be-fragmented": [Flow(UDP, ip={"flags": 0, "id": 9}).superpacket(octets(9000), 1430)],
    "marked": [Flow(ip={"tos": 0xB8 | CE, "flags": "DF"}).superpacket(octets(5000), 1000)],
    "many-small": [Flow(UDP).superpacket(octets(20000), 20)],
}


@pytest.mark.parametrize("reads", TUN_READS.values(), ids=TUN_READS)
def test_what_is_sent_is_the_same(reads: list[Read]) -> None:
    assert sent_fast(connected()[0], reads) == sent_slowly(connected()[0], reads)


def _unheard(gateway: Gateway) -> None:
    gateway.peer.heard_at = None


def _nearly_worn(gateway: Gateway) -> None:
    assert gateway.peer.outbound is not None
    gateway.peer.outbound.sequence = gateway.peer.outbound.last_sequence - 3


def _checked(gateway: Gateway) -> None:
    gateway.engine.check = EniCheck((IPv4Address("10.0.2.10"),))


def _narrow(gateway: Gateway) -> None:
    gateway.peer.path = PathMtu(900)


STATES = {"unheard": _unheard, "nearly-worn": _nearly_worn, "source-dest-check": _checked, "narrow-path": _narrow}


@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
def test_what_is_not_sent_is_counted_the_same(change: Callable[[Gateway], None]) -> None:
    reads = [Flow().superpacket(octets(5000), 1000), lone(Flow())]
    gateways = [connected()[0] for _ in range(2)]
    for gateway in gateways:
        change(gateway)
    fast, slow = sent_fast(gateways[0], reads), sent_slowly(gateways[1], reads)
    assert fast == slow
    assert fast.drops + fast.peer_drops


def test_tunnels_keyed_by_ike_send_the_same() -> None:
    reads = [Flow().superpacket(octets(30000), 1000), lone(Flow())]
    ends = [connected(lambda: (ike_vcpe(), ike_pop())) for _ in range(2)]
    fast, slow = sent_fast(ends[0][0], reads), sent_slowly(ends[1][0], reads)
    assert fast == slow
    assert len(fast.packets) == 31


def test_nonsense_from_the_device_is_counted_once() -> None:
    gateway = connected()[0]
    packet, offload = Flow().superpacket(octets(5000), 1000)
    assert not sent_fast(gateway, [(packet, offload._replace(gso_type=3)), (packet, offload._replace(gso_size=0))]).packets
    assert gateway.drops == {DropReason.MALFORMED_PACKET: 2}


@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize("length", [0, 1, 100, 999])
def test_a_missing_checksum_is_made(protocol: type, length: int) -> None:
    """A lone packet whose checksum the kernel left to us leaves whole."""
    flow = Flow(protocol)
    packet, offload = flow.superpacket(octets(length), 1000)
    left, right = connected()
    fast = FastPath(left.engine, PROTOCOLS, fewest=2)
    for effect in fast.outbound(memoryview(packet), offload._replace(gso_type=0), NOW):
        assert isinstance(effect, Send)
        (delivered,) = right.engine.inbound([Datagram(effect.payload, VCPE)], NOW)
        assert isinstance(delivered, Deliver)
        assert bytes(delivered.packet) == flow.packet(octets(length))


@pytest.mark.parametrize("start", [0, 60, 65535])
def test_a_checksum_out_of_bounds_is_left_alone(start: int) -> None:
    gateway = connected()[0]
    packet = Flow().packet(b"")
    offload = Offload(NEEDS_CHECKSUM, 0, 0, 0, start, 65535 if not start else 6)
    assert sent_fast(gateway, [(packet, offload)]).packets


# From the underlay


def received_slowly(gateway: Gateway, datagrams: Sequence[bytes], tos: int = 0) -> Outcome:
    return outcome(gateway, each(gateway.engine.inbound([Datagram(datagram, VCPE, tos) for datagram in datagrams], NOW)))


def received_fast(gateway: Gateway, datagrams: Sequence[bytes], tos: int = 0) -> tuple[Outcome, int]:
    """As the kernel gathers them: of one size, only the last may be shorter. Also returns the number of effects."""
    fast, effects = FastPath(gateway.engine, PROTOCOLS, fewest=2), []
    for burst in bursts(datagrams):
        whole = b"".join(burst)
        fast.room[: len(whole)] = whole
        effects += [flat(effect) for effect in fast.inbound(len(whole), len(burst[0]), VCPE, tos, NOW)]
    effects += [flat(effect) for effect in fast.settle(NOW)]
    return outcome(gateway, [packet for packets in effects for packet in packets]), len(effects)


def bursts(datagrams: Sequence[bytes]) -> list[list[bytes]]:
    found: list[list[bytes]] = []
    for datagram in datagrams:
        burst = found[-1] if found else []
        fits = burst and len(datagram) <= len(burst[0]) == len(burst[-1]) and len(burst) < 64
        if fits and sum(map(len, burst)) + len(datagram) <= 65507:
            burst.append(datagram)
        else:
            found.append([datagram])
    return found


def sealed(ends: Ends, packets: Sequence[bytes], next_header: int = NEXT_HEADER_IPV4) -> list[bytes]:
    sa = ends[0].peer.outbound
    assert sa is not None
    return [bytes(sa.encapsulate(packet, next_header)) for packet in packets]


def pieces(flow: Flow, length: int, size: int, **transport: object) -> list[bytes]:
    return [bytes(packet) for packet in cut(flow.parsed(octets(length), size, **transport))]


def _altered(packets: list[bytes], place: int, at: int, value: int) -> list[bytes]:
    changed = bytearray(packets[place])
    changed[at] ^= value
    return [*packets[:place], bytes(changed), *packets[place + 1 :]]


def _again(packets: list[bytes], place: int, **fields: object) -> list[bytes]:
    """With other fields in one IP header, and checksums to match."""
    return _with(packets, place, lambda packet: packet, fields)


def _tcp(packets: list[bytes], place: int, **fields: object) -> list[bytes]:
    return _with(packets, place, lambda packet: packet[TCP], fields)


def _with(packets: list[bytes], place: int, layer: Callable[[Packet], Packet], fields: dict[str, object]) -> list[bytes]:
    packet = IP(packets[place])
    for name, value in fields.items():
        setattr(layer(packet), name, value)
    del packet.chksum, packet.payload.chksum
    return [*packets[:place], raw(packet), *packets[place + 1 :]]


BULK = pieces(Flow(transport={"options": TIMESTAMPS}), 20000, 1000)
FREE = pieces(Flow(ip={"flags": 0, "id": 65530}), 10000, 1000)
DATAGRAMS = pieces(Flow(UDP), 20000, 1000)
OTHER = pieces(Flow(transport={"options": TIMESTAMPS, "sport": 7}), 20000, 1000)

# Packets of one burst, and how many writes to the TUN device they make.
RUNS = {
    "tcp": (BULK, 1),
    "tcp-short-last": (pieces(Flow(), 10500, 1000), 1),
    "tcp-odd": (pieces(Flow(), 999 * 9 + 4, 999), 1),
    "tcp-largest": (pieces(Flow(), 44 * 1348, 1348), 1),
    "tcp-without-df": (FREE, 1),
    "tcp-pushed-in-the-last": (pieces(Flow(), 5000, 1000, flags="PA"), 1),
    "tcp-pushed-in-the-middle": (_tcp(BULK, 9, flags="PA"), 2),
    "tcp-other-flags": (_tcp(BULK, 9, flags="FA"), 3),
    "tcp-urgent": (_tcp(BULK, 9, flags="UA"), 3),
    "tcp-other-window": (_tcp(BULK, 9, window=77), 3),
    "tcp-other-ack": (_tcp(BULK, 9, ack=77), 3),
    "tcp-other-timestamp": (_tcp(BULK, 9, options=[("NOP", None), ("NOP", None), ("Timestamp", (9, 9))]), 3),
    "tcp-other-port": (_tcp(BULK, 9, sport=77), 3),
    "tcp-gap": ([*BULK[:9], *BULK[10:]], 2),
    "tcp-swapped": ([*BULK[:8], BULK[9], BULK[8], *BULK[10:]], 4),
    "tcp-bad-checksum": (_altered(BULK, 9, 36, 1), 3),
    "tcp-bad-payload": (_altered(BULK, 9, 500, 1), 3),
    "ip-bad-checksum": (_altered(BULK, 9, 10, 1), 3),
    "ip-other-ttl": (_again(BULK, 9, ttl=9), 3),
    "ip-other-tos": (_again(BULK, 9, tos=4), 3),
    "ip-any-identification-with-df": (_again(BULK, 9, id=9), 1),
    "ip-other-identification-without-df": (_again(FREE, 5, id=9), 3),
    "first-does-not-begin": (_tcp(BULK, 0, flags="S"), 2),
    "udp": (DATAGRAMS, 1),
    "udp-short-last": (pieces(Flow(UDP), 10500, 1000), 1),
    "udp-odd": (pieces(Flow(UDP), 999 * 9 + 4, 999), 1),
    "udp-tiny": (pieces(Flow(UDP), 300, 5), 1),
    "udp-bad-checksum": (_altered(DATAGRAMS, 9, 26, 1), 3),
    "udp-without-checksum": ([packet[:26] + b"\0\0" + packet[28:] for packet in DATAGRAMS], 20),
    "two-flows-one-after-the-other": (BULK[:10] + OTHER[:9], 2),
    "tcp-then-udp-of-the-same-length": (pieces(Flow(), 5000, 1000) + pieces(Flow(UDP), 5 * 1012, 1012), 2),
    "flows-taking-turns": ([packet for pair in zip(BULK, OTHER, strict=True) for packet in pair], 40),
    "acks": ([Flow(transport={"ack": number}).packet(b"") for number in range(10)], 10),
    "equal-acks": ([Flow().packet(b"")] * 3, 3),
}


@pytest.mark.parametrize(("packets", "writes"), RUNS.values(), ids=RUNS)
def test_what_is_delivered_is_the_same(packets: list[bytes], writes: int) -> None:
    fast, slow = connected(), connected()
    datagrams = sealed(fast, packets)
    result, effects = received_fast(fast[1], datagrams)
    assert result == received_slowly(slow[1], datagrams)
    assert result.packets == packets
    assert effects == writes


def _forge(datagrams: list[bytes]) -> list[bytes]:
    return _altered(_altered(datagrams, 3, 100, 1), 7, -1, 1)


def _replay(datagrams: list[bytes]) -> list[bytes]:
    return [*datagrams[:5], datagrams[2], *datagrams[5:], datagrams[0]]


def _reorder(datagrams: list[bytes]) -> list[bytes]:
    return [*datagrams[10:], *datagrams[:10]]


def _lose(datagrams: list[bytes]) -> list[bytes]:
    return datagrams[::2]


def _mix_in_a_stranger(datagrams: list[bytes]) -> list[bytes]:
    return [*datagrams[:5], b"\0\0\x77\x77" + datagrams[5][4:], *datagrams[6:]]


def _mix_in_ike(datagrams: list[bytes]) -> list[bytes]:
    return [*datagrams[:5], bytes(4) + datagrams[5][4:], *datagrams[6:]]


def _break_the_length(datagrams: list[bytes]) -> list[bytes]:
    return [datagram + b"\0" for datagram in datagrams]


def _cut_short(datagrams: list[bytes]) -> list[bytes]:
    return [*datagrams[:-1], datagrams[-1][:20]]


ATTACKS = (_forge, _replay, _reorder, _lose, _mix_in_a_stranger, _mix_in_ike, _break_the_length, _cut_short)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("make", [lambda: (vcpe(), pop()), lambda: (ike_vcpe(), ike_pop())], ids=["by-hand", "ike"])
def test_what_is_refused_is_counted_the_same(attack: Callable[[list[bytes]], list[bytes]], make: Callable[[], Ends]) -> None:
    fast, slow = connected(make), connected(make)
    datagrams = attack(sealed(fast, BULK))
    result, _ = received_fast(fast[1], datagrams)
    assert result == received_slowly(slow[1], datagrams)


OTHERS = {
    "outside-the-selector": Flow(source="8.8.8.8"),
    "source-of-the-other-side": Flow(source=ECS),
}


@pytest.mark.parametrize("flow", OTHERS.values(), ids=OTHERS)
def test_a_whole_run_is_refused(flow: Flow) -> None:
    fast, slow = connected(), connected()
    datagrams = sealed(fast, pieces(flow, 10000, 1000))
    result, _ = received_fast(fast[1], datagrams)
    assert result == received_slowly(slow[1], datagrams)
    assert result.peer_drops == {DropReason.OUTSIDE_SELECTOR: 10}


def test_the_source_dest_check_meets_a_whole_run() -> None:
    ends = [connected() for _ in range(2)]
    for _, gateway in ends:
        gateway.engine.check = EniCheck((IPv4Address("198.51.100.10"),))
    datagrams = sealed(ends[0], BULK)
    result, _ = received_fast(ends[0][1], datagrams)
    assert result == received_slowly(ends[1][1], datagrams)
    assert result.peer_drops == {DropReason.ENI_SOURCE_DEST_CHECK_RESTRICTION: len(BULK)}


@pytest.mark.parametrize("inner", range(4))
@pytest.mark.parametrize("outer", range(4))
def test_congestion_is_taken_over_from_a_burst(inner: int, outer: int) -> None:
    """All sixteen pairs of RFC 6040."""
    fast, slow = connected(), connected()
    datagrams = sealed(fast, pieces(Flow(ip={"tos": inner, "flags": "DF"}), 10000, 1000))
    result, _ = received_fast(fast[1], datagrams, outer)
    assert result == received_slowly(slow[1], datagrams, outer)


PAYLOADS = {
    "dummies": ([b""] * 5, NEXT_HEADER_DUMMY),
    "padded-dummies": ([bytes(100)] * 5, NEXT_HEADER_DUMMY),
    "another-protocol": ([bytes(100)] * 5, 41),
    "no-packets": ([bytes(100)] * 5, NEXT_HEADER_IPV4),
    "padded-packets": ([packet + bytes(20) for packet in BULK], NEXT_HEADER_IPV4),
    "truncated-packets": ([packet[:-20] for packet in BULK], NEXT_HEADER_IPV4),
    "truncated-headers": ([packet[:25] for packet in BULK], NEXT_HEADER_IPV4),
}


@pytest.mark.parametrize(("payloads", "next_header"), PAYLOADS.values(), ids=PAYLOADS)
def test_whatever_a_peer_seals_leads_to_the_same(payloads: list[bytes], next_header: int) -> None:
    fast, slow = connected(), connected()
    datagrams = sealed(fast, payloads, next_header)
    result, _ = received_fast(fast[1], datagrams)
    assert result == received_slowly(slow[1], datagrams)


@given(st.lists(st.binary(max_size=100), max_size=8), st.integers(1, 120))
def test_any_bytes_in_a_burst_are_survived(pieces: list[bytes], stride: int) -> None:
    """Whatever the kernel says the datagrams' size is."""
    ends = connected()
    whole = b"".join(pieces)
    fast = FastPath(ends[1].engine, PROTOCOLS, fewest=2)
    fast.room[: len(whole)] = whole
    effects = [*fast.inbound(len(whole), stride, VCPE, 0, NOW), *fast.settle(NOW)]
    assert not [effect for effect in effects if not isinstance(effect, Send)]


@given(st.lists(st.binary(max_size=3) | st.binary(min_size=36, max_size=40)))
def test_any_datagrams_one_by_one_are_counted_the_same(datagrams: list[bytes]) -> None:
    """Even empty ones, and keepalives."""
    fast, slow = connected(), connected()
    path = FastPath(fast[1].engine, PROTOCOLS, fewest=2)
    for datagram in datagrams:
        path.room[: len(datagram)] = datagram
        assert not list(path.inbound(len(datagram), len(datagram), VCPE, 0, NOW))
    assert not list(path.settle(NOW))
    assert outcome(fast[1], []) == received_slowly(slow[1], datagrams)
    assert fast[1].engine.keepalives_received == slow[1].engine.keepalives_received


FLOWS = (Flow(), Flow(transport={"sport": 7}), Flow(UDP), Flow(UDP, ip={"flags": 0, "id": 3}), Flow(source="8.8.8.8"))


@given(st.data())
def test_any_mixture_is_delivered_the_same(data: st.DataObject) -> None:
    """Runs of several flows, some of it lost, doubled, moved or altered on the way."""
    packets: list[bytes] = []
    for _ in range(data.draw(st.integers(1, 4))):
        flow, length, size = st.sampled_from(FLOWS), st.integers(1, 600), st.sampled_from([99, 100])
        packets += pieces(data.draw(flow), data.draw(length), data.draw(size))
    ends = [connected() for _ in range(2)]
    datagrams = sealed(ends[0], packets)
    for _ in range(data.draw(st.integers(0, 3))):
        at, to = (data.draw(st.integers(0, len(datagrams) - 1)) for _ in range(2))
        change = data.draw(st.sampled_from(["lose", "double", "move", "alter"]))
        datagram = datagrams[at] if change == "double" else datagrams.pop(at)
        if change == "alter":
            datagram = datagram[:-1] + bytes([datagram[-1] ^ 1])
        if change != "lose" or not datagrams:
            datagrams.insert(to, datagram)
    result, _ = received_fast(ends[0][1], datagrams)
    assert result == received_slowly(ends[1][1], datagrams)


def test_a_protocol_may_be_left_out() -> None:
    ends = connected()
    fast = FastPath(ends[1].engine, (ipv4.PROTOCOL_UDP,), fewest=2)
    whole = b"".join(sealed(ends, BULK))
    fast.room[: len(whole)] = whole
    effects = [*fast.inbound(len(whole), len(whole) // len(BULK), VCPE, 0, NOW), *fast.settle(NOW)]
    assert [type(effect) for effect in effects] == [Deliver] * len(BULK)


READS = {
    "a-batch-and-its-rest": ([47, 3], [{}, {}], False, 1),
    "a-batch-and-its-rest-with-a-shorter-last": ([47, 3], [{}, {}], True, 1),
    "one-by-one": ([1] * 9, [{}] * 9, False, 1),
    "one-by-one-with-a-shorter-last": ([1] * 9, [{}] * 9, True, 1),
    "two-batches": ([20, 20], [{}, {}], False, 1),
    "another-sender": ([1, 1], [{}, {"endpoint": POP}], False, 2),
    "another-tos": ([1, 1], [{}, {"tos": 4}], False, 2),
    "full-ones": ([47, 47], [{}, {}], False, 2),
}


@pytest.mark.parametrize(("counts", "origins", "shorter", "writes"), READS.values(), ids=READS)
def test_reads_that_continue_each_other_are_one_burst(
    counts: list[int], origins: list[dict[str, Any]], shorter: bool, writes: int
) -> None:
    numbers, last = range(sum(counts)), sum(counts) - 1
    packets = [
        Flow(ip={"id": number}, transport={"seq": number * 1300}).packet(octets(1200 if shorter and number == last else 1300))
        for number in numbers
    ]
    ends = connected()
    datagrams = sealed(ends, packets)
    fast, effects = FastPath(ends[1].engine, PROTOCOLS, fewest=2), []
    for count, origin in zip(counts, origins, strict=True):
        read = [datagrams.pop(0) for _ in range(count)]
        whole = b"".join(read)
        fast.room[: len(whole)] = whole
        where = {"endpoint": VCPE, "tos": 0, **origin}
        effects += [flat(effect) for effect in fast.inbound(len(whole), len(read[0]), now=NOW, **where)]
    effects += [flat(effect) for effect in fast.settle(NOW)]
    assert [packet for packets in effects for packet in packets] == packets
    assert len(effects) == writes


@pytest.mark.parametrize(("count", "kind"), [(FEWEST - 1, Deliver), (FEWEST, DeliverSuperPacket)])
def test_small_bursts_take_the_slow_path(count: int, kind: type) -> None:
    ends = connected()
    fast = FastPath(ends[1].engine, PROTOCOLS)
    whole = b"".join(sealed(ends, BULK[:count]))
    fast.room[: len(whole)] = whole
    effects = [*fast.inbound(len(whole), len(whole) // count, VCPE, 0, NOW), *fast.settle(NOW)]
    assert {type(effect) for effect in effects} == {kind}
