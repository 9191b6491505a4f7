"""The underlay's socket under a flood of forged ICMP: it costs no datagram, holds nothing up, and ends nothing."""

from __future__ import annotations

import errno
import socket
import struct
from typing import cast

import pytest

from dataplane.linux.udp import ATTEMPTS, REPORTS_KEPT, UnderlaySocket
from dataplane.packets import Endpoint, PathReport

THERE: Endpoint = ("10.99.2.1", 4500)
FROM_ICMP = 2  # linux/errqueue.h
TOO_BIG = struct.pack("IBBBxII", errno.EMSGSIZE, FROM_ICMP, 3, 4, 600, 0) + bytes(16)


class Flooded:
    """The kernel's side of a socket. So many calls are answered with news of earlier datagrams; then they succeed."""

    def __init__(self, errors: int = 0, news: int = 0, error: int = errno.EMSGSIZE) -> None:
        self.errors = errors
        self.news = news
        self.error = error
        self.sent: list[bytes] = []
        self.calls = 0

    def setblocking(self, _flag: bool) -> None:
        """It never blocks."""

    def recvmsg_into(self, buffers: list[memoryview], _ancillary: int) -> tuple[int, list[object], int, Endpoint]:
        self._fail()
        buffers[0][:5] = b"hello"
        return 5, [], 0, THERE

    def sendto(self, payload: bytes, _endpoint: Endpoint) -> None:
        self._fail()
        self.sent.append(payload)

    def recvmsg(self, _length: int, _ancillary: int, flags: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, Endpoint]:
        assert flags == socket.MSG_ERRQUEUE
        if not self.news:
            raise BlockingIOError
        self.news -= 1
        return b"quoted", [(socket.IPPROTO_IP, 11, TOO_BIG)], 0, THERE

    def _fail(self) -> None:
        self.calls += 1
        if self.errors:
            self.errors -= 1
            raise OSError(self.error, "news")


def underlay_on(kernel: Flooded) -> UnderlaySocket:
    return UnderlaySocket(cast("socket.socket", kernel))


@pytest.mark.parametrize("errors", [0, 1, 2, ATTEMPTS - 1])
def test_news_of_earlier_datagrams_costs_none(errors: int) -> None:
    kernel = Flooded(errors, news=errors)
    underlay = underlay_on(kernel)
    underlay.send(b"one", THERE)
    assert kernel.sent == [b"one"]
    kernel.errors = errors
    assert underlay.receive_into(memoryview(bytearray(64)))[:3] == (5, 5, THERE)
    assert underlay.take_reports() == [PathReport(THERE, 600, b"quoted", is_local=False)] * errors


def test_reading_under_a_flood_ends_with_nothing_read_and_no_more() -> None:
    kernel = Flooded(errors=10**6, news=10**6)
    underlay = underlay_on(kernel)
    with pytest.raises(BlockingIOError):
        underlay.receive_into(memoryview(bytearray(64)))
    assert kernel.calls == ATTEMPTS
    assert len(underlay.take_reports()) == 10**6 - kernel.news == REPORTS_KEPT


REFUSED = {"too big": (errno.EMSGSIZE, ATTEMPTS), "no way": (errno.ENETUNREACH, ATTEMPTS), "a full queue": (errno.ENOBUFS, 1)}


@pytest.mark.parametrize(("error", "calls"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_about_the_datagram_itself_is_told(error: int, calls: int) -> None:
    kernel = Flooded(errors=10**6, error=error)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is looked at
        underlay_on(kernel).send(b"one", THERE)
    assert (caught.value.errno, kernel.calls) == (error, calls)
