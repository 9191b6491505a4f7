"""How evenly packets of many clients arrive: the rate of each over every window of so many packets of its own."""

from __future__ import annotations

import socket
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

WINDOW = 100  # packets
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the kernel notes when a packet came, however late it is read
SO_RCVBUFFORCE = 33
BUFFER = 64 * 1024 * 1024
_BITS = 8
Array = npt.NDArray[Any]


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
        self._clients: list[Array] = []
        self._moments: list[Array] = []

    def note(self, clients: Array, moments: Array) -> None:
        """Packets of these clients, known by a number each, and when they came, in seconds."""
        self._clients.append(clients.copy())
        self._moments.append(moments.copy())

    def evenness(self, limit: float, tolerance: float, settled: float) -> dict[str, Any]:
        """Of what came `settled` seconds after the first packet of all, or later: before that, buckets are full."""
        clients, moments = (np.concatenate(parts) if parts else np.array([]) for parts in (self._clients, self._moments))
        late = moments >= moments.min(initial=np.inf) + settled
        rates = self._rates(clients[late], moments[late])
        fair = int(np.count_nonzero(np.abs(rates - limit) <= tolerance * limit))
        ends = (float(rates.min()), float(rates.max())) if len(rates) else (0.0, 0.0)
        return asdict(Evenness(len(np.unique(clients)), len(clients), len(rates), fair, *ends))

    def _rates(self, clients: Array, moments: Array) -> Array:
        """Of each client over each of its windows."""
        order = np.lexsort((moments, clients))
        clients, moments = clients[order], moments[order]
        is_window = clients[WINDOW:] == clients[:-WINDOW]
        took = (moments[WINDOW:] - moments[:-WINDOW])[is_window]
        rates: Array = _BITS * self._size * WINDOW / took[took > 0]
        return rates


def timed(connection: socket.socket) -> socket.socket:
    """Have the kernel stamp what comes, with room for much of it."""
    connection.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return connection
