"""Counters that grow as long as their process lives, as one that grows as long as the lab does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a gateway: the ids that the clouds know them by."""

    smart_ag_id: str
    serial_number: str


@dataclass(frozen=True, slots=True)
class Counters:
    """Inner packets of a tunnel, as the gateway's device sees them: bytes that it received and sent.

    Dropped are packets that the device did not send or accept, and those from or for it that its point of presence did not.
    """

    received_bytes: int = 0
    sent_bytes: int = 0
    dropped_here: int = 0
    dropped_there: int = 0

    @property
    def dropped(self) -> int:
        return self.dropped_here + self.dropped_there

    def __add__(self, other: Counters) -> Counters:
        return Counters(*(mine + its for mine, its in zip(self._values, other._values, strict=True)))

    def since(self, before: Counters) -> Counters:
        """What came since an earlier reading. A counter that is lower than before has begun anew, from nothing."""
        pairs = zip(self._values, before._values, strict=True)
        return Counters(*(now - then if now >= then else now for now, then in pairs))

    @property
    def _values(self) -> tuple[int, int, int, int]:
        return self.received_bytes, self.sent_bytes, self.dropped_here, self.dropped_there


class Meter:
    """`totals` are what each device has counted since the meter was made."""

    def __init__(self) -> None:
        self._last: dict[Device, Counters] = {}
        self._totals: dict[Device, Counters] = defaultdict(Counters)

    def growth(self, device: Device, counters: Counters) -> Counters:
        """What has come since the device was last read."""
        grown = counters.since(self._last.get(device, Counters()))
        self._last[device] = counters
        self._totals[device] += grown
        return grown

    @property
    def totals(self) -> Mapping[Device, Counters]:
        return self._totals
