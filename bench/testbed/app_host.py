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

from arrivals import Arrivals, receive, timed  # beside this file
from pace import leave_to_gateway, paced

_HEADERS = 28  # bytes of IP and UDP


def receive_all(address: str, port: str, size: str, limit: str, tolerance: str, settled: str) -> None:
    arrivals = Arrivals(int(size))
    with timed(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as connection:
        connection.bind((address, int(port)))
        connection.setblocking(False)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([connection, sys.stdin], [], [])
            if connection not in ready:
                break
            _, (host, _), moment = receive(connection)
            arrivals.note(host, moment)
    print(json.dumps(arrivals.evenness(float(limit), float(tolerance), float(settled))), flush=True)


def send_to_all(address: str, port: str, size: str, rate: str, seconds: str) -> None:
    payload = bytes(int(size) - _HEADERS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.bind((address, int(port)))
        print("ready", flush=True)
        hosts = json.loads(sys.stdin.readline())
        sent = 0
        for number in paced(float(rate), float(seconds)):
            connection.sendto(payload, (hosts[number % len(hosts)], int(port)))
            sent += 1
    print(json.dumps({"sent": sent}), flush=True)


if __name__ == "__main__":
    leave_to_gateway()
    {"receive": receive_all, "send": send_to_all}[sys.argv[1]](*sys.argv[2:])
