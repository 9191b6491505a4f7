"""How many of the machine's processors a process may run on: what an instance type is to a vCPE (decision 0030)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def confine(pid: int, cores: int, *, number: int) -> None:
    """Let a process, with all its threads, run on so many of the processors that this one may use.

    Which ones depends on `number`, so that several processes are spread over all. More than there are is no limit.
    """
    there = sorted(os.sched_getaffinity(0))
    if cores >= len(there):
        return
    chosen = {there[(number + place) % len(there)] for place in range(cores)}
    with suppress(ProcessLookupError, FileNotFoundError):  # who waits until it is ready will be told that it has died
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), chosen)
