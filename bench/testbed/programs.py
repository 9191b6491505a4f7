"""The programs of this directory that run on a node of the path, and a gateway that is asked something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path as File
from typing import Any

from dataplane.control import request
from lab.emulation.machine import Machine
from lab.errors import MachineError
from testbed.path import Path

PATIENCE = 30.0  # seconds for an answer of a gateway that is busy


class Program:
    """A started program. It ends with its node."""

    def __init__(self, node: Machine, name: str, *arguments: object) -> None:
        command = [sys.executable, str(File(__file__).with_name(f"{name}.py")), *map(str, arguments)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process: subprocess.Popen[bytes] = node.popen(command, **pipes)

    def is_over(self) -> bool:
        return self._process.poll() is not None

    def line(self) -> bytes:
        """The next line that it prints. Raises MachineError when there is none."""
        assert self._process.stdout is not None  # noqa: S101 - made with pipes
        line: bytes = self._process.stdout.readline()
        return line or self._fail()

    def tell(self, message: object) -> None:
        """Write a line to it."""
        assert self._process.stdin is not None  # noqa: S101 - made with pipes
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """End its input, wait for its end, and read its last line. Raises MachineError."""
        output, errors = self._process.communicate()
        lines = output.splitlines()
        if self._process.returncode or not lines:
            raise MachineError(f"a program on the path failed: {errors.decode(errors='replace').strip()}")
        result: dict[str, Any] = json.loads(lines[-1])
        return result

    def _fail(self) -> bytes:
        _, errors = self._process.communicate()
        raise MachineError(f"a program on the path ended: {errors.decode(errors='replace').strip()}")


def ask(path: Path, gateway: Machine, **message: Any) -> dict[str, Any]:
    """Ask a gateway of ours something over its control socket."""
    return request(path.directory(gateway) / "control", timeout=PATIENCE, **message)
