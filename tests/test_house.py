"""The house rules that a machine can check: ruff, mypy --strict, shellcheck."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CASES = {
    "ruff": [sys.executable, "-m", "ruff", "check", "."],
    "mypy": [sys.executable, "-m", "mypy", "--strict"],
    "shellcheck": [str(Path(sys.executable).parent / "shellcheck"), "saglab", ".ci/run"],
}


@pytest.mark.parametrize("command", CASES.values(), ids=CASES.keys())
def test_clean(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
