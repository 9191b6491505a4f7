"""What the load of the SAG app's clients is made of, and how it is judged. No network but loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from testbed.arrivals import WINDOW, Arrivals, timed
from testbed.batches import MOST, Incoming, Outgoing

LENGTH = 32


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Two that listen, and one that sends."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)]
        for connection in opened:
            connection.bind(("127.0.0.1", 0))
            timed(connection)
        yield opened


def test_each_datagram_goes_to_the_next_and_is_stamped(sockets: list[socket.socket]) -> None:
    left, right, sender = sockets
    datagrams = bytearray().join(bytes([number]) * LENGTH for number in range(5))
    outgoing = Outgoing(sender, datagrams, LENGTH, [left.getsockname(), right.getsockname()])
    outgoing.send(range(3))
    outgoing.send(range(3, 7))
    for connection, numbers in ((left, [0, 2, 4, 1]), (right, [1, 3, 0])):
        incoming = Incoming(connection, LENGTH)
        taken = incoming.take()
        assert incoming.data[:taken, 0].tolist() == numbers
        assert incoming.lengths(taken).tolist() == [LENGTH] * len(numbers)
        assert {incoming.source(row) for row in range(taken)} == {sender.getsockname()}
        assert set(incoming.sources(taken).tolist()) == {int.from_bytes(socket.inet_aton("127.0.0.1"), "big")}
        moments = incoming.moments(taken)
        assert (np.diff(moments) >= 0).all()
        assert incoming.take() == 0


def test_more_than_one_call_takes(sockets: list[socket.socket]) -> None:
    left, _, sender = sockets
    Outgoing(sender, bytearray(LENGTH), LENGTH, [left.getsockname()]).send(range(MOST + 10))
    incoming = Incoming(left, LENGTH)
    assert [incoming.take(), incoming.take(), incoming.take()] == [MOST, 10, 0]


LIMIT, SIZE = 1_000_000.0, 1000  # bit/s, bytes: a packet each 8 ms

# Seconds between packets of each of two clients; what share of the windows is fair.
PACES = {
    "both as they may": ((0.008, 0.008), 1.0),
    "one too quick": ((0.008, 0.0075), 0.5),
    "one too slow": ((0.0085, 0.008), 0.5),
}


@pytest.mark.parametrize(("paces", "share"), PACES.values(), ids=PACES.keys())
def test_windows_of_each_client_are_judged(paces: tuple[float, float], share: float) -> None:
    arrivals, count = Arrivals(SIZE), 3 * WINDOW
    for client, pace in enumerate(paces):
        arrivals.note(np.full(count, client), 1000.0 + pace * np.arange(count))
    found = arrivals.evenness(LIMIT, 0.05, settled=0.0)
    assert (found["clients"], found["packets"], found["windows"]) == (2, 2 * count, 2 * (count - WINDOW))
    assert found["fair"] == share * found["windows"]
    assert found["slowest"] == pytest.approx(LIMIT * 0.008 / max(paces))
    assert found["fastest"] == pytest.approx(LIMIT * 0.008 / min(paces))


def test_nothing_that_came_is_no_window() -> None:
    assert Arrivals(SIZE).evenness(LIMIT, 0.05, settled=1.0)["windows"] == 0
