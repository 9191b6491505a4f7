"""The self-test of batches, against this kernel and against doubles of worse ones."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address

import pytest

from dataplane import ipv4
from dataplane.linux.selftest import sends_batches, takes_superpackets
from dataplane.linux.tun import Tun
from dataplane.linux.udp import UnderlaySocket
from dataplane.packets import Buffer, Endpoint


@pytest.fixture
def sockets() -> Iterator[Callable[[type[UnderlaySocket]], UnderlaySocket]]:
    opened: list[UnderlaySocket] = []

    def open_(kind: type[UnderlaySocket]) -> UnderlaySocket:
        raw = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        raw.bind((str(IPv4Address("127.0.0.1")), 0))
        opened.append(kind(raw))
        return opened[-1]

    yield open_
    for underlay in opened:
        underlay.close()


class Refusing(UnderlaySocket):
    def send_batch(self, parts: Sequence[Buffer], segment: int, endpoint: Endpoint, tos: int) -> None:
        raise OSError(5, "the interface cannot do the checksums")


class Mixing(UnderlaySocket):
    """Cuts in the wrong places."""

    def send_batch(self, parts: Sequence[Buffer], segment: int, endpoint: Endpoint, tos: int) -> None:
        super().send_batch(parts, segment - 1, endpoint, tos)


class Silent(UnderlaySocket):
    """Sends to nowhere, as where the loopback interface is down."""

    def send_batch(self, parts: Sequence[Buffer], segment: int, endpoint: Endpoint, tos: int) -> None:
        return


KINDS = [(UnderlaySocket, True), (Refusing, False), (Mixing, False), (Silent, True)]


@pytest.mark.parametrize("gathers", [False, True], ids=["apart", "gathered"])
@pytest.mark.parametrize(("kind", "result"), KINDS, ids=[kind.__name__ for kind, _ in KINDS])
def test_batches(
    sockets: Callable[[type[UnderlaySocket]], UnderlaySocket], kind: type[UnderlaySocket], result: bool, gathers: bool
) -> None:
    underlay = sockets(kind)
    underlay.gather(wanted=gathers)
    assert sends_batches(underlay) == result


def test_a_device_that_refuses_is_believed() -> None:
    """A pipe's reading end takes nothing at all."""
    with socket.socket() as nothing:
        assert not takes_superpackets(Tun("tun0", nothing.fileno()), ipv4.PROTOCOL_TCP)
