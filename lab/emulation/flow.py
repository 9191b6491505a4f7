"""A flow of data from one machine to another, and how much of it arrives.

    python -m lab.emulation.flow receive tcp|udp ADDRESS SECONDS
    python -m lab.emulation.flow send tcp|udp SOURCE DESTINATION RATE

The receiver prints "ready", then how many bits a second came between a second after the first byte and SECONDS later. TCP goes as
fast as it can, and what its user gets counts; UDP goes at RATE, in bit/s, in packets of 1024 bytes, and IP packets count.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

from lab.emulation.machine import Machine
from lab.emulation.ping import ping
from lab.errors import MachineError

LENGTH = 1024  # bytes of an IP packet of UDP: those that the document measures with (step 2.2)
PORT = 5300  # our choice
WARM_UP = 1.0  # seconds that are left out: TCP finds its rate, a shaper's first burst has gone

_HEADERS = 28  # IPv4 and UDP
_UDP_SEGMENT, _UDP_GRO = 103, 104  # linux/udp.h
_SOL_UDP = 17
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h
_BATCH = 60  # packets of one system call, 64 KB at most
_BUFFER = 1 << 20
_WAITING = 1 << 23  # bytes that may wait for a receiver which a busy machine keeps from its turn: what is lost is lost on the way
_SETTLED, _SETTLES_WITHIN = 50.0, 20.0  # milliseconds of a round trip, and seconds; our choice
_SILENT_FOR = 3.0  # seconds after which nothing more is expected; our choice


def flow(
    source: tuple[Machine, IPv4Address], destination: tuple[Machine, IPv4Address], protocol: str, *, rate: float, seconds: float
) -> float:
    """Bit/s that arrive, 0 where nothing does. Raises MachineError when it cannot be measured."""
    receiver = _start(destination[0], "receive", protocol, destination[1], seconds)
    try:
        if receiver.stdout.readline() != b"ready\n":
            raise MachineError(f"nothing listens: {receiver.communicate()[1].decode(errors='replace').strip()}")
        sender = _start(source[0], "send", protocol, source[1], destination[1], rate)
        try:
            said, errors = receiver.communicate()
        finally:
            sender.terminate()
            sender.communicate()
    finally:
        receiver.terminate()
        receiver.wait()
    if not said.strip():
        raise MachineError(f"nothing could be measured: {errors.decode(errors='replace').strip()}")
    arrived = float(said)
    if arrived:
        _settle(source, destination)
    return arrived


def _settle(source: tuple[Machine, IPv4Address], destination: tuple[Machine, IPv4Address]) -> None:
    """Wait until queues are empty: where more was sent than the machine carries, the rest would weigh on the next one."""
    deadline = time.monotonic() + _SETTLES_WITHIN
    while time.monotonic() < deadline:
        rtt = ping(*source, destination[1], count=1).rtt_ms
        if rtt is not None and rtt < _SETTLED:
            return


def _start(machine: Machine, *arguments: object) -> Any:
    return machine.popen(sys.executable, "-P", "-m", "lab.emulation.flow", *map(str, arguments))


def receive(protocol: str, address: str, seconds: float) -> float:
    """Bit/s, from within the receiving machine. Raises TimeoutError when nothing comes any more."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as here:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        here.bind((address, PORT))
        here.settimeout(_SILENT_FOR)
        if protocol == "udp":
            here.setsockopt(_SOL_UDP, _UDP_GRO, 1)
            here.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _WAITING)
            print("ready", flush=True)
            return _count(here, seconds, lambda length: -(-length // (LENGTH - _HEADERS)) * LENGTH)
        here.listen()
        print("ready", flush=True)
        connection, _ = here.accept()
        with connection:
            connection.settimeout(_SILENT_FOR)
            return _count(connection, seconds, lambda length: length)


def _count(connection: socket.socket, seconds: float, worth: Callable[[int], int]) -> float:
    """`worth` says for how many bytes a read counts: several datagrams of one length may come as one."""
    buffer = bytearray(_BUFFER)
    connection.recv_into(buffer)
    begin = time.monotonic() + WARM_UP
    counted, now = 0, begin
    while now < begin + seconds:
        length = connection.recv_into(buffer)
        now = time.monotonic()
        if now >= begin:
            counted += worth(length)
    return 8 * counted / (now - begin)


def send(protocol: str, source: str, destination: str, rate: float) -> None:
    """Send until told to end."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as here:
        here.bind((source, 0))
        here.connect((destination, PORT))
        if protocol == "tcp":
            while True:
                here.sendall(bytes(_BUFFER))
        payload = LENGTH - _HEADERS
        here.setsockopt(_SOL_UDP, _UDP_SEGMENT, payload)
        batch = max(1, min(_BATCH, round(rate / 8 / LENGTH / 500)))  # some 500 times a second
        due = time.monotonic()
        while True:
            with suppress(ConnectionRefusedError):  # the receiver has what it wants
                here.send(bytes(batch * payload))
            due += 8 * LENGTH * batch / rate
            time.sleep(max(0.0, due - time.monotonic()))


def main(what: str, protocol: str, *arguments: str) -> None:
    if what == "receive":
        try:
            print(receive(protocol, arguments[0], float(arguments[1])), flush=True)
        except TimeoutError:
            print(0.0, flush=True)
    else:
        send(protocol, arguments[0], arguments[1], float(arguments[2]))


if __name__ == "__main__":
    main(*sys.argv[1:])
