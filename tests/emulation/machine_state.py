"""Everything of a machine that a lab could leave behind, as one value that can be compared."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

COMMANDS = {
    "links": ["ip", "-o", "link", "show"],
    "addresses": ["ip", "-o", "address", "show"],
    "routes": ["ip", "route", "show", "table", "all"],
    "rules": ["ip", "rule", "show"],
    "named_namespaces": ["ip", "netns", "list"],
    "nft": ["nft", "list", "ruleset"],
}
VOLATILE = ("nf_conntrack_count",)  # parameters that are counts, not settings


@dataclass(frozen=True)
class MachineState:
    """What is there: text of each kind, a line for each thing."""

    processes: frozenset[str]
    namespaces: frozenset[str]
    mounts: frozenset[str]
    files: frozenset[str]
    sysctls: frozenset[str]
    links: frozenset[str]
    addresses: frozenset[str]
    routes: frozenset[str]
    rules: frozenset[str]
    named_namespaces: frozenset[str]
    nft: frozenset[str]

    def difference(self, other: MachineState) -> dict[str, tuple[list[str], list[str]]]:
        """For each kind that differs, what only this one has and what only the other one has."""
        pairs = {field.name: (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)}
        return {kind: (sorted(ours - theirs), sorted(theirs - ours)) for kind, (ours, theirs) in pairs.items() if ours != theirs}


def machine_state(directories: Iterable[Path]) -> MachineState:
    """The state of the machine as this process sees it, with the files below `directories`. Its own commands do not count."""
    outputs = {kind: frozenset(_run(command)) for kind, command in COMMANDS.items()}
    return MachineState(
        processes=running_processes(),
        namespaces=frozenset(_namespaces()),
        mounts=frozenset(Path("/proc/self/mountinfo").read_text().splitlines()),
        files=frozenset(str(path) for directory in directories for path in directory.rglob("*")),
        sysctls=frozenset(_sysctls()),
        **outputs,
    )


def running_processes() -> frozenset[str]:
    """A line for each process but this one."""
    return frozenset(_processes())


def processes_named(name: str) -> list[int]:
    """The ids of the processes that run a program."""
    return [int(path.name) for path in _process_directories() if _read(path / "comm") == f"{name}\n"]


def _run(command: list[str]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _process_directories() -> Iterator[Path]:
    return (path for path in Path("/proc").iterdir() if path.name.isdigit())


def _processes() -> Iterator[str]:
    for path in _process_directories():
        if int(path.name) != os.getpid():
            stat = _read(path / "stat")
            if stat:
                yield f"{path.name} {stat.split('(')[1].split(')')[0]} {_read(path / 'cmdline')[:200]}"


def _namespaces() -> Iterator[str]:
    for path in _process_directories():
        for name in ("net", "mnt", "pid", "ipc", "uts"):
            try:
                yield str((path / "ns" / name).readlink())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended meanwhile


def _sysctls() -> Iterator[str]:
    for path in Path("/proc/sys/net").rglob("*"):
        if path.is_file() and os.access(path, os.R_OK) and path.name not in VOLATILE and path.stat().st_mode & 0o444:
            yield f"{path} = {_read(path)}"


def _read(path: Path) -> str:
    """A file's text; nothing where its process ended or the kernel does not show it."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
