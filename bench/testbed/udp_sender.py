"""Sends numbered UDP datagrams at a steady rate, and prints how it went. A program of its own, started on a host.

    python udp_sender.py ADDRESS PORT LENGTH[,LENGTH…] RATE PACKETS

LENGTH is that of an IP packet, in bytes; several are sent in turn; RATE is packets a second. A datagram begins with its number.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Sequence

HEADERS = 28  # IPv4 and UDP
NUMBER = struct.Struct("!Q")

_SOL_UDP, _UDP_SEGMENT = 17, 103  # linux/udp.h
_IP_MTU_DISCOVER, _IP_PMTUDISC_DO = 10, 2  # linux/in.h
_SO_SNDBUFFORCE = 32  # asm-generic/socket.h
_MOST_SEGMENTS, _MOST_BYTES = 64, 65507  # of one system call

_BUFFER = 4 * 1024 * 1024
_BURST = 100e-6  # seconds: packets that are due so close together leave together
_LATE = 2e-3  # seconds: what was missed by more is not made up for, or it would be a burst that nobody asked for


class Pacer:
    """Tells when packets are due."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._start = time.perf_counter()

    def wait(self, sent: int) -> None:
        """Wait until the next packet is due, when so many have been sent."""
        ahead = self._start + sent / self._rate - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
        elif ahead < -_LATE:
            self._start -= ahead


def send_equal(connection: socket.socket, payload: int, rate: float, packets: int) -> int:
    """Datagrams of one length, a burst in one system call, which the kernel cuts up. Returns how many were sent."""
    count = max(1, min(round(rate * _BURST), _MOST_SEGMENTS, _MOST_BYTES // payload))
    connection.setsockopt(_SOL_UDP, _UDP_SEGMENT, payload)
    # What Linux cuts up itself it would send without DF, which each of these packets would bear if it were sent alone: ip(7).
    connection.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
    burst = struct.Struct("!" + f"Q{payload - NUMBER.size}x" * count)
    buffer = bytearray(burst.size)
    pacer = Pacer(rate)
    for first in range(0, packets, count):
        pacer.wait(first)
        burst.pack_into(buffer, 0, *range(first, first + count))
        connection.send(buffer)
    return -(-packets // count) * count


def send_mixed(connection: socket.socket, payloads: Sequence[int], rate: float, packets: int) -> int:
    """Datagrams of several lengths in turn, a burst in one system call. Returns how many were sent."""
    count = max(1, min(round(rate * _BURST), _MOST_SEGMENTS))
    messages = Messages(count, max(payloads))
    pacer = Pacer(rate)
    for first in range(0, packets, count):
        pacer.wait(first)
        for place in range(count):
            messages.write(place, first + place, payloads[(first + place) % len(payloads)])
        messages.send(connection)
    return -(-packets // count) * count


class _Vector(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Head(ctypes.Structure):
    """struct msghdr"""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr. sendmmsg(2)"""

    _fields_ = (("head", _Head), ("sent", ctypes.c_uint))


class Messages:
    """Datagrams that leave in one system call, which Python's socket module does not offer."""

    def __init__(self, count: int, longest: int) -> None:
        self._count = count
        self._slot = longest
        self._memory = bytearray(count * longest)
        start = ctypes.addressof((ctypes.c_char * len(self._memory)).from_buffer(self._memory))
        self._vectors = (_Vector * count)(*(_Vector(start + place * longest, longest) for place in range(count)))
        heads = (_Head(vectors=ctypes.pointer(vector), vector_count=1) for vector in self._vectors)
        self._messages = (_Message * count)(*(_Message(head) for head in heads))
        self._call = ctypes.CDLL(None, use_errno=True).sendmmsg

    def write(self, place: int, number: int, length: int) -> None:
        NUMBER.pack_into(self._memory, place * self._slot, number)
        self._vectors[place].length = length

    def send(self, connection: socket.socket) -> None:
        """Raises OSError."""
        sent = 0
        while sent < self._count:
            rest = ctypes.byref(self._messages, sent * ctypes.sizeof(_Message))
            done = self._call(connection.fileno(), rest, self._count - sent, 0)
            if done < 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            sent += done


def main(address: str, port: str, lengths: str, rate: str, packets: str) -> None:
    payloads = [int(length) - HEADERS for length in lengths.split(",")]
    with contextlib.suppress(PermissionError):  # a control group may forbid it; then rates are kept less well, and that is seen
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # on a machine of its own it would wait for nobody either
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _BUFFER)
        connection.connect((address, int(port)))
        started = time.perf_counter()
        if len(payloads) == 1:
            sent = send_equal(connection, payloads[0], float(rate), int(packets))
        else:
            sent = send_mixed(connection, payloads, float(rate), int(packets))
        print(json.dumps({"sent": sent, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
