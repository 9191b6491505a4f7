"""What is left of dead labs, and its removal: only what bears a lab's id, and only when that lab is known to be dead.

A lab ends whole by itself, so there should be nothing. What can remain are processes that entered its nodes from outside and
keep a namespace, and the state of labs that were killed.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.emulation.identity import VARIABLE, LabId
from lab.errors import MachineError

_ENDS_WITHIN = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Remains:
    """A process of a dead lab."""

    lab: str
    pid: int
    command: str


def remains() -> list[Remains]:
    """The processes of labs that are dead, as this PID namespace sees them."""
    return [process for process, _ in _found()]


def remove_remains() -> list[Remains]:
    """End them, and return what was ended. Raises MachineError when one does not end."""
    ended = []
    for process, pidfd in _found(hold=True):
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            gone, _, _ = select.select([pidfd], [], [], _ENDS_WITHIN)
        except ProcessLookupError:
            continue  # by itself, meanwhile
        finally:
            os.close(pidfd)
        if not gone:
            raise MachineError(f"process {process.pid} of the dead lab {process.lab} does not end: {process.command}")
        ended.append(process)
    return ended


def _found(*, hold: bool = False) -> Iterator[tuple[Remains, int]]:
    """With `hold`, each comes with a handle by which no other process can be hit that gets its number later."""
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        try:
            handle = os.pidfd_open(int(path.name)) if hold else -1
        except OSError:
            continue  # it has ended
        lab = _lab_of(path)
        if lab is not None and lab.is_dead:
            yield Remains(lab.name, int(path.name), _command(path)), handle
        elif hold:
            os.close(handle)


def _lab_of(process: Path) -> LabId | None:
    prefix = f"{VARIABLE}=".encode()
    for entry in _read(process / "environ").split(b"\0"):
        if entry.startswith(prefix):
            return LabId.parse(entry.removeprefix(prefix).decode(errors="replace"))
    return None


def _command(process: Path) -> str:
    return _read(process / "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended, or is not ours to look into
