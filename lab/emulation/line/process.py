"""A line that runs in a node, between two of its interfaces, which have no addresses: the node is the wire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from lab.emulation.machine import Machine
from lab.errors import MachineError
from lab.impairments import Both, format_impairments

CUT_UP = ("tso", "off", "tx-udp-segmentation", "off")
"""What both ends of the link need, as ethtool says it: else the line sees, and loses, many packets as one."""


class LineProcess:
    """Carries from the start on. It dies with the lab, with this object's `stop`, or when whoever holds it dies.

    `lifeline` is a descriptor that is readable once it has.
    """

    def __init__(self, machine: Machine, left: str, right: str, impairments: Both, seed: str) -> None:
        """The first direction is from `left` to `right`. Raises MachineError."""
        self._machine = machine
        command = [sys.executable, "-P", "-m", "lab.emulation.line", left, right, format_impairments(impairments), seed]
        self._process: subprocess.Popen[bytes] = machine.popen(command, stdin=subprocess.PIPE)
        self.lifeline = os.pidfd_open(self._process.pid)
        if self._answer() != b"ready\n":
            os.close(self.lifeline)
            said = self._process.communicate()[1].decode(errors="replace").strip()
            raise MachineError(f"the line in node {machine.name} did not start: {said}")

    @property
    def has_ended(self) -> bool:
        """Whether it has died, of whatever. Then only `stop` is of use."""
        return self._process.poll() is not None

    @property
    def pid(self) -> int:
        return self._process.pid

    def set(self, impairments: Both) -> None:
        """Change what it does, from the next frame on. Raises MachineError."""
        self._command(f"set {format_impairments(impairments)}")

    def counters(self) -> dict[str, dict[str, int]]:
        """What it did with the frames of each direction, "forth" and "back". Raises MachineError."""
        return self._command("counters")

    def stop(self) -> None:
        self._process.communicate()  # the end of its standard input is the end of it
        os.close(self.lifeline)

    def _command(self, text: str) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - made with a pipe
        try:
            self._process.stdin.write(f"{text}\n".encode())
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):  # the process has ended, or stop has closed the pipe
            raise MachineError(f"the line in node {self._machine.name} has ended") from None
        answer: dict[str, Any] = json.loads(self._answer() or b'{"error": "has ended"}')
        if "error" in answer:
            raise MachineError(f"the line in node {self._machine.name}: {answer['error']}")
        return answer

    def _answer(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - made with a pipe
        return self._process.stdout.readline()
