"""What passed a gateway in a window of time: an answer to who asks."""

from __future__ import annotations

from dataclasses import dataclass

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket: it begins at `start`, in seconds since 1970, and holds what was counted in `seconds` of watching."""

    start: int
    seconds: float
    received_bytes: int
    sent_bytes: int
    dropped: int

    @property
    def received_rate(self) -> float:
        """In bit/s, while it was watched."""
        return 8 * self.received_bytes / self.seconds

    @property
    def sent_rate(self) -> float:
        """In bit/s, while it was watched."""
        return 8 * self.sent_bytes / self.seconds

    @property
    def drops_per_minute(self) -> float:
        return _MINUTE * self.dropped / self.seconds


@dataclass(frozen=True, slots=True)
class DeviceTraffic:
    """The points of a device in the order of time. Where nobody watched there is none."""

    serial_number: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """`start` and `end` are in seconds since 1970, `resolution` is the length of a bucket in seconds."""

    smart_ag_id: str
    start: int
    end: int
    resolution: int
    devices: tuple[DeviceTraffic, ...]

    @property
    def points(self) -> tuple[Point, ...]:
        """Those of the gateway: what its devices carried together, watched for as long as the one that was longest."""
        buckets: dict[int, list[Point]] = {}
        for device in self.devices:
            for point in device.points:
                buckets.setdefault(point.start, []).append(point)
        return tuple(_together(start, points) for start, points in sorted(buckets.items()))


def _together(start: int, points: list[Point]) -> Point:
    return Point(
        start,
        max(point.seconds for point in points),
        sum(point.received_bytes for point in points),
        sum(point.sent_bytes for point in points),
        sum(point.dropped for point in points),
    )
