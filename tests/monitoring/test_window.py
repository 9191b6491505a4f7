"""How far back is looked, and how finely."""

from __future__ import annotations

import argparse
import inspect
from datetime import datetime

import pytest

from lab.cli import monitor
from lab.connection import Connection
from lab.errors import UsageError
from lab.monitoring import Window
from lab.monitoring.window import KEPT, MOST_POINTS

CASES = {
    "1min": Window(60, 10),
    "1h": Window(3600, 10),
    "2h": Window(7200, 10),
    "3h": Window(3 * 3600, 60),
    "6h": Window(6 * 3600, 60),
    "12h": Window(12 * 3600, 60),
    "90min": Window(5400, 10),
    "24h": Window(86400, 600),
    "2d": Window(2 * 86400, 600),
    "30d": Window(30 * 86400, 600),
}


@pytest.mark.requirement("S2-127")
@pytest.mark.parametrize(("text", "window"), CASES.items(), ids=CASES.keys())
def test_a_window(text: str, window: Window) -> None:
    assert Window.of(text) == window
    assert window.seconds <= KEPT[window.resolution]
    assert window.seconds <= MOST_POINTS * window.resolution or window.resolution == max(KEPT)


NOW = datetime(2026, 11, 22, 12).timestamp()


@pytest.mark.requirement("S2-127")
@pytest.mark.parametrize(
    ("text", "seconds", "resolution"),
    [
        ("2026-11-22T10:30/2026-11-22T11:30", 3600, 10),
        ("2026-11-22T09:00/2026-11-22T10:00", 3600, 60),
        ("2026-11-20 09:00 / 2026-11-20 10:00", 3600, 600),
        ("2026-11-01T00:00/2026-11-22T00:00", 21 * 86400, 600),
    ],
)
def test_a_window_between_two_moments(text: str, seconds: int, resolution: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    end = int(datetime.fromisoformat(text.partition("/")[2].strip()).timestamp())
    assert Window.of(text) == Window(seconds, resolution, end)


@pytest.mark.requirement("S2-127")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-11-22T11:00/2026-11-22T10:00", id="the end first"),
        pytest.param("2026-11-22T11:00/2026-11-22T11:00", id="no time at all"),
        pytest.param("2026-10-01T11:00/2026-11-22T11:00", id="longer ago than is kept"),
        pytest.param("2026-11-22T11:00/", id="no end"),
        pytest.param("yesterday/today", id="no moments"),
    ],
)
def test_moments_that_are_no_window(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    with pytest.raises(UsageError, match="is no window"):
        Window.of(text)


@pytest.mark.requirement("S2-126")
def test_without_a_window_it_is_the_last_hour() -> None:
    assert inspect.signature(Connection.traffic).parameters["window"].default == "1h"
    parser = argparse.ArgumentParser()
    monitor.add_verbs(parser.add_subparsers())
    assert parser.parse_args(["monitor", "staff"]).window == "1h"
    assert Window.of("1h").seconds == 3600


@pytest.mark.parametrize("text", ["", "h", "3", "3 hours", "-1h", "0h", "59s", "31d", "1e3s", "99999999d"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no window"):
        Window.of(text)
