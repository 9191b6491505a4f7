"""How far back is looked, and how finely."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(("text", "window"), CASES.items(), ids=CASES.keys())
def test_a_window(text: str, window: Window) -> None:
    assert Window.of(text) == window
    assert window.seconds <= KEPT[window.resolution]
    assert window.seconds <= MOST_POINTS * window.resolution or window.resolution == max(KEPT)


@pytest.mark.parametrize("text", ["", "h", "3", "3 hours", "-1h", "0h", "59s", "31d", "1e3s", "99999999d"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no window"):
        Window.of(text)
