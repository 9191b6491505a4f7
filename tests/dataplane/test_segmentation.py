"""Super-packets cut into packets, field by field; the kernel's own judgement is in test_offloads.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP

from dataplane.cutting import cut
from dataplane.doubles import TO_POP_SPI, inbound_sa, outbound_sa
from dataplane.errors import KeyExhausted, MalformedPacket, SequenceExhausted
from dataplane.esp import LAST_SEQUENCE, InboundSa, OutboundSa
from dataplane.segmentation import LARGEST_SEND, SEGMENTS, Segmenter
from dataplane.suites import SUITES
from dataplane.superpacket import TCP_CHECKSUM, UDP_CHECKSUM, SuperPacket, parse_superpacket
from dataplane.virtio import GSO_TCPV4, GSO_UDP_L4, Offload
from tests.dataplane.superpackets import TIMESTAMPS, Flow, octets, with_own_checksums

FLOWS = {
    "tcp": Flow(),
    "tcp-with-options": Flow(transport={"options": TIMESTAMPS}),
    "tcp-without-df": Flow(ip={"id": 7, "flags": 0, "tos": 0x2E, "ttl": 3}),
    "ip-options": Flow(ip={"id": 7, "options": b"\x01\x01\x01\x00"}),
    "udp": Flow(UDP),
    "udp-with-ip-options": Flow(UDP, ip={"id": 7, "options": b"\x07\x07\x04\0\0\0\0\0"}),
}
SIZES = {
    "even": (1348, 1348 * 10),
    "odd": (1349, 1349 * 10),
    "short-last": (1000, 1000 * 10 + 1),
    "odd-short-last": (999, 999 * 3 + 500),
    "one": (1400, 700),
    "many-small": (16, 16 * 200 + 3),
    "largest": (1398, 65000),
}


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_lengths_and_checksums_of_these_tests_are_those_of_scapy(flow: Flow) -> None:
    adds_up_to_zero = IP(flow.packet(bytes(2)))[flow.protocol].chksum.to_bytes(2, "big")
    for payload in (b"", b"odd", octets(1400), b"\xff" * 1400, adds_up_to_zero):
        packet = flow.packet(payload)
        garbled = bytearray(packet)
        garbled[2:4] = garbled[10:12] = b"\x12\x34"
        place = (packet[0] & 15) * 4 + (UDP_CHECKSUM if flow.protocol is UDP else TCP_CHECKSUM)
        garbled[place : place + 2] = b"\x56\x78"
        assert with_own_checksums(bytes(garbled)) == packet


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
@pytest.mark.parametrize(("size", "length"), SIZES.values(), ids=SIZES)
def test_packets_are_whole_and_hold_the_payload(flow: Flow, size: int, length: int) -> None:
    payload = octets(length)
    packets = list(cut(flow.parsed(payload, size)))
    assert [len(IP(packet)[flow.protocol].payload) for packet in packets[:-1]] == [size] * (-(-length // size) - 1)
    assert b"".join(bytes(IP(packet)[flow.protocol].payload) for packet in packets) == payload
    assert packets == [with_own_checksums(packet) for packet in packets]


WRAPS = {
    "identification": ({"id": 0xFFFE}, {}),
    "tcp-sequence": ({"id": 1}, {"seq": 2**32 - 2500}),
    "both": ({"id": 0xFFFF}, {"seq": 2**32 - 1000}),
}


@pytest.mark.parametrize(("ip", "tcp"), WRAPS.values(), ids=WRAPS)
def test_counters_wrap(ip: dict[str, int], tcp: dict[str, int]) -> None:
    packets = [IP(packet) for packet in cut(Flow(ip=ip, transport=tcp).parsed(octets(5000), 1000))]
    assert [packet.id for packet in packets] == [(ip["id"] + number) % 2**16 for number in range(5)]
    assert [packet[TCP].seq for packet in packets] == [(tcp.get("seq", 0) + number * 1000) % 2**32 for number in range(5)]
    assert [bytes(packet) for packet in packets] == [with_own_checksums(bytes(packet)) for packet in packets]


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_the_header_checksum_wraps(identification: int, tos_and_ttl: int) -> None:
    """Counting down, it meets 0 at some identification, wherever that is."""
    flow = Flow(ip={"id": identification, "tos": tos_and_ttl >> 8, "ttl": tos_and_ttl & 0xFF})
    packets = list(cut(flow.parsed(octets(640), 10)))
    assert packets == [with_own_checksums(packet) for packet in packets]


FLAGS = [
    pytest.param("A", ["A", "A", "A"], id="ack"),
    pytest.param("PA", ["A", "A", "PA"], id="push-in-the-last"),
    pytest.param("FPA", ["A", "A", "FPA"], id="fin-in-the-last"),
    pytest.param("CA", ["CA", "A", "A"], id="cwr-in-the-first"),
    pytest.param("CEPA", ["CEA", "EA", "EPA"], id="ece-in-all"),
]


@pytest.mark.parametrize(("whole", "each"), FLAGS)
def test_flags_stand_where_they_belong(whole: str, each: list[str]) -> None:
    packets = [IP(packet) for packet in cut(Flow().parsed(octets(3000), 1000, flags=whole))]
    assert [packet[TCP].flags for packet in packets] == each
    assert [bytes(packet) for packet in packets] == [with_own_checksums(bytes(packet)) for packet in packets]


def test_udp_without_checksum_stays_without() -> None:
    packet, offload = Flow(UDP).superpacket(octets(3000), 1000)
    packet[26:28] = bytes(2)
    superpacket = parse_superpacket(memoryview(packet), offload._replace(flags=0))
    assert [IP(piece)[UDP].chksum for piece in cut(superpacket)] == [0, 0, 0]


def test_a_udp_checksum_of_zero_is_sent_as_all_ones() -> None:
    """RFC 768. The last two bytes of each payload are chosen so that the sum comes out."""
    flow = Flow(UDP)
    rest = IP(flow.packet(octets(98) + bytes(2)))[UDP].chksum
    payload = octets(98) + rest.to_bytes(2, "big")
    (first, second) = cut(flow.parsed(payload * 2, 100))
    assert (IP(first)[UDP].chksum, IP(second)[UDP].chksum) == (0xFFFF, 0xFFFF)


def opened(segmenter: Segmenter, superpacket: SuperPacket, outbound: OutboundSa, inbound: InboundSa) -> list[bytes]:
    """Seal a super-packet, and open what became of it."""
    packets = []
    for batch in segmenter.seal(superpacket, outbound):
        assert len(batch.payload) <= LARGEST_SEND
        assert -(-len(batch.payload) // batch.segment) <= SEGMENTS
        starts = range(0, len(batch.payload), batch.segment)
        packets += [bytes(inbound.decapsulate(batch.payload[at : at + batch.segment]).packet) for at in starts]
    return packets


@pytest.mark.parametrize("cipher", SUITES)
@pytest.mark.parametrize(("size", "length"), SIZES.values(), ids=SIZES)
def test_sealed_batches_open_one_by_one(cipher: str, size: int, length: int) -> None:
    superpacket = Flow().parsed(octets(length), size)
    outbound, inbound = outbound_sa(TO_POP_SPI, cipher), inbound_sa(TO_POP_SPI, cipher)
    assert opened(Segmenter(), superpacket, outbound, inbound) == list(cut(superpacket))
    assert outbound.sequence == inbound.window.highest == superpacket.pieces


@pytest.mark.parametrize(
    ("last", "reason"),
    [pytest.param(LAST_SEQUENCE, SequenceExhausted, id="sequence"), pytest.param(2**28, KeyExhausted, id="key")],
)
def test_a_worn_key_seals_nothing(last: int, reason: type[Exception]) -> None:
    sa = outbound_sa(TO_POP_SPI, "chacha20-poly1305" if last == LAST_SEQUENCE else "aes-256-gcm")
    sa.sequence = last - 9
    with pytest.raises(reason):
        next(Segmenter().seal(Flow().parsed(octets(10000), 1000), sa))
    assert sa.sequence == last - 9
    assert len(list(Segmenter().seal(Flow().parsed(octets(9000), 1000), sa))) == 1


def test_shapes_take_turns_in_the_same_memory() -> None:
    """More shapes than are kept, each right after another."""
    segmenter, outbound, inbound = Segmenter(), outbound_sa(TO_POP_SPI), inbound_sa(TO_POP_SPI)
    for size in (*range(100, 200), *range(100, 110)):
        superpacket = Flow().parsed(octets(1000, size), size)
        assert opened(segmenter, superpacket, outbound, inbound) == list(cut(superpacket))


MALFORMED = {
    "udp-said-to-be-tcp": (Flow(UDP), GSO_TCPV4, 1000, {}),
    "tcp-said-to-be-udp": (Flow(), GSO_UDP_L4, 1000, {}),
    "unknown-type": (Flow(), 4, 1000, {}),
    "no-size": (Flow(), GSO_TCPV4, 0, {}),
    "no-payload": (Flow(), GSO_TCPV4, 1000, {"payload": b""}),
    "fragment": (Flow(ip={"flags": "MF"}), GSO_TCPV4, 1000, {}),
    "later-fragment": (Flow(ip={"frag": 5}), GSO_TCPV4, 1000, {}),
    "data-offset-too-small": (Flow(transport={"dataofs": 4}), GSO_TCPV4, 1000, {}),
    "data-offset-too-large": (Flow(transport={"dataofs": 15}), GSO_TCPV4, 1000, {"payload": b"12"}),
    "shorter-than-tcp": (Flow(ip={"proto": 6}, protocol=UDP), GSO_TCPV4, 1000, {"payload": b"12"}),
    "longer-than-it-says": (Flow(ip={"len": 500}), GSO_TCPV4, 1000, {}),
}


@pytest.mark.parametrize(("flow", "gso_type", "size", "changes"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_superpackets_are_refused(flow: Flow, gso_type: int, size: int, changes: dict[str, bytes]) -> None:
    packet = bytearray(flow.packet(changes.get("payload", octets(3000))))
    with pytest.raises(MalformedPacket):
        parse_superpacket(memoryview(packet), Offload(1, gso_type, 0, size, 20, 16))
