"""Counts the datagrams of udp_sender.py by their numbers. A program of its own, started on a host.

    python udp_receiver.py ADDRESS PORT LENGTH[,LENGTH…] PACKETS [SILENCE]

Prints "ready", counts until its standard input ends and then until all have come, or nothing for SILENCE seconds (default: 5).
Then it prints what came.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
from collections.abc import Iterable, Iterator

from udp_sender import HEADERS, NUMBER  # beside this file

_SOL_UDP, _UDP_GRO = 17, 104  # linux/udp.h
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h

_BUFFER = 64 * 1024 * 1024
_MOMENT = 0.2  # seconds without a packet, after which none is expected but those that did not come
_SILENCE = "5"  # seconds; a virtual processor may stand still for more than one
_SPARE = 64  # packets that a sender may send beyond what it was told, to fill its last burst


class Tally:
    """Which numbers came, and how."""

    def __init__(self, packets: int) -> None:
        self._seen = bytearray(packets)
        self._next = 0
        self.received = self.duplicates = self.reordered = 0

    def count(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if self._seen[number]:
                self.duplicates += 1
                continue
            self._seen[number] = 1
            self.received += 1
            if number < self._next:
                self.reordered += 1
            else:
                self._next = number + 1


def numbers_of_equal(connection: socket.socket, payload: int) -> Iterator[Iterable[int]]:
    """Several datagrams of one length in one system call, as the kernel coalesced them."""
    connection.setsockopt(_SOL_UDP, _UDP_GRO, 1)
    datagram = struct.Struct(f"!Q{payload - NUMBER.size}x")
    buffer = memoryview(bytearray(65536))
    while True:
        length = connection.recv_into(buffer)
        yield (number for (number,) in datagram.iter_unpack(buffer[:length]))


def numbers_of_mixed(connection: socket.socket) -> Iterator[Iterable[int]]:
    buffer = bytearray(65536)
    while True:
        connection.recv_into(buffer)
        yield NUMBER.unpack_from(buffer)


def receive(connection: socket.socket, arrivals: Iterator[Iterable[int]], tally: Tally, packets: int, silence: float) -> None:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(sys.stdin, select.POLLHUP)
    ending, silent = False, 0.0
    while silent < silence and not (silent and tally.received >= packets):
        ready = dict(poll.poll(_MOMENT * 1000))
        if connection.fileno() in ready:
            tally.count(next(arrivals))
            silent = 0.0
        elif ready:
            ending = True
            poll.unregister(sys.stdin)
        elif ending:
            silent += _MOMENT


def main(address: str, port: str, lengths: str, packets: str, silence: str = _SILENCE) -> None:
    payloads = [int(length) - HEADERS for length in lengths.split(",")]
    tally = Tally(int(packets) + _SPARE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        connection.bind((address, int(port)))
        equal = len(payloads) == 1
        arrivals = numbers_of_equal(connection, payloads[0]) if equal else numbers_of_mixed(connection)
        print("ready", flush=True)
        receive(connection, arrivals, tally, int(packets), float(silence))
    print(json.dumps({"received": tally.received, "duplicates": tally.duplicates, "reordered": tally.reordered}))


if __name__ == "__main__":
    main(*sys.argv[1:])
