"""Whose a thing is: processes of a lab bear its id in their environment, interfaces as their alias.

The id tells whether the lab still lives.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "SAGLAB_LAB"
_STARTED = 19  # the field of /proc/PID/stat after the command's name: ticks from boot to the start of the process, proc(5)


@dataclass(frozen=True, slots=True)
class LabId:
    """A lab is known by the process that holds it: `pid` in the PID namespace `namespace`, started at `started` (ticks)."""

    name: str
    namespace: int
    pid: int
    started: int

    @staticmethod
    def of_this_process(name: str) -> LabId:
        """The id of a lab that lives as long as the calling process does."""
        return LabId(name, _namespace(), os.getpid(), _started(os.getpid()) or 0)

    @staticmethod
    def parse(text: str) -> LabId | None:
        """None for what is no id."""
        name, *numbers = text.split(":")
        if len(numbers) != 3 or not all(number.isdigit() for number in numbers):
            return None
        return LabId(name, *map(int, numbers))

    def __str__(self) -> str:
        return f"{self.name}:{self.namespace}:{self.pid}:{self.started}"

    @property
    def is_dead(self) -> bool:
        """Whether its process is known to have ended; one of another PID namespace is not ours to judge."""
        return self.namespace == _namespace() and _started(self.pid) != self.started


def own_alias() -> str:
    """What an interface of the lab that this process belongs to is to bear as its alias: "saglab" and the lab's id."""
    return f"saglab {os.environ.get(VARIABLE, '')}".strip()


def _namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def _started(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[_STARTED])  # a zombie has ended
