"""Traffic kept in SQLite, in buckets: fine ones for hours, coarser ones for days.

What a device counted is added to its bucket of each length, so nothing has to be gathered up later. The buckets of the finest
length are filled in memory and written when they are full, or asked for: a crash loses what came since.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.monitoring.meter import Counters, Device
from lab.monitoring.traffic import DeviceTraffic, Point, Traffic
from lab.monitoring.window import KEPT, Window

_FINEST = min(KEPT)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS traffic (
    resolution INTEGER, smart_ag_id TEXT, serial_number TEXT, start INTEGER,
    seconds REAL, received_bytes INTEGER, sent_bytes INTEGER, dropped INTEGER,
    PRIMARY KEY (resolution, smart_ag_id, serial_number, start)
) WITHOUT ROWID
"""
_ADD = """
INSERT INTO traffic VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    seconds = seconds + excluded.seconds, received_bytes = received_bytes + excluded.received_bytes,
    sent_bytes = sent_bytes + excluded.sent_bytes, dropped = dropped + excluded.dropped
"""
_FIND = """
SELECT serial_number, start, seconds, received_bytes, sent_bytes, dropped FROM traffic
WHERE resolution = ? AND smart_ag_id = ? AND start > ? AND start <= ? ORDER BY serial_number, start
"""


class HistoryError(LabError):
    """What was counted could not be written down, or read."""


@dataclass
class _Filling:
    """What a device has counted in the bucket that is being filled."""

    seconds: float = 0.0
    counters: Counters = field(default_factory=Counters)


class History:
    """For one thread. Times are in seconds since 1970."""

    def __init__(self, path: Path) -> None:
        """Open the history, or begin one; what is no history is begun anew. Raises HistoryError when that is not possible."""
        self._start = 0
        self._filling: dict[Device, _Filling] = defaultdict(_Filling)
        try:
            self._database = _open(path)
        except (sqlite3.Error, OSError) as error:
            raise HistoryError(f"traffic cannot be kept in {path}: {error}") from error

    def add(self, device: Device, grown: Counters, *, now: float, seconds: float) -> None:
        """Take down what a device counted in the `seconds` before `now`. Raises HistoryError; that bucket is lost then."""
        start = _start_of(now, _FINEST)
        if start != self._start:
            self.write()
            self._start = start
        filling = self._filling[device]
        filling.seconds += seconds
        filling.counters += grown

    def traffic(self, smart_ag_id: str, window: Window, *, now: float) -> Traffic:
        """What passed a gateway in a window, which may end now. Raises HistoryError."""
        self.write()
        end = int(now) if window.end is None else window.end
        start = end - window.seconds
        try:
            rows = self._database.execute(_FIND, (window.resolution, smart_ag_id, start - window.resolution, end)).fetchall()
        except sqlite3.Error as error:
            raise HistoryError(f"the kept traffic cannot be read: {error}") from error
        points: dict[str, list[Point]] = {}
        for serial_number, *values in rows:
            points.setdefault(serial_number, []).append(Point(*values))
        devices = tuple(DeviceTraffic(serial_number, tuple(its)) for serial_number, its in points.items())
        return Traffic(smart_ag_id, start, end, window.resolution, devices)

    def write(self) -> None:
        """Write the bucket that is being filled, and forget those that are too old. Raises HistoryError; it is lost then."""
        filled, self._filling = self._filling, defaultdict(_Filling)
        if not filled:
            return
        try:
            with self._database:
                for length, kept in KEPT.items():
                    rows = [_row(length, self._start, device, filling) for device, filling in filled.items()]
                    self._database.executemany(_ADD, rows)
                    self._database.execute(
                        "DELETE FROM traffic WHERE resolution = ? AND start < ?", (length, self._start - kept - length)
                    )
        except sqlite3.Error as error:
            raise HistoryError(f"traffic cannot be written down: {error}") from error

    def close(self) -> None:
        """Raises HistoryError when the last of it could not be written."""
        try:
            self.write()
        finally:
            self._database.close()


def _row(length: int, start: int, device: Device, filling: _Filling) -> tuple[int, str, str, int, float, int, int, int]:
    counted = filling.counters
    return (
        length,
        device.smart_ag_id,
        device.serial_number,
        _start_of(start, length),
        filling.seconds,
        counted.received_bytes,
        counted.sent_bytes,
        counted.dropped,
    )


def _start_of(moment: float, length: int) -> int:
    return int(moment) - int(moment) % length


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # no file of another kind, but no place to write
            raise
        path.unlink()
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    """Not synced at each commit: a crash of the machine may lose the last buckets, and no call waits for the disk."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, isolation_level="IMMEDIATE")
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        with database:
            database.execute(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
