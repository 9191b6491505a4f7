"""Many gateways that call one, all in one process: the other side of bench/peers.py and bench/flood.py.

    python many.py ADDRESS GATEWAY PORT

Each line on standard input is a JSON object, and so is each answer on standard output:

    {"do": "connect", "first": 0, "count": 1000, "at_once": 32}     {"connected": 1000, "seconds": 1.3, "slowest": 0.02}
    {"do": "send", "peers": 1000, "packets": 20000, "burst": 1}     {"seconds": 0.9}
    {"do": "received"}                                              {"received": 20000}

It speaks IKE with the same core as a gateway, and keeps a child of each conversation to send through.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from dataplane.esp import MINIMUM_LENGTH, OutboundSa
from dataplane.ike.events import Child, ChildEstablished, Failed, Transmit
from dataplane.ike.identity import fqdn, key_id
from dataplane.ike.lifetimes import Lifetimes
from dataplane.ike.numbers import IKE_PORT, NAT_PORT, NON_ESP_MARKER
from dataplane.ike.paths import Path
from dataplane.ike.policy import Policy, Settings
from dataplane.ike.session import Session
from dataplane.ike.table import Outcome, Table

GATEWAY_NAME = "pop.example"
PREFIX_LENGTH = 24
TARGET = "10.2.0.2"
TARGET_PORT = 5002
PAYLOAD_LENGTH = 100
ESP_LENGTH = MINIMUM_LENGTH + 28 + PAYLOAD_LENGTH  # the inner packet and its trailer fill words of four bytes to the last
PAUSE_EVERY = 50  # packets between two looks at the clock
HANDSHAKE_SECONDS = 60.0

_FIRST_NETWORK = int(IPv4Address("10.64.0.0"))
_BUFFER = 64 * 1024 * 1024
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h
_NEVER = Lifetimes(1e6, 2e6, 1e6, 2e6)
_PACKET = struct.Struct(f"!BBHHHBBH4s4sHHHHQ{PAYLOAD_LENGTH - 8}x")


def name_of(number: int) -> str:
    return f"peer-{number}"


def psk_of(number: int) -> bytes:
    """A key that is worth nothing."""
    return f"the key of peer {number}".encode()


def network_of(number: int) -> IPv4Network:
    return IPv4Network((_FIRST_NETWORK + (number << 32 - PREFIX_LENGTH), PREFIX_LENGTH))


def host_of(number: int) -> IPv4Address:
    return network_of(number)[1]


class Callers:
    """The gateways, by number, with the sockets that they share."""

    def __init__(self, address: str, gateway: tuple[str, int], sockets: dict[int, socket.socket]) -> None:
        self.received = 0
        self._path = Path((address, IKE_PORT if gateway[1] == IKE_PORT else NAT_PORT), gateway)
        self._sockets = sockets
        self._table = Table(Settings(lifetimes=_NEVER, probe_after=1e6), lambda _: None, os.urandom, time.monotonic())
        self._waiting: dict[Session, tuple[int, float]] = {}
        self._took: list[float] = []
        self._children: dict[int, OutboundSa] = {}
        self._gateway = (gateway[0], NAT_PORT)

    def connect(self, first: int, count: int, at_once: int) -> dict[str, Any]:
        started, numbers = time.monotonic(), iter(range(first, first + count))
        self._took = []
        while len(self._took) < count and time.monotonic() < started + HANDSHAKE_SECONDS:
            while len(self._waiting) < at_once and (number := next(numbers, None)) is not None:
                self._begin(number)
            self.wait(0.01)
        seconds = time.monotonic() - started
        return {"connected": len(self._took), "seconds": seconds, "slowest": max(self._took, default=None)}

    def _begin(self, number: int) -> None:
        policy = Policy(key_id(name_of(number)), fqdn(GATEWAY_NAME), psk_of(number))
        now = time.monotonic()
        session, outcomes = self._table.connect(policy, self._path, now)
        self._waiting[session] = (number, now)
        self._carry_out(outcomes)

    def send(self, peers: int, packets: int, burst: int) -> dict[str, Any]:
        """Packets from behind so many of the peers, in bursts of one peer after another."""
        started, connection = time.monotonic(), self._sockets[NAT_PORT]
        for number in range(packets):
            peer = number // burst % peers
            connection.sendto(self._children[peer].encapsulate(_packet(peer, number)), self._gateway)
            if number % PAUSE_EVERY == 0:
                time.sleep(0.001)  # so that no queue on the way is ever full
        return {"seconds": time.monotonic() - started}

    def wait(self, seconds: float) -> None:
        """Take what comes in the meantime."""
        ready, _, _ = select.select(list(self._sockets.values()), [], [], seconds)
        for connection in ready:
            for data, source in _drain(connection):
                self._receive(data, source, connection.getsockname()[1])
        self._carry_out(self._table.tick(time.monotonic()))

    def _receive(self, data: bytes, source: tuple[str, int], port: int) -> None:
        if port != IKE_PORT and not data.startswith(NON_ESP_MARKER):
            self.received += len(data) == ESP_LENGTH  # a gateway also sends dummy packets of other sizes, to learn the path's MTU
            return
        message = data if port == IKE_PORT else data[len(NON_ESP_MARKER) :]
        self._carry_out(self._table.receive(message, Path((self._path.local[0], port), source), time.monotonic()))

    def _carry_out(self, outcomes: list[Outcome]) -> None:
        for session, output in outcomes:
            if isinstance(output, Transmit):
                self._sockets[output.path.local[1]].sendto(output.payload, output.path.remote)
            elif isinstance(output, ChildEstablished) and session in self._waiting:
                number, began = self._waiting.pop(session)
                self._took.append(time.monotonic() - began)
                self._children[number] = _outbound(output.child)
            elif isinstance(output, Failed) and session in self._waiting:
                number, _ = self._waiting.pop(session)
                raise SystemExit(f"{name_of(number)}: {output}")


def _outbound(child: Child) -> OutboundSa:
    return OutboundSa(child.keys.outbound.spi, child.cipher, child.keys.outbound.material)


def _packet(peer: int, number: int) -> bytes:
    """From behind a peer, without checksums: of the header the gateway's kernel asks for one."""
    length = 20 + 8 + PAYLOAD_LENGTH
    source, target = host_of(peer).packed, IPv4Address(TARGET).packed
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0x4000, 64, 17, 0, source, target)
    total = sum(struct.unpack("!10H", head))
    checksum = ~(total % 0xFFFF) & 0xFFFF
    udp = (TARGET_PORT, TARGET_PORT, 8 + PAYLOAD_LENGTH, 0)
    return _PACKET.pack(0x45, 0, length, 0, 0x4000, 64, 17, checksum, source, target, *udp, number)


def _drain(connection: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    while True:
        try:
            yield connection.recvfrom(65536)
        except BlockingIOError:
            return


def _open(address: str, port: int) -> socket.socket:
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connection.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    connection.bind((address, port))
    connection.setblocking(False)
    return connection


def main(address: str, gateway: str, port: str) -> None:
    with ExitStack() as stack:
        sockets = {number: stack.enter_context(_open(address, number)) for number in (IKE_PORT, NAT_PORT)}
        callers = Callers(address, (gateway, int(port)), sockets)
        actions: dict[str, Callable[..., dict[str, Any]]] = {"connect": callers.connect, "send": callers.send}
        actions["received"] = lambda: {"received": callers.received}
        print(json.dumps({"ready": True}), flush=True)
        while True:
            readable, _, _ = select.select([sys.stdin], [], [], 0)
            if not readable:
                callers.wait(0.01)
                continue
            line = sys.stdin.readline()
            if not line:
                return
            message = json.loads(line)
            print(json.dumps(actions[message.pop("do")](**message)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
