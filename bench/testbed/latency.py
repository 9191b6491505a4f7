"""Round trips from a to b, by ping."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from lab.errors import MachineError
from testbed.path import B, Path

_TIME = re.compile(r" time=([\d.]+) ms$", re.MULTILINE)


def round_trips(path: Path, *, count: int, interval: float) -> list[float]:
    """Milliseconds of each echo that came back, from `count` sent `interval` seconds apart. Raises MachineError when none did."""
    times = parse(path.a.run("ping", "-n", "-c", str(count), "-i", f"{interval:g}", "-W", "1", B))
    if not times:
        raise MachineError(f"none of {count} pings from a to b was answered")
    return times


def parse(output: str) -> list[float]:
    """Read the round trips that iputils' ping prints."""
    return [float(time) for time in _TIME.findall(output)]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
