"""The command `saglab`, run by a test."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from lab.cli import main

SAGLAB = str(Path(sys.executable).parent / "saglab")


def saglab(*arguments: str, status: int = 0) -> str:
    """What the command wrote, run in this process; it must end with this status."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        patch.setattr("sys.argv", ["saglab", *arguments])
        assert main(arguments) == status, (arguments, out.getvalue(), err.getvalue())
    return out.getvalue() + err.getvalue()


def saglab_json(*arguments: str, status: int = 0) -> Any:
    return json.loads(saglab(*arguments, "--json", status=status))


def saglab_process(*arguments: str, status: int = 0, stdin: str = "") -> str:
    """The same in a process of its own, for what becomes another program or stays behind."""
    done = subprocess.run([SAGLAB, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr
