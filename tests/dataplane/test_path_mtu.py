"""What the path carries: the search by itself, and two gateways with a narrow link between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.packet import raw

from dataplane.doubles import MTU, POP, VCPE, Gateway, Underlay, ike_pop, ike_vcpe, pop, vcpe
from dataplane.errors import DropReason
from dataplane.esp import datagram_length, overlay_mtu
from dataplane.headers import HeaderRules
from dataplane.packets import Endpoint, PathReport
from dataplane.path_mtu import (
    CHECK_INTERVAL,
    FLOOR,
    LADDER,
    RAISE_INTERVAL,
    ROUNDS,
    SEARCH_GAP,
    PathMtu,
    Probe,
    parse_probe,
)

RULES = HeaderRules()
SEARCH = float(ROUNDS + 1)  # seconds, generously
APP, ECS = "10.0.1.10", "192.168.1.10"


# Probes


@pytest.mark.parametrize("size", [FLOOR, 1399, 1400, 1401, 1500])
def test_probe_is_read_again_and_as_long_as_it_says(size: int) -> None:
    question, answer = Probe(size, is_answer=False), Probe(size, is_answer=True)
    assert parse_probe(question.pack()) == question
    assert parse_probe(answer.pack()) == answer
    assert size - 4 < datagram_length(len(question.pack())) <= size
    assert len(answer.pack()) < 10


@pytest.mark.parametrize("content", [b"", b"pmtu", b"pmtu\0\1\5", b"xmtu\0\1\5\0", b"pmtu\0\0\5\0", b"pmtu\0\3\5\0"])
def test_other_dummies_are_no_probes(content: bytes) -> None:
    assert parse_probe(content) is None


# The search by itself, over a path that carries `path` bytes


class Clock:
    """A path with a round trip of next to nothing, and the clock."""

    def __init__(self, path: int, *, answers: bool = True, mtu: int = MTU) -> None:
        self.path = path
        self.answers = answers
        self.now = 0.0
        self.sent: list[int] = []
        self.found = PathMtu(mtu)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.found.due_at) is not None and due <= end:
            self.now = max(self.now, due)
            for probe in self.found.questions(self.now):
                self.sent.append(probe.size)
                if self.answers and probe.size <= self.path:
                    self.found.confirm(probe.size, self.now)
        self.now = end


@pytest.mark.parametrize("path", [size for size in LADDER if size <= 1500])
def test_search_finds_every_common_size(path: int) -> None:
    clock = Clock(path)
    clock.run(SEARCH)
    assert (clock.found.size, clock.found.mtu) == (path, overlay_mtu(path))


@given(path=st.integers(FLOOR, 9500), mtu=st.integers(FLOOR, 8900))
def test_search_finds_the_next_smaller_one_of_any_path(path: int, mtu: int) -> None:
    clock = Clock(path, mtu=mtu)
    clock.run(SEARCH)
    ceiling = datagram_length(mtu)
    assert clock.found.size == max(size for size in (*LADDER, ceiling) if size <= min(path, ceiling))
    assert clock.found.mtu <= mtu


def test_good_path_costs_one_probe_and_then_one_a_minute() -> None:
    clock = Clock(1500)
    clock.run(CHECK_INTERVAL * 3 + 1)
    assert clock.sent == [1500] * 4


def test_path_that_narrows_without_a_word_is_noticed_and_one_that_widens_too() -> None:
    clock = Clock(1500)
    clock.run(1.0)
    clock.path = 1400
    clock.run(CHECK_INTERVAL + SEARCH)
    assert clock.found.size == 1400
    clock.path = 1500
    clock.run(RAISE_INTERVAL + CHECK_INTERVAL)
    assert clock.found.size == 1500


@pytest.mark.parametrize(
    ("proven", "answers", "during", "after"),
    [
        pytest.param(True, True, 1400, 1500, id="proven-but-false"),
        pytest.param(True, False, 1400, 1400, id="proven-and-nobody-answers"),
        pytest.param(False, True, 1500, 1500, id="unproven"),
        pytest.param(False, False, 1500, 1500, id="unproven-and-nobody-answers"),
    ],
)
def test_claim_that_is_not_true(proven: bool, answers: bool, during: int, after: int) -> None:
    clock = Clock(1500, answers=answers)
    clock.run(2 * SEARCH_GAP)
    clock.found.claim(1400, clock.now, proven=proven)
    assert clock.found.size == during
    clock.run(SEARCH)
    assert clock.found.size == after


@pytest.mark.parametrize("proven", [True, False])
def test_claim_that_is_true(proven: bool) -> None:
    clock = Clock(1500)
    clock.run(2 * SEARCH_GAP)
    clock.path = 1333
    clock.found.claim(1333, clock.now, proven=proven)
    clock.run(SEARCH)
    assert clock.found.size == 1333


def test_without_answers_more_is_tried_after_ten_minutes() -> None:
    clock = Clock(1500, answers=False)
    clock.run(1.0)
    clock.found.claim(1400, clock.now, proven=True)
    clock.run(RAISE_INTERVAL - 1)
    assert clock.found.size == 1400
    clock.run(RAISE_INTERVAL + SEARCH)
    assert clock.found.size == 1500


@pytest.mark.parametrize("size", [0, 68, FLOOR - 1])
def test_nothing_is_believed_below_the_floor(size: int) -> None:
    clock = Clock(1500)
    clock.found.claim(size, 0.0, proven=True)
    assert clock.found.size == FLOOR
    assert clock.found.mtu == overlay_mtu(FLOOR)


def test_flood_of_claims_causes_few_searches() -> None:
    clock = Clock(1500)
    for _ in range(1000):
        clock.found.claim(1000, clock.now, proven=False)
        clock.run(0.1)
    assert len(clock.sent) <= 100 / SEARCH_GAP + 2


def test_without_discovery_nothing_changes_the_size() -> None:
    found = PathMtu(MTU, discover=False)
    found.claim(1000, 0.0, proven=True)
    found.limit(1000, 0.0)
    assert (found.mtu, found.due_at, found.questions(1e9)) == (MTU, None, [])


# Two gateways


def packet(size: int, *, df: bool = True) -> bytes:
    """A packet of `size` bytes."""
    return raw(IP(src=APP, dst=ECS, id=7, flags="DF" if df else 0) / UDP() / bytes(size - 28))


def by_hand() -> tuple[Gateway, Gateway]:
    return vcpe(rules=RULES), pop(rules=RULES)


def by_ike() -> tuple[Gateway, Gateway]:
    return ike_vcpe(rules=RULES), ike_pop(rules=RULES)


def connected(left: Gateway, right: Gateway, mtu: int = 1500, *, icmp: bool = True) -> Underlay:
    underlay = Underlay(left, right)
    underlay.mtu, underlay.icmp = mtu, icmp
    underlay.tick()
    return underlay


@pytest.mark.parametrize("icmp", [pytest.param(True, id="icmp"), pytest.param(False, id="black-hole")])
@pytest.mark.parametrize("mtu", [1400, 1280])
@pytest.mark.parametrize("ends", [by_hand, by_ike])
def test_both_ends_find_a_narrow_link(ends: object, mtu: int, icmp: bool) -> None:
    left, right = by_hand() if ends is by_hand else by_ike()
    underlay = connected(left, right, mtu, icmp=icmp)
    underlay.advance(SEARCH)
    assert left.peer.path.mtu == right.peer.path.mtu == overlay_mtu(mtu)
    fits = packet(overlay_mtu(mtu))
    underlay.send(left, fits, packet(overlay_mtu(mtu) + 1))
    assert right.delivered == [fits]
    (error,) = (IP(answer) for answer in left.delivered)
    assert error[ICMP].nexthopmtu == overlay_mtu(mtu)
    underlay.send(left, packet(1438, df=False))
    assert [len(piece) <= overlay_mtu(mtu) for piece in right.delivered] == [True] * 3
    assert left.drops == {DropReason.PACKET_TOO_BIG: 1}


@pytest.mark.parametrize("ends", [by_hand, by_ike])
def test_path_that_narrows_costs_the_packet_that_met_it(ends: object) -> None:
    left, right = by_hand() if ends is by_hand else by_ike()
    underlay = connected(left, right)
    underlay.advance(SEARCH)
    underlay.mtu = 1400
    underlay.send(left, packet(1400))
    underlay.send(left, packet(1400), packet(1338))
    assert left.drops == {DropReason.PATH_TOO_SMALL: 1, DropReason.PACKET_TOO_BIG: 1}
    assert right.delivered == [packet(1338)]
    (error,) = (IP(answer) for answer in left.delivered)
    assert error[ICMP].nexthopmtu == overlay_mtu(1400)


def quote(gateway: Gateway, change: str) -> tuple[Endpoint, bytes]:
    """What a forger who does not see our packets could quote, or who saw one long ago."""
    outbound = gateway.peer.outbound
    assert outbound is not None
    spi, sequence = outbound.spi, outbound.sequence
    if change == "long-ago":
        outbound.sequence += 2**16
    quotes = {
        "nothing": b"",
        "cut-off": spi.to_bytes(4, "big"),
        "ike": bytes(8),
        "other-spi": (spi ^ 1).to_bytes(4, "big") + sequence.to_bytes(4, "big"),
        "never-sent": spi.to_bytes(4, "big") + bytes(4),
        "not-sent-yet": spi.to_bytes(4, "big") + (sequence + 1).to_bytes(4, "big"),
        "long-ago": spi.to_bytes(4, "big") + sequence.to_bytes(4, "big"),
    }
    return POP, quotes[change]


@pytest.mark.parametrize("change", ["nothing", "cut-off", "ike", "other-spi", "never-sent", "not-sent-yet", "long-ago"])
def test_forged_icmp_shrinks_nothing(change: str) -> None:
    left, right = by_ike()
    underlay = connected(left, right)
    underlay.advance(2 * SEARCH_GAP)
    endpoint, quoted = quote(left, change)
    left.engine.reported([PathReport(endpoint, 600, quoted, is_local=False)], underlay.now)
    assert left.peer.path.mtu == MTU
    underlay.advance(2 * SEARCH_GAP)
    assert left.peer.path.mtu == MTU
    assert left.drops == {}


def test_report_about_another_endpoint_is_nobodys() -> None:
    left, right = by_ike()
    underlay = connected(left, right)
    left.engine.reported([PathReport(VCPE, 600, b"", is_local=True)], underlay.now)
    assert left.peer.path.mtu == MTU


def test_own_kernel_is_believed() -> None:
    left, right = by_ike()
    underlay = connected(left, right)
    left.engine.reported([PathReport(POP, 1300, b"", is_local=True)], underlay.now)
    assert left.peer.path.mtu == overlay_mtu(1300)


def test_moved_peer_is_asked_anew() -> None:
    left, right = by_ike()
    underlay = connected(left, right, 1400)
    underlay.advance(SEARCH)
    assert right.peer.path.mtu == overlay_mtu(1400)
    left.endpoint = ("203.0.113.77", 4500)
    underlay.mtu = 1500
    underlay.send(left, packet(100))
    assert right.peer.path.mtu == MTU
    underlay.advance(SEARCH)
    assert (right.peer.path.mtu, right.drops) == (MTU, {})


def test_answers_say_no_more_than_the_overlay_needs() -> None:
    left, right = by_ike()
    connected(left, right)
    left.peer.path.confirm(9000, 1000.0)
    assert left.peer.path.mtu == MTU


def test_engine_sleeps_until_a_probe_is_due() -> None:
    left, right = by_hand()
    underlay = connected(left, right)
    assert left.engine.deadline() == float("-inf")
    underlay.tick()
    underlay.advance(2.0)
    deadline = left.engine.deadline()
    assert deadline is not None
    assert underlay.now < deadline <= underlay.now + CHECK_INTERVAL
    assert left.peer.path.answers
