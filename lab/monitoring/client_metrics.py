"""The eight metrics of a SAG app instance, for the instance and for each of its accounts (document 002…, 3.5).

A point of presence counts each direction of an account by itself, drops too. So a direction of an account is kept like a device:
"li.lei.01 rx" is what came from the client, inbound to the instance, "li.lei.01 tx" what went to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.monitoring.traffic import Point, Traffic

RX, TX = "rx", "tx"
HOUR = 3600  # seconds
_MINUTE = 60
_BITS = 8

# Our choice: KB and Kbit are 1,000, as the data plan's GB is 10^9 bytes; the document does not say.
VOLUMES = {"byte": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
RATES = {"bit/s": 1, "Kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9}
DROPS = {"packet/min": 1}

UNITS = {
    "sag rxBytes": VOLUMES,
    "sag txBytes": VOLUMES,
    "sag rxBit/s": RATES,
    "sag txBit/s": RATES,
    "sag rxDropPackets": DROPS,
    "sag txDropPackets": DROPS,
    "sag rxBytesHour": VOLUMES,
    "sag txBytesHour": VOLUMES,
}
"""The metrics in the document's order, each with its units, the default one first."""


@dataclass(frozen=True, slots=True)
class Metric:
    """`value` is in the default unit: of the whole window, a mean where it is a rate, and of its last hour for "Hour"."""

    name: str
    value: float

    def in_unit(self, unit: str) -> float:
        """Raises KeyError for a unit that the metric does not have."""
        return self.value / UNITS[self.name][unit]


def device_name(account: str, direction: str) -> str:
    return f"{account} {direction}"


def is_of_clients(traffic: Traffic) -> bool:
    """Whether it is that of an instance of the SAG app: a serial number has no blank in it."""
    return any(" " in device.serial_number for device in traffic.devices)


def accounts_of(traffic: Traffic) -> list[str]:
    return list(dict.fromkeys(device.serial_number.rpartition(" ")[0] for device in traffic.devices))


def metrics_of(traffic: Traffic, account: str = "") -> tuple[Metric, ...]:
    """Those of an account, or of the instance: the sum of all of them."""
    points = {direction: list(_points(traffic, account, direction)) for direction in (RX, TX)}
    seconds = max(1, traffic.end - traffic.start)
    found = {}
    for direction, its in points.items():
        volume, drops = _bytes(its), sum(point.dropped for point in its)
        found[f"sag {direction}Bytes"] = float(volume)
        found[f"sag {direction}Bit/s"] = _BITS * volume / seconds
        found[f"sag {direction}DropPackets"] = _MINUTE * drops / seconds
        found[f"sag {direction}BytesHour"] = float(_bytes([one for one in its if one.start >= traffic.end - HOUR]))
    return tuple(Metric(name, found[name]) for name in UNITS)


def _points(traffic: Traffic, account: str, direction: str) -> Iterator[Point]:
    for device in traffic.devices:
        name, _, its = device.serial_number.rpartition(" ")
        if its == direction and account in ("", name):
            yield from device.points


def _bytes(points: Sequence[Point]) -> int:
    return sum(point.received_bytes + point.sent_bytes for point in points)
