"""The benchmarks' programs find their modules beside themselves; tests have to be told where."""

from __future__ import annotations

import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench"

sys.path[:0] = [str(BENCH), str(BENCH / "testbed")]
