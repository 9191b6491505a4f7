"""What bench/bandwidth.py makes of its figures."""

from __future__ import annotations

import pytest

from bandwidth import NONE, Line


@pytest.mark.parametrize(
    ("line", "passed"),
    [
        pytest.param(Line(2, 300, "UDP", "out", [291.0, 300.0, 250.0], [True] * 3), True, id="the median is 3 % less"),
        pytest.param(Line(2, 300, "UDP", "out", [290.9], [True]), False, id="more than 3 % less"),
        pytest.param(Line(2, 10, "UDP", "in", [10.4], [True]), False, id="more than was bought"),
        pytest.param(Line(2, 100, "TCP", "in", [95.5], [True]), True, id="within 5 % for TCP"),
        pytest.param(Line(2, 100, "TCP", "out", [96.0], [False]), True, id="TCP that sends no more"),
        pytest.param(Line(2, 100, "TCP", "in", [94.5], [True]), False, id="too little for TCP"),
        pytest.param(Line(2, 100, "UDP", "out", [100.0, 100.0], [True, False]), False, id="something else held it back"),
        pytest.param(Line(2, NONE, "UDP", "out", [300.0], [False]), True, id="the promise is kept"),
        pytest.param(Line(2, NONE, "UDP", "out", [299.0], [False]), False, id="the promise is not kept"),
        pytest.param(Line(1, NONE, "UDP", "out", [210.0], [False]), None, id="one core is shown"),
        pytest.param(Line(2, NONE, "TCP", "out", [900.0], [False]), None, id="TCP without a limit is shown"),
    ],
)
def test_verdicts(line: Line, passed: bool | None) -> None:
    assert line.passed is passed
