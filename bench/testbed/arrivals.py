"""How evenly packets of many clients arrive: the rate of each over every window of so many packets of its own."""

from __future__ import annotations

import socket
import struct
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import asdict, dataclass
from typing import Any

WINDOW = 100  # packets
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the kernel notes when a packet came, however late it is read
SO_RCVBUFFORCE = 33
BUFFER = 64 * 1024 * 1024
_TIME = struct.Struct("qq")
_ANCILLARY = socket.CMSG_SPACE(_TIME.size)
_BITS = 8


@dataclass(frozen=True, slots=True)
class Evenness:
    """`slowest` and `fastest` are in bit/s: of all windows of all clients. `fair` of the `windows` were near enough the limit."""

    clients: int
    packets: int
    windows: int
    fair: int
    slowest: float
    fastest: float


class Arrivals:
    """`size` is that of an inner packet in bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._times: dict[Hashable, list[float]] = defaultdict(list)

    def note(self, client: Hashable, moment: float) -> None:
        self._times[client].append(moment)

    def forget(self) -> None:
        self._times.clear()

    def evenness(self, limit: float, tolerance: float, settled: float) -> dict[str, Any]:
        """Of what came `settled` seconds after the first packet of all, or later: before that, buckets are full."""
        begin = min((times[0] for times in self._times.values()), default=0.0) + settled
        rates = [rate for times in self._times.values() for rate in self._rates([each for each in times if each >= begin])]
        fair = sum(abs(rate - limit) <= tolerance * limit for rate in rates)
        packets = sum(map(len, self._times.values()))
        found = Evenness(len(self._times), packets, len(rates), fair, min(rates, default=0.0), max(rates, default=0.0))
        return asdict(found)

    def _rates(self, times: list[float]) -> list[float]:
        bits = _BITS * self._size * WINDOW
        return [bits / (end - start) for start, end in zip(times, times[WINDOW:], strict=False) if end > start]


def timed(connection: socket.socket) -> socket.socket:
    """Have the kernel stamp what comes, with room for much of it."""
    connection.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return connection


def receive(connection: socket.socket) -> tuple[bytes, tuple[str, int], float]:
    """A datagram, who sent it, and when it came, in seconds. Raises BlockingIOError."""
    data, ancillary, _, source = connection.recvmsg(65536, _ANCILLARY)
    moment = next(value for level, kind, value in ancillary if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS))
    seconds, nanoseconds = _TIME.unpack(moment)
    return data, source, seconds + nanoseconds / 1e9
