"""Many datagrams with one system call: sendmmsg(2), recvmmsg(2). So a load costs little beside the gateway that it is a load for.

Each datagram is sent and received by itself: it is no super-packet, and whoever gets it cannot tell.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import select
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 1024  # of one call; UIO_MAXIOV
_NAME_LENGTH = 16
_CONTROL_LENGTH = socket.CMSG_SPACE(16)
_SECOND = 10**9

# struct iovec, struct msghdr, struct mmsghdr, struct sockaddr_in, and the control message of SO_TIMESTAMPNS
_VECTOR = np.dtype([("base", "u8"), ("length", "u8")])
_HEADER = np.dtype(
    [
        ("name", "u8"),
        ("name_length", "u4"),
        ("vectors", "u8"),
        ("vector_count", "u8"),
        ("control", "u8"),
        ("control_length", "u8"),
        ("flags", "i4"),
    ],
    align=True,
)
_MESSAGE = np.dtype([("header", _HEADER), ("length", "u4")], align=True)
_NAME = np.dtype([("family", "u2"), ("port", ">u2"), ("address", ">u4"), ("zero", "u8")])
_CONTROL = np.dtype([("length", "u8"), ("level", "i4"), ("kind", "i4"), ("seconds", "i8"), ("nanoseconds", "i8")])

_LIBC = ctypes.CDLL(None, use_errno=True)
Array = npt.NDArray[Any]


class Outgoing:
    """`datagrams` holds datagrams of `length` bytes. Each goes to the next of `endpoints`; both go round and round."""

    def __init__(
        self, connection: socket.socket, datagrams: bytearray, length: int, endpoints: Sequence[tuple[str, int]]
    ) -> None:
        self._connection = connection
        self._datagrams = np.frombuffer(datagrams, np.uint8)
        self._names = np.array([_name(*endpoint) for endpoint in endpoints], _NAME)
        self._room = math.lcm(len(datagrams) // length, len(endpoints))
        turn = np.arange(self._room, dtype=np.uint64)
        self._vectors = np.zeros(self._room, _VECTOR)
        self._vectors["base"] = self._datagrams.ctypes.data + length * (turn % (len(datagrams) // length))
        self._vectors["length"] = length
        self._messages = np.zeros(self._room, _MESSAGE)
        headers = self._messages["header"]
        headers["name"] = self._names.ctypes.data + _NAME_LENGTH * (turn % len(endpoints))
        headers["name_length"] = _NAME_LENGTH
        headers["vectors"] = self._vectors.ctypes.data + _VECTOR.itemsize * turn
        headers["vector_count"] = 1

    def send(self, burst: range) -> None:
        """Those of these numbers. Raises OSError."""
        number = burst.start
        while number < burst.stop:
            place = number % self._room
            number += self._send(place, min(burst.stop - number, self._room - place, MOST))

    def _send(self, place: int, count: int) -> int:
        """How many of them went. Raises OSError."""
        start = ctypes.c_void_p(self._messages.ctypes.data + _MESSAGE.itemsize * place)
        sent: int = _LIBC.sendmmsg(self._connection.fileno(), start, count, 0)
        if sent >= 0:
            return sent
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.ENOBUFS):
            raise OSError(number, os.strerror(number))
        select.select([], [self._connection], [])
        return 0


class Incoming:
    """What one call takes, and when each datagram of it came; for a socket that the kernel stamps (`arrivals.timed`)."""

    def __init__(self, connection: socket.socket, longest: int) -> None:
        self._connection = connection
        self.data = np.zeros((MOST, longest), np.uint8)
        self._names = np.zeros(MOST, _NAME)
        self._controls = np.zeros(MOST, _CONTROL)
        turn = np.arange(MOST, dtype=np.uint64)
        self._vectors = np.zeros(MOST, _VECTOR)
        self._vectors["base"] = self.data.ctypes.data + longest * turn
        self._vectors["length"] = longest
        self._messages = np.zeros(MOST, _MESSAGE)
        headers = self._messages["header"]
        headers["name"] = self._names.ctypes.data + _NAME_LENGTH * turn
        headers["vectors"] = self._vectors.ctypes.data + _VECTOR.itemsize * turn
        headers["vector_count"] = 1
        headers["control"] = self._controls.ctypes.data + _CONTROL.itemsize * turn

    def take(self) -> int:
        """How many came; they are in the first rows of `data`. Raises OSError."""
        headers = self._messages["header"]
        headers["name_length"], headers["control_length"] = _NAME_LENGTH, _CONTROL_LENGTH
        messages = ctypes.c_void_p(self._messages.ctypes.data)
        taken: int = _LIBC.recvmmsg(self._connection.fileno(), messages, MOST, socket.MSG_DONTWAIT, None)
        if taken >= 0:
            return taken
        number = ctypes.get_errno()
        if number != errno.EAGAIN:
            raise OSError(number, os.strerror(number))
        return 0

    def lengths(self, taken: int) -> Array:
        return self._messages["length"][:taken]

    def sources(self, taken: int) -> Array:
        """The senders' addresses, as numbers."""
        return self._names["address"][:taken].astype(np.uint32)

    def source(self, row: int) -> tuple[str, int]:
        name = self._names[row]
        return socket.inet_ntoa(int(name["address"]).to_bytes(4, "big")), int(name["port"])

    def moments(self, taken: int) -> Array:
        """In seconds."""
        controls = self._controls[:taken]
        moments: Array = controls["seconds"] + controls["nanoseconds"] / _SECOND
        return moments


def _name(host: str, port: int) -> tuple[int, int, int, int]:
    return int(socket.AF_INET), port, int.from_bytes(socket.inet_aton(host), "big"), 0
