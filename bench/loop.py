"""Where a packet's microseconds go in the dataplane itself, without the kernel: fast and slow path, both directions.

    .venv/bin/python bench/loop.py                  # the table of docs/performance.md
    .venv/bin/python bench/loop.py --seconds 10     # bulk TCP through both ends for so long, for a profiler to look at

Each figure is the best of several rounds of processor time, which other work on the machine disturbs least. Compare within a run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import raw

from dataplane import ipv4
from dataplane.cutting import cut
from dataplane.doubles import TO_POP_SPI, VCPE, Underlay, outbound_sa, pop, vcpe
from dataplane.esp import PAYLOAD_OFFSET, Slot, sealed_length
from dataplane.fastpath import FastPath
from dataplane.packets import BatchEffect, Datagram, Effect, Send, SendBatch
from dataplane.suites import ICV_LENGTH, SUITES
from dataplane.superpacket import parse_superpacket
from dataplane.virtio import GSO_TCPV4, GSO_UDP_L4, NEEDS_CHECKSUM, Offload

ROUNDS, REPEATS = 12, 20
NOW = 1003.0
PROTOCOLS = (ipv4.PROTOCOL_TCP, ipv4.PROTOCOL_UDP)


@dataclass(frozen=True)
class Case:
    """A super-packet of `pieces` packets with `size` bytes of payload each."""

    name: str
    is_tcp: bool
    size: int
    pieces: int

    def packet(self) -> bytes:
        transport = TCP(flags="A", options=[("NOP", None), ("NOP", None), ("Timestamp", (1, 2))]) if self.is_tcp else UDP()
        return raw(IP(src="10.0.1.10", dst="192.168.1.10", flags="DF") / transport / bytes(self.size * self.pieces))

    def offload(self) -> Offload:
        kind, place = (GSO_TCPV4, 16) if self.is_tcp else (GSO_UDP_L4, 6)
        return Offload(NEEDS_CHECKSUM, kind, 0, self.size, 20, place)


CASES = (
    Case("TCP, 48 of 1400 bytes", True, 1348, 48),
    Case("TCP, 8 of 1400 bytes", True, 1348, 8),
    Case("UDP, 61 of 1024 bytes", False, 996, 61),
    Case("UDP, 64 of 64 bytes", False, 36, 64),
)


Batches = list[tuple[bytes, int]]
"""What one super-packet became: payloads, and the size of their datagrams."""


class Path:
    """Two gateways that have heard each other, with the fast path at both ends."""

    def __init__(self, cipher: str) -> None:
        self.left, self.right = vcpe(cipher), pop(cipher)
        Underlay(self.left, self.right).advance(3.0)
        self._sender, self._receiver = FastPath(self.left.engine, PROTOCOLS), FastPath(self.right.engine, PROTOCOLS)

    def outbound(self, packet: memoryview, offload: Offload) -> Iterator[Effect | BatchEffect]:
        return self._sender.outbound(packet, offload, NOW)

    def seal(self, packet: memoryview, offload: Offload) -> Batches:
        effects = self.outbound(packet, offload)
        return [(bytes(batch.payload), batch.segment) for batch in effects if isinstance(batch, SendBatch)]

    def receive(self, batches: Batches) -> None:
        for payload, segment in batches:
            self._receiver.room[: len(payload)] = payload
            _drain(self._receiver.inbound(len(payload), segment, VCPE, 0, NOW))
        _drain(self._receiver.settle(NOW))


def _drain(effects: Iterable[object]) -> None:
    for _ in effects:
        pass


def _best(function: Callable[[], object], pieces: int = 1) -> str:
    """Microseconds for each of `pieces`."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.thread_time_ns()
        for _ in range(REPEATS):
            function()
        best = min(best, time.thread_time_ns() - start)
    return f"{best / REPEATS / pieces / 1000:.2f}"


def _table(cipher: str) -> Table:
    table = Table("µs for each packet", "cipher alone", "sent fast", "slowly", "received fast", "slowly", title=cipher)
    for case in CASES:
        table.add_row(case.name, *_row(case, Path(cipher), cipher))
    return table


def _row(case: Case, path: Path, cipher: str) -> Iterator[str]:
    memory, sa = memoryview(bytearray(2048)), outbound_sa(TO_POP_SPI, cipher)
    end = sealed_length(case.size + (52 if case.is_tcp else 28)) - PAYLOAD_OFFSET
    slot = Slot(memory[:12], memory[12:20], memory[20 : 20 + end - ICV_LENGTH], memory[20 : 20 + end])
    yield _best(lambda: sa.seal([slot] * case.pieces), case.pieces)
    packet, offload = memoryview(bytearray(case.packet())), case.offload()
    yield _best(lambda: _drain(path.outbound(packet, offload)), case.pieces)
    packets = list(cut(parse_superpacket(packet, offload)))
    yield _best(lambda: path.left.engine.outbound(packets, NOW), case.pieces)
    # No datagram may come twice, so there are as many as are taken.
    waiting = iter([path.seal(packet, offload) for _ in range(ROUNDS * REPEATS)])
    yield _best(lambda: path.receive(next(waiting)), case.pieces)
    singly = iter([_datagrams(path, packets) for _ in range(ROUNDS * REPEATS)])
    yield _best(lambda: path.right.engine.inbound(next(singly), NOW), case.pieces)


def _datagrams(path: Path, packets: list[bytes]) -> list[Datagram]:
    effects = path.left.engine.outbound(packets, NOW)
    return [Datagram(effect.payload, VCPE) for effect in effects if isinstance(effect, Send)]


def _carry(cipher: str, seconds: float) -> None:
    path, case = Path(cipher), CASES[0]
    packet, offload, end = memoryview(bytearray(case.packet())), case.offload(), time.monotonic() + seconds
    while time.monotonic() < end:
        path.receive(path.seal(packet, offload))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="measure nothing, carry bulk TCP for so long")
    parser.add_argument("--cipher", choices=sorted(SUITES), default="aes-256-gcm")
    options = parser.parse_args()
    if options.seconds:
        _carry(options.cipher, options.seconds)
    else:
        Console().print(_table(options.cipher))


if __name__ == "__main__":
    main()
