"""What is gathered from several reads of the TUN device stands for the packets that were read, in their order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import UDP

from dataplane.cutting import cut
from dataplane.gathering import FEW, MANY, Gatherer
from dataplane.superpacket import parse_superpacket
from dataplane.virtio import GSO_NONE, NEEDS_CHECKSUM, Offload
from tests.dataplane.superpackets import Flow, octets, with_own_checksums

Read = tuple[bytes, Offload]

SIZE = 996


def udp(length: int, size: int = SIZE, *, flow: Flow = Flow(UDP), seed: int = 0) -> Read:  # noqa: B008 - frozen
    """A super-packet, or a lone packet where its payload is no longer than `size`, as the kernel gives it."""
    packet, offload = flow.superpacket(octets(length, seed), size)
    return bytes(packet), offload if length > size else offload._replace(gso_type=GSO_NONE, gso_size=0)


def gathered(reads: Sequence[Read]) -> tuple[list[Read], bool]:
    """What comes of them, and whether there could have been more."""
    gatherer, found = Gatherer(), []
    for packet, offload in reads:
        gatherer.room[: len(packet)] = packet
        found += [(bytes(whole), left) for whole, left in gatherer.take(len(packet), offload)]
    found += [(bytes(whole), left) for whole, left in gatherer.finish()]
    return found, gatherer.could_gather_more()


def packets(reads: Sequence[Read]) -> list[bytes]:
    """All that they stand for, with right checksums and without the identification, which may be any (RFC 6864 §4.1)."""
    pieces: list[bytes] = []
    for packet, offload in reads:
        pieces += cut(parse_superpacket(memoryview(bytearray(packet)), offload)) if offload.gso_type else [packet]
    return [with_own_checksums(bytes(piece[:4]) + bytes(2) + bytes(piece[6:])) for piece in pieces]


OTHER = {
    "another destination": Flow(UDP, destination="192.168.1.11"),
    "another port": Flow(UDP, transport={"dport": 2001}),
    "another class": Flow(UDP, ip={"id": 100, "flags": "DF", "tos": 0xB8}),
    "another TTL": Flow(UDP, ip={"id": 100, "flags": "DF", "ttl": 9}),
    "TCP": Flow(),
}
MAY_FRAGMENT = Flow(UDP, ip={"id": 100, "flags": 0})

# What is read, and how many reads come of it.
CASES: dict[str, tuple[list[Read], int]] = {
    "lone packets": ([udp(SIZE, seed=n) for n in range(20)], 1),
    "super-packets": ([udp(4 * SIZE, seed=n) for n in range(5)], 1),
    "both": ([udp(4 * SIZE), udp(SIZE), udp(2 * SIZE)], 1),
    "a shorter end": ([udp(2 * SIZE), udp(SIZE + 7), udp(SIZE)], 2),
    "a shorter packet": ([udp(SIZE), udp(7), udp(SIZE)], 2),
    "a longer packet": ([udp(SIZE), udp(SIZE + 1, SIZE + 1)], 2),
    "more than 64 KB": ([udp(40 * SIZE), udp(25 * SIZE), udp(SIZE)], 2),
    "more than a batch": ([udp(100 * 20, 20), udp(27 * 20, 20), udp(20, 20), udp(20, 20)], 2),
    "may be fragmented": ([udp(SIZE, flow=MAY_FRAGMENT)] * 2, 2),
    "no payload": ([udp(0)] * 2, 2),
    **{name: ([udp(SIZE), udp(SIZE, flow=flow), udp(SIZE)], 3) for name, flow in OTHER.items()},
}


@pytest.mark.parametrize(("reads", "count"), CASES.values(), ids=CASES)
def test_what_continues_is_joined(reads: list[Read], count: int) -> None:
    found, _ = gathered(reads)
    assert len(found) == count
    assert packets(found) == packets(reads)


def test_a_packet_whose_checksum_is_its_senders_is_left_alone() -> None:
    """It may be wrong, and would be made right."""
    broken = bytearray(Flow(UDP).packet(octets(SIZE)))
    broken[-1] ^= 1
    reads = [(bytes(broken), Offload())] * 2
    assert gathered(reads)[0] == reads


@pytest.mark.parametrize(
    "offload",
    [
        pytest.param(Offload(NEEDS_CHECKSUM, 3, 0, SIZE, 20, 6), id="another kind"),
        pytest.param(Offload(NEEDS_CHECKSUM, 5, 0, 0, 20, 6), id="no size"),
        pytest.param(Offload(NEEDS_CHECKSUM, 0, 0, 0, 24, 6), id="another start"),
    ],
)
def test_what_is_not_understood_is_left_alone(offload: Offload) -> None:
    reads = [(udp(SIZE)[0], offload)] * 2
    assert gathered(reads)[0] == reads


@pytest.mark.parametrize("length", [1, 19, 27, 28])
def test_short_reads_are_left_alone(length: int) -> None:
    reads = [udp(SIZE), (udp(SIZE)[0][:length], udp(SIZE)[1]), udp(SIZE)]
    assert gathered(reads)[0] == reads


@st.composite
def some_reads(draw: st.DrawFn) -> list[Read]:
    flows = st.sampled_from([Flow(UDP), *OTHER.values(), MAY_FRAGMENT])
    lengths = st.integers(1, 300)
    return [udp(draw(lengths), draw(lengths), flow=draw(flows), seed=place) for place in range(draw(st.integers(0, 8)))]


@settings(max_examples=40)
@given(some_reads())
def test_nothing_is_lost_or_reordered(reads: list[Read]) -> None:
    assert packets(gathered(reads)[0]) == packets(reads)


@pytest.mark.parametrize(
    ("reads", "more"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([udp((FEW - 1) * SIZE)], False, id="slow"),
        pytest.param([udp(FEW * SIZE)], True, id="quick"),
        pytest.param([udp(MANY * SIZE)], False, id="plenty"),
        pytest.param([(Flow().packet(b"x"), Offload())] * FEW, False, id="of another kind"),
    ],
)
def test_it_knows_whether_waiting_pays(reads: list[Read], more: bool) -> None:
    assert gathered(reads)[1] is more
