"""What a peer or the engine counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dataplane.errors import DropReason
from dataplane.meters import Cell, Entry, Record


@dataclass(slots=True)
class Traffic:
    """Inner packets and their bytes. Dummy packets and keepalives count apart: they carry nothing."""

    packets: int = 0
    bytes: int = 0
    dummies: int = 0
    keepalives: int = 0

    def add(self, length: int, packets: int) -> None:
        """Count packets of `length` bytes in all, which nobody meters."""
        self.packets += packets
        self.bytes += length

    def count(self, length: int) -> Entry | None:
        """Count a packet, and return what of it is to be put down when it goes on."""
        self.packets += 1
        self.bytes += length
        return None


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
    """Traffic that is counted in a record, too, from its cell `first` on, and there packet by packet as each goes on."""

    record: Record
    first: int

    def count(self, length: int) -> Entry:
        self.packets += 1
        self.bytes += length
        return Entry(self.record, self.first, length)


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
