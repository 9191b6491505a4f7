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

from arrivals import Arrivals, receive, timed  # beside this file
from many import Callers
from pace import leave_to_gateway, paced

from dataplane.esp import datagram_length
from dataplane.ike.events import ChildEstablished, Configured
from dataplane.ike.identity import fqdn, key_id
from dataplane.ike.numbers import IKE_PORT, NAT_PORT, NON_ESP_MARKER
from dataplane.ike.policy import Policy
from dataplane.ike.session import Session
from dataplane.ike.table import Outcome

_OUTER = 28  # bytes of IP and UDP
_LOOK_EVERY = 64  # packets between two looks at what came


class Clients(Callers):
    """The clients, by number."""

    def __init__(self, address: str, presence: tuple[str, int], sockets: dict[int, socket.socket]) -> None:
        super().__init__(address, presence, sockets)
        self._people: list[Policy] = []
        self._addresses: dict[int, str] = {}
        self._numbers: dict[Session, int] = {}
        self._by_spi: dict[bytes, int] = {}
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
            elif session in self._numbers and isinstance(output, ChildEstablished):
                self._by_spi[output.child.spi.to_bytes(4, "big")] = self._numbers[session]
        super()._carry_out(outcomes)

    def flow(self, clients: int, rate: float, size: int, target: str, port: int, seconds: float) -> dict[str, Any]:
        """Packets from so many clients in turn, `rate` a second of all together."""
        connection, sent = self._sockets[NAT_PORT], 0
        packets = [_packet(self._addresses[client], target, port, size) for client in range(clients)]
        for number in paced(rate, seconds):
            client = number % clients
            connection.sendto(self._children[client].encapsulate(packets[client]), self._gateway)
            sent += 1
            if sent % _LOOK_EVERY == 0:
                self.wait(0)
        return {"sent": sent}

    def listen(self, size: int) -> dict[str, Any]:
        self._arrivals, self._length = Arrivals(size), datagram_length(size) - _OUTER
        return {}

    def heard(self, limit: float, tolerance: float, settled: float) -> dict[str, Any]:
        arrivals, self._arrivals = self._arrivals, None
        return {} if arrivals is None else arrivals.evenness(limit, tolerance, settled)

    def wait(self, seconds: float) -> None:
        """Take what comes in the meantime. ESP is not opened: who it is for, its SPI says."""
        ready, _, _ = select.select(list(self._sockets.values()), [], [], seconds)
        for connection in ready:
            self._take_all(connection)
        self._carry_out(self._table.tick(time.monotonic()))

    def _take_all(self, connection: socket.socket) -> None:
        port = connection.getsockname()[1]
        for _ in range(1024):
            try:
                data, source, moment = receive(connection)
            except BlockingIOError:
                return
            if port == IKE_PORT or data.startswith(NON_ESP_MARKER):
                self._receive(data, source, port)
            elif self._arrivals is not None and len(data) == self._length:
                self._arrivals.note(self._by_spi.get(data[:4]), moment)


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
