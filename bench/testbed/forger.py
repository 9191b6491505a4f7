"""Floods a gateway with IKE_SA_INIT that nobody will ever go on with. A program of its own, started on the router.

    python forger.py GATEWAY PORT RATE SECONDS

The messages are complete, each with an SPI, a nonce and a source address of its own in 100.64.0.0/10. Prints how many were sent.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import time
from ipaddress import IPv4Address

from dataplane.ike.doubles import TO_POP, entropy_from
from dataplane.ike.events import Transmit
from dataplane.ike.numbers import IKE_PORT, NON_ESP_MARKER
from dataplane.ike.paths import Path
from dataplane.ike.policy import Settings
from dataplane.ike.table import Table

SOURCES = int(IPv4Address("100.64.0.0"))
DIFFERENT = 20_000  # messages made beforehand; every one of them is another initiator's
_BURST = 0.001  # seconds
_IP_HDRINCL = 3  # linux/in.h
_HEADERS = struct.Struct("!BBHHHBBH4s4sHHHH")


def requests() -> list[bytes]:
    """IKE_SA_INIT, all alike but for what tells initiators apart."""
    path = Path(("203.0.113.10", IKE_PORT), ("198.51.100.1", IKE_PORT))
    table = Table(Settings(), lambda _: None, entropy_from("forger"), 0.0)
    ((_, output),) = table.connect(TO_POP, path, 0.0)[1]
    assert isinstance(output, Transmit)  # noqa: S101 - it is all that a new conversation does
    body = output.payload[8:]
    return [number.to_bytes(8, "big") + body for number in range(1, DIFFERENT + 1)]


def datagram(number: int, request: bytes, gateway: str, port: int) -> bytes:
    """An IPv4 packet; the kernel fills in the checksum and the identification."""
    payload = request if port == IKE_PORT else NON_ESP_MARKER + request
    source, length = SOURCES + number * 97 % 2**22, 8 + len(payload)
    addresses = IPv4Address(source).packed, IPv4Address(gateway).packed
    return _HEADERS.pack(0x45, 0, 20 + length, 0, 0, 64, 17, 0, *addresses, 500 + number % 60000, port, length, 0) + payload


def main(gateway: str, port: str, rate: str, seconds: str) -> None:
    packets = [datagram(number, request, gateway, int(port)) for number, request in enumerate(requests())]
    with contextlib.suppress(PermissionError):  # a control group may forbid it; then the rate is kept less well, and that is seen
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    burst, total, sent = max(1, int(int(rate) * _BURST)), int(float(seconds) * int(rate)), 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as connection:
        connection.setsockopt(socket.IPPROTO_IP, _IP_HDRINCL, 1)
        print("ready", flush=True)
        started = time.perf_counter()
        while sent < total:
            for _ in range(burst):
                connection.sendto(packets[sent % DIFFERENT], (gateway, 0))
                sent += 1
            ahead = started + sent / int(rate) - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)
        print(json.dumps({"sent": sent, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
