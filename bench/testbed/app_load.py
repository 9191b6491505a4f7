"""Many clients of the SAG app, all in one process: the other side of bench/app_clients.py.

    python app_load.py ADDRESS POINT-OF-PRESENCE PORT

As many.py, with these: the first line names the clients, each with the session and the secret that its log-on returned.

    {"do": "people", "people": [{"session": "as-…", "secret": "00…"}], "presence": "ccn-….ccn.example"}
    {"do": "addresses"}                                                     {"addresses": ["192.168.8.1", …]}
    {"do": "flow", "clients": 100, "rate": 20000, "size": 1400, "target": "10.2.0.2", "port": 5002, "seconds": 8}
    {"do": "listen", "size": 1400}                                          {}
    {"do": "heard", "limit": 200000, "tolerance": 0.05, "settled": 1}       what arrivals.py says of each window
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import Any

import numpy as np
from arrivals import Arrivals, timed  # beside this file
from batches import Incoming, Outgoing
from many import Callers
from pace import leave_to_gateway, paced

from dataplane.engine import IKE_MARKER
from dataplane.esp import datagram_length
from dataplane.ike.events import Configured
from dataplane.ike.identity import fqdn, key_id
from dataplane.ike.numbers import IKE_PORT, NAT_PORT
from dataplane.ike.policy import Policy
from dataplane.ike.session import Session
from dataplane.ike.table import Outcome

_OUTER = 28  # bytes of IP and UDP
_NAP = 0.005  # seconds between two looks at what came; the kernel notes when
_LONGEST = 2048  # bytes of a datagram


class Clients(Callers):
    """The clients, by number."""

    def __init__(self, address: str, presence: tuple[str, int], sockets: dict[int, socket.socket]) -> None:
        super().__init__(address, presence, sockets)
        self._people: list[Policy] = []
        self._addresses: dict[int, str] = {}
        self._numbers: dict[Session, int] = {}
        self._incoming = {port: Incoming(connection, _LONGEST) for port, connection in sockets.items()}
        self._arrivals: Arrivals | None = None
        self._length = 0

    def people(self, people: list[dict[str, str]], presence: str) -> dict[str, Any]:
        self._people = [
            Policy(key_id(one["session"]), fqdn(presence), bytes.fromhex(one["secret"]), request_lease=True) for one in people
        ]
        return {}

    def addresses(self) -> dict[str, Any]:
        return {"addresses": [self._addresses[number] for number in sorted(self._addresses)]}

    def _begin(self, number: int) -> None:
        now = time.monotonic()
        session, outcomes = self._table.connect(self._people[number], self._path, now)
        self._waiting[session] = (number, now)
        self._numbers[session] = number
        self._carry_out(outcomes)

    def _carry_out(self, outcomes: list[Outcome]) -> None:
        for session, output in outcomes:
            if session in self._numbers and isinstance(output, Configured):
                self._addresses[self._numbers[session]] = str(output.address)
        super()._carry_out(outcomes)

    def flow(self, clients: int, rate: float, size: int, target: str, port: int, seconds: float) -> dict[str, Any]:
        """Packets from so many clients in turn, `rate` a second of all together.

        They are sealed beforehand: real clients have processors of their own for it.
        """
        packets = [_packet(self._addresses[client], target, port, size) for client in range(clients)]
        sealed = bytearray().join(
            self._children[number % clients].encapsulate(packets[number % clients]) for number in range(int(rate * seconds) + 1)
        )
        length, sent = datagram_length(size) - _OUTER, 0
        outgoing = Outgoing(self._sockets[NAT_PORT], sealed, length, [self._gateway])
        for burst in paced(rate, seconds):
            outgoing.send(burst)
            sent = burst.stop
        return {"sent": sent}

    def listen(self, size: int) -> dict[str, Any]:
        self._arrivals, self._length = Arrivals(size), datagram_length(size) - _OUTER
        return {}

    def heard(self, limit: float, tolerance: float, settled: float) -> dict[str, Any]:
        arrivals, self._arrivals = self._arrivals, None
        return {} if arrivals is None else arrivals.evenness(limit, tolerance, settled)

    def wait(self, seconds: float) -> None:
        """Take what comes in the meantime. ESP is not opened: who it is for, its SPI says."""
        if self._arrivals is None:
            select.select(list(self._sockets.values()), [], [], seconds)
        else:
            time.sleep(_NAP)
        for port, incoming in self._incoming.items():
            while taken := incoming.take():
                self._take(port, incoming, taken)
        self._carry_out(self._table.tick(time.monotonic()))

    def _take(self, port: int, incoming: Incoming, taken: int) -> None:
        lengths, spis = incoming.lengths(taken), incoming.data[:taken, :4].copy().view(">u4")[:, 0]
        for row in np.flatnonzero((port == IKE_PORT) | (spis == IKE_MARKER)):
            self._receive(incoming.data[row, : lengths[row]].tobytes(), incoming.source(row), port)
        if self._arrivals is not None and port == NAT_PORT:
            packets = lengths == self._length
            self._arrivals.note(spis[packets], incoming.moments(taken)[packets])


def _packet(source: str, target: str, port: int, size: int) -> bytes:
    """UDP without a checksum of its own; the header has one, for the gateway's kernel asks for it."""
    ends = IPv4Address(source).packed + IPv4Address(target).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0x4000, 64, 17, 0) + ends
    total = sum(struct.unpack("!10H", head))
    head = head[:10] + (~(total % 0xFFFF) & 0xFFFF).to_bytes(2, "big") + head[12:]
    return head + struct.pack("!HHHH", port, port, size - 20, 0) + bytes(size - 28)


def main(address: str, presence: str, port: str) -> None:
    leave_to_gateway()
    with ExitStack() as stack:
        sockets = {}
        for number in (IKE_PORT, NAT_PORT):
            connection = stack.enter_context(timed(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
            connection.bind((address, number))
            connection.setblocking(False)
            sockets[number] = connection
        clients = Clients(address, (presence, int(port)), sockets)
        print(json.dumps({"ready": True}), flush=True)
        while True:
            readable, _, _ = select.select([sys.stdin], [], [], 0)
            if not readable:
                clients.wait(0.01)
                continue
            line = sys.stdin.readline()
            if not line:
                return
            message = json.loads(line)
            print(json.dumps(getattr(clients, message.pop("do"))(**message)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
