"""The search for the highest rate, what leaves the sender, and the counting of what arrives. No network but loopback."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from testbed.udp import FIRST_RATE, LOWEST_RATE, PRECISION, Search, Trial
from testbed.udp_receiver import Tally
from testbed.udp_sender import HEADERS, NUMBER, send_equal, send_mixed


def searched(capacity: float, reach: float) -> tuple[Search, list[float]]:
    """A search over a path that carries so much, with a generator that offers at most so much; and the rates that were tried."""
    search, tried = Search(), []
    for rate in search.rates():
        offered = min(rate, reach)
        sent = 100_000
        received = round(sent * min(1.0, capacity / offered))
        search.learn(Trial(rate, offered, sent, received, 0, 0))
        tried.append(rate)
        assert len(tried) < 50
    return search, tried


CAPACITIES = {
    "far-more-than-the-first-rate": (37 * FIRST_RATE, 1e12),
    "a-little-more": (1.01 * FIRST_RATE, 1e12),
    "a-little-less": (0.99 * FIRST_RATE, 1e12),
    "far-less": (FIRST_RATE / 50, 1e12),
    "more-than-the-generator": (1e12, 5.3 * FIRST_RATE),
    "more-than-a-slow-generator": (1e12, 0.7 * FIRST_RATE),
}


@pytest.mark.parametrize(("capacity", "reach"), CAPACITIES.values(), ids=CAPACITIES.keys())
def test_search_ends_just_below_what_is_carried_or_can_be_offered(capacity: float, reach: float) -> None:
    search, _ = searched(capacity, reach)
    assert search.best is not None
    assert search.best.passed
    assert min(capacity, reach) / PRECISION**2 < search.best.offered <= min(capacity, reach) * 1.001


def test_a_path_that_carries_nothing_is_given_up() -> None:
    search, tried = searched(LOWEST_RATE / 100, 1e12)
    assert search.best is None
    assert min(tried) <= LOWEST_RATE


def test_a_failure_by_chance_does_not_hide_what_passed_before() -> None:
    search = Search()
    rates = search.rates()
    for received in (1000, 0):
        search.learn(Trial(next(rates), FIRST_RATE, 1000, received, 0, 0))
    assert search.best is not None
    assert search.best.offered == FIRST_RATE


ARRIVALS = {
    "in-order": ([0, 1, 2], (3, 0, 0)),
    "with-a-gap": ([0, 2, 5], (3, 0, 0)),
    "overtaken": ([1, 0, 2], (3, 0, 1)),
    "two-overtaken": ([2, 0, 1, 3], (4, 0, 2)),
    "twice": ([0, 0, 1], (2, 1, 0)),
    "twice-and-late": ([0, 1, 2, 0], (3, 1, 0)),
    "three-times": ([0, 0, 0], (1, 2, 0)),
    "none": ([], (0, 0, 0)),
}


@pytest.mark.parametrize(("numbers", "counted"), ARRIVALS.values(), ids=ARRIVALS.keys())
def test_arrivals_are_received_doubled_or_overtaken(numbers: list[int], counted: tuple[int, int, int]) -> None:
    tally = Tally(10)
    tally.count(numbers)
    assert (tally.received, tally.duplicates, tally.reordered) == counted


FAST, SLOW = 1e6, 1e3  # packets a second: many in a system call, and one
WITHIN = 60.0  # seconds; a busy machine takes its time
SENDINGS = {
    "equal-in-bursts": (send_equal, 1024 - HEADERS, FAST, [996] * 64),
    "equal-one-by-one": (send_equal, 64 - HEADERS, SLOW, [36] * 3),
    "mixed-in-bursts": (send_mixed, [36, 548, 1372], FAST, [36, 548, 1372] * 21 + [36]),
    "mixed-one-by-one": (send_mixed, [36, 548], SLOW, [36, 548, 36]),
}


@pytest.mark.parametrize(("send", "payload", "rate", "lengths"), SENDINGS.values(), ids=SENDINGS.keys())
def test_sender_sends_numbered_packets_of_the_lengths_in_turn(send: Any, payload: Any, rate: float, lengths: list[int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(WITHIN)
        sender.connect(receiver.getsockname())
        assert send(sender, payload, rate, len(lengths)) == len(lengths)
        came = [receiver.recv(2048) for _ in lengths]
    assert [len(datagram) for datagram in came] == lengths
    assert [NUMBER.unpack_from(datagram)[0] for datagram in came] == list(range(len(lengths)))
