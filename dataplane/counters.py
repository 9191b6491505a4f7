"""What a peer or the engine counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dataplane.errors import DropReason


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
