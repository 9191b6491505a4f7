"""The processes of a lab that is up, as its host sees them."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.supervisor.client import Client

_ENDS_WITHIN = 20.0  # seconds; a busy machine takes its time


@dataclass(frozen=True)
class Process:
    """`role` is what it is to the lab: holder, init, supervisor, node, warm parent, dataplane, line,
    controller, callers, or other."""

    pid: int
    role: str

    def kill(self) -> None:
        """And wait until it has ended."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return  # by itself
        try:
            os.kill(self.pid, signal.SIGKILL)
            assert select.select([pidfd], [], [], _ENDS_WITHIN)[0], self
        finally:
            os.close(pidfd)


def processes(client: Client) -> list[Process]:
    """All of a lab."""
    holder, supervisor = client.info().pid, client.supervisor
    namespace = (Path("/proc") / str(supervisor) / "ns" / "pid").readlink()
    inside = dict(_inside(str(namespace)))
    found = [Process(holder, "holder")]
    for pid, (parent, command) in inside.items():
        found.append(Process(pid, _role(pid, parent, command, supervisor=supervisor, holder=holder)))
    return found


def _role(pid: int, parent: int, command: str, *, supervisor: int, holder: int) -> str:
    if pid == supervisor:
        return "supervisor"
    if parent == holder:
        return "init"
    if "mininet:" in command:
        return "node"
    if "lab.emulation.line" in command:
        return "line"
    if "lab.emulation.home" in command:
        return "controller" if parent == supervisor else "callers"
    if "lab.emulation.warm" in command:
        return "warm parent" if parent == supervisor else "dataplane"
    return "other"


def _inside(namespace: str) -> Iterator[tuple[int, tuple[int, str]]]:
    """The processes of a PID namespace, with their parents and command lines."""
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            if str((path / "ns" / "pid").readlink()) == namespace:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                yield int(path.name), (parent, (path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended meanwhile
