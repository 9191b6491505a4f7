"""What a peer or the engine counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dataplane.errors import DropReason
from dataplane.meters import Cell, Record


@dataclass(slots=True)
class Traffic:
    """Inner packets and their bytes. Dummy packets and keepalives count apart: they carry nothing."""

    packets: int = 0
    bytes: int = 0
    dummies: int = 0
    keepalives: int = 0

    def add(self, length: int, packets: int = 1) -> None:
        """Count packets of `length` bytes in all."""
        self.packets += packets
        self.bytes += length


@dataclass(slots=True)
class Counters:
    """Everything that was sent to a peer, came from it, or was dropped on account of it."""

    sent: Traffic = field(default_factory=Traffic)
    received: Traffic = field(default_factory=Traffic)
    drops: Counter[DropReason] = field(default_factory=Counter)

    def exceeded(self, reason: DropReason, packets: int = 1) -> None:
        """Packets are dropped that are too many for one of the peer's bandwidths."""
        self.drops[reason] += packets


@dataclass(slots=True, kw_only=True)
class MeteredTraffic(Traffic):
    """Traffic that is counted in a record, too, from its cell `first` on. The bytes are what is billed, so they come first."""

    record: Record
    first: int

    def add(self, length: int, packets: int = 1) -> None:
        cells, first = self.record.cells, self.first
        cells[first + 1] += length
        cells[first] += packets
        self.packets += packets
        self.bytes += length


_DROPS = {
    DropReason.PEAK_BANDWIDTH_EXCEEDED: Cell.SENT_DROPS,
    DropReason.INBOUND_BANDWIDTH_EXCEEDED: Cell.RECEIVED_DROPS,
}


@dataclass(slots=True)
class MeteredCounters(Counters):
    """Counters of which some outlive the process in a record."""

    record: Record = field(kw_only=True)

    @staticmethod
    def on(record: Record) -> MeteredCounters:
        sent = MeteredTraffic(record=record, first=Cell.SENT_PACKETS)
        received = MeteredTraffic(record=record, first=Cell.RECEIVED_PACKETS)
        return MeteredCounters(sent, received, record=record)

    def exceeded(self, reason: DropReason, packets: int = 1) -> None:
        self.record.cells[_DROPS[reason]] += packets
        self.drops[reason] += packets
