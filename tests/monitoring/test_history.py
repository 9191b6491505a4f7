"""Traffic that is kept: added up, made coarser, forgotten, and still there after the lab."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lab.monitoring import Counters, Device, History, HistoryError, Point, Traffic, Window
from lab.monitoring.window import KEPT

BEGIN = 1_800_000_000  # a moment that begins a bucket of every length
VCPE, STANDBY, OTHER = Device("sag-1", "sn-1"), Device("sag-1", "sn-2"), Device("sag-2", "sn-3")
HOUR, HALF_DAY, MONTH = Window.of("1h"), Window.of("12h"), Window.of("30d")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traffic.db"


def filled(path: Path, seconds: int, device: Device = VCPE) -> History:
    """A reading each second, of 100 bytes received and 10 sent."""
    history = History(path)
    for second in range(seconds):
        history.add(device, Counters(100, 10), now=BEGIN + second, seconds=1.0)
    return history


def test_readings_of_a_bucket_are_added_up(path: Path) -> None:
    traffic = filled(path, 25).traffic("sag-1", HOUR, now=BEGIN + 25)
    (device,) = traffic.devices
    assert device.serial_number == "sn-1"
    assert device.points == (
        Point(BEGIN, 10.0, 1000, 100, 0),
        Point(BEGIN + 10, 10.0, 1000, 100, 0),
        Point(BEGIN + 20, 5.0, 500, 50, 0),
    )
    assert [point.received_rate for point in device.points] == [800.0] * 3
    assert device.points[0].sent_rate == 80.0


def test_who_asks_in_the_middle_of_a_bucket_changes_nothing(path: Path) -> None:
    history = filled(path, 5)
    history.traffic("sag-1", HOUR, now=BEGIN + 5)
    history.add(VCPE, Counters(100, 10), now=BEGIN + 5, seconds=1.0)
    (device,) = history.traffic("sag-1", HOUR, now=BEGIN + 6).devices
    assert device.points == (Point(BEGIN, 6.0, 600, 60, 0),)


COARSER = {"a minute": (HALF_DAY, Point(BEGIN, 60.0, 6000, 600, 0)), "ten": (MONTH, Point(BEGIN, 90.0, 9000, 900, 0))}


@pytest.mark.parametrize(("window", "point"), COARSER.values(), ids=COARSER.keys())
def test_coarser_buckets_hold_the_sums_of_finer_ones(path: Path, window: Window, point: Point) -> None:
    traffic = filled(path, 90).traffic("sag-1", window, now=BEGIN + 90)
    assert (traffic.resolution, traffic.devices[0].points[0]) == (window.resolution, point)


def test_drops_of_both_ends_count(path: Path) -> None:
    history = History(path)
    history.add(VCPE, Counters(0, 0, 3, 2), now=BEGIN, seconds=10.0)
    (point,) = history.traffic("sag-1", HOUR, now=BEGIN).points
    assert (point.dropped, point.drops_per_minute) == (5, 30.0)


def test_a_gateway_is_its_devices_together_and_no_other(path: Path) -> None:
    history = History(path)
    for device, received in ((VCPE, 100), (STANDBY, 20), (OTHER, 7)):
        history.add(device, Counters(received), now=BEGIN, seconds=1.0)
    traffic = history.traffic("sag-1", HOUR, now=BEGIN)
    received = {device.serial_number: device.points[0].received_bytes for device in traffic.devices}
    assert received == {"sn-1": 100, "sn-2": 20}
    assert traffic.points == (Point(BEGIN, 1.0, 120, 0, 0),)


def test_a_window_holds_what_lies_in_it(path: Path) -> None:
    history = filled(path, 30)
    later = BEGIN + HOUR.seconds + 15
    assert [point.start for point in history.traffic("sag-1", HOUR, now=later).points] == [BEGIN + 10, BEGIN + 20]
    assert history.traffic("sag-1", HOUR, now=BEGIN - 1).points == ()


@pytest.mark.parametrize("length", KEPT)
def test_what_is_old_is_forgotten(path: Path, length: int) -> None:
    history = filled(path, 5)
    history.add(VCPE, Counters(1), now=BEGIN + KEPT[length] + 2 * length, seconds=1.0)
    history.close()
    starts = sqlite3.connect(path).execute("SELECT start FROM traffic WHERE resolution = ?", (length,)).fetchall()
    assert [start - BEGIN for (start,) in starts] == [KEPT[length] + 2 * length]


def test_it_outlives_the_lab(path: Path) -> None:
    filled(path, 25).close()
    again = History(path)
    again.add(VCPE, Counters(1), now=BEGIN + 40, seconds=1.0)
    traffic: Traffic = again.traffic("sag-1", HOUR, now=BEGIN + 40)
    assert [point.start - BEGIN for point in traffic.points] == [0, 10, 20, 40]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_history_is_begun_anew(path: Path) -> None:
    path.write_text("no database at all, but long enough to look like the beginning of something else" * 10)
    assert filled(path, 5).traffic("sag-1", HOUR, now=BEGIN + 5).points != ()


def test_no_place_to_write_is_told(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="traffic cannot be kept in"):
        History(tmp_path / "nowhere" / "traffic.db")


def test_a_bucket_that_cannot_be_written_is_lost_and_the_next_is_not(path: Path) -> None:
    history = filled(path, 5)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("ALTER TABLE traffic RENAME TO hidden")
    with pytest.raises(HistoryError, match="cannot be written down"):
        history.write()
    other.execute("ALTER TABLE hidden RENAME TO traffic")
    history.add(VCPE, Counters(7), now=BEGIN + 10, seconds=1.0)
    assert history.traffic("sag-1", HOUR, now=BEGIN + 10).points == (Point(BEGIN + 10, 1.0, 7, 0, 0),)
