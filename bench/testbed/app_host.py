"""The host behind the point of presence in bench/app_clients.py. It sends to all clients in turn, or notes what comes from each.

    python app_host.py receive ADDRESS PORT SIZE LIMIT TOLERANCE SETTLED    until its standard input ends
    python app_host.py send ADDRESS PORT SIZE RATE SECONDS                   the clients' addresses are a line of standard input

SIZE is that of an inner packet in bytes, RATE packets a second to all. The last line that it prints is what came of it.
"""

from __future__ import annotations

import json
import select
import socket
import sys

from arrivals import Arrivals, timed  # beside this file
from batches import Incoming, Outgoing
from pace import leave_to_gateway, paced

_HEADERS = 28  # bytes of IP and UDP
_NAP = 0.005  # seconds between two looks at what came; the kernel notes when
_LOOKED_AT = 64  # bytes of a packet


def receive_all(address: str, port: str, size: str, limit: str, tolerance: str, settled: str) -> None:
    arrivals = Arrivals(int(size))
    with timed(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as connection:
        connection.bind((address, int(port)))
        incoming = Incoming(connection, _LOOKED_AT)
        print("ready", flush=True)
        is_over = False
        while not is_over:
            is_over = bool(select.select([sys.stdin], [], [], _NAP)[0])
            while taken := incoming.take():
                arrivals.note(incoming.sources(taken), incoming.moments(taken))
    print(json.dumps(arrivals.evenness(float(limit), float(tolerance), float(settled))), flush=True)


def send_to_all(address: str, port: str, size: str, rate: str, seconds: str) -> None:
    length = int(size) - _HEADERS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.bind((address, int(port)))
        print("ready", flush=True)
        hosts = json.loads(sys.stdin.readline())
        outgoing, sent = Outgoing(connection, bytearray(length), length, [(host, int(port)) for host in hosts]), 0
        for burst in paced(float(rate), float(seconds)):
            outgoing.send(burst)
            sent = burst.stop
    print(json.dumps({"sent": sent}), flush=True)


if __name__ == "__main__":
    leave_to_gateway()
    {"receive": receive_all, "send": send_to_all}[sys.argv[1]](*sys.argv[2:])
