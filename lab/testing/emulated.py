"""A network of namespaces and real packets, brought up for the tests of a session, and gone when it ends. Needs root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.connection import Connection
from lab.errors import MachineError
from lab.explanation import Question
from lab.supervisor.client import Client
from lab.testing.network import Answer, Network

_COMMAND = (sys.executable, "-P", "-c", "import sys; from lab.command import main; sys.exit(main())")
_UNUSABLE = 2  # `saglab up`: 0 all is as expected, 1 something is not, which is what tests are to find; 2 it is not up


class EmulatedNetwork(Network):
    """Tests of the same network share it: what one changes, it puts back."""

    def __init__(self, name: str) -> None:
        self.connection = Connection(name)
        self.aws = self.connection.aws
        self.alibaba = self.connection.alibaba

    def ask(self, question: Question) -> Answer:
        """Sends the packet, and explains what was to become of it."""
        traced = self.connection.trace(question)
        drop = json.loads(traced.json)["drop"]
        return Answer(traced.reaches, drop["code"] if drop else "", traced.text, traced.agrees)


class Labs:
    """The labs that a session of tests has brought up, by source and steps left out. Each process has its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._up: dict[tuple[str, tuple[str, ...]], EmulatedNetwork] = {}
        self._names: list[str] = []

    def get(self, source: str, skip: Sequence[str]) -> EmulatedNetwork:
        """Raises MachineError when it cannot be brought up."""
        key = source, tuple(skip)
        if key not in self._up:
            self._up[key] = EmulatedNetwork(self._bring_up(source, skip))
        return self._up[key]

    def _bring_up(self, source: str, skip: Sequence[str]) -> str:
        name = f"pytest-{os.getpid()}-{len(self._names)}"
        left_out = [word for step in skip for word in ("--skip", step)]
        line = [*_COMMAND, "up", source, "--name", name, "--state", str(self._directory / name), *left_out]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode >= _UNUSABLE or done.returncode < 0:
            raise MachineError(f"the network of {source} did not come up:\n{done.stderr or done.stdout}")
        self._names.append(name)
        return name

    def close(self) -> None:
        """End them all."""
        for name in self._names:
            Client(name).down()
        self._names.clear()
        self._up.clear()
