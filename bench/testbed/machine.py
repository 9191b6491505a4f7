"""The machine that figures were measured on, in words."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from lab.impairments import Both, format_impairments


def machine(cores: int = 0, line: Both | None = None) -> dict[str, str]:
    """`cores` is how many processors the dataplane of one gateway was given, `line` what w does to packets."""
    return {
        "processor": f"{_model()}, {os.cpu_count()} cores" + (f", {cores} for each gateway's dataplane" if cores else ""),
        "kernel": f"Linux {platform.release()}",
        "python": f"CPython {platform.python_version()}",
        **({"line": f"w is a wire with {format_impairments(line)} in each direction"} if line else {}),
    }


def _model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
