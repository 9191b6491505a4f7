"""What a command has loaded before it does anything: little, for everybody waits for that."""

from __future__ import annotations

import subprocess
import sys

OURS = ("lab.cloud", "lab.session", "lab.compiler", "lab.files.")
OTHERS = ("pydantic", "yaml", "argon2", "scapy", "numpy", "uvicorn")


def test_the_command_line_loads_neither_the_clouds_nor_what_is_heavy() -> None:
    program = "import sys, lab.cli; from lab.cli import command_line; command_line.parser_of_all(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if name.startswith(OURS + OTHERS)] == []
