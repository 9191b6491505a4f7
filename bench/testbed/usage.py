"""What a dataplane costs: processor time and memory, as /proc tells it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_BUSY = (0, 1, 2, 5, 6)  # of a line "cpu" in /proc/stat: user, nice, system, irq, softirq; proc(5)


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of processor time: of the dataplanes at both ends, and of the whole machine."""

    dataplane: float
    machine: float

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.dataplane - earlier.dataplane, self.machine - earlier.machine)


def usage(roots: Collection[int]) -> Usage:
    """What the processes and all below them have used until now."""
    first, *_ = Path("/proc/stat").read_text().splitlines()
    fields = first.split()[1:]
    machine = sum(int(fields[index]) for index in _BUSY) / _TICKS
    return Usage(sum(_seconds(pid) for pid in with_descendants(roots)), machine)


def memory(roots: Collection[int]) -> int:
    """Bytes of the processes and all below them: what they share is divided between them (PSS)."""
    return sum(_from_smaps(pid, "Pss") for pid in with_descendants(roots))


def memory_of_one(pid: int) -> int:
    """Bytes of one process, none of those below it."""
    return _from_smaps(pid, "Pss")


def own_memory(roots: Collection[int]) -> int:
    """Bytes that the processes and all below them made themselves. What others on the machine do changes nothing."""
    return sum(_from_smaps(pid, "Anonymous") for pid in with_descendants(roots))


def exact_seconds(roots: Collection[int]) -> float:
    """Seconds of processor time of the processes and all below them, to the nanosecond; the kernel's sched-stats.rst."""
    tasks = (task for pid in with_descendants(roots) for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def with_descendants(roots: Iterable[int]) -> list[int]:
    found: list[int] = []
    for pid in roots:
        found.append(pid)
        for task in Path(f"/proc/{pid}/task").iterdir():
            found.extend(with_descendants(map(int, (task / "children").read_text().split())))
    return found


def _seconds(pid: int) -> float:
    """User and system time of a process with all its threads, and of children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS  # utime, stime, cutime, cstime; proc(5) counts from 1 and from the pid


def _from_smaps(pid: int, field: str) -> int:
    """A field of the sum over all of a process's mappings, in bytes; proc(5)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
