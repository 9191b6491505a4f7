"""Where a lab's supervisor is spoken to: an abstract UNIX socket, which leaves no file, for root alone.

Anyone may give a socket such a name, so both sides ask the kernel who is behind the other end.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from lab.errors import MachineError, UsageError

_PREFIX = "saglab/"
_BACKLOG = 64
_ROOT = 0
_ACCEPTS = 1 << 16  # __SO_ACCEPTCON of linux/net.h, in the flags of /proc/net/unix
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


class NoSuchLab(UsageError):
    """No lab of this name is up."""


class LabEnded(MachineError):
    """A lab that was up has ended before it answered."""


class NameTaken(UsageError):
    """A lab of this name is up already."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end. `pid` is as this process sees it, 0 when it does not see it."""

    pid: int
    uid: int


def check_name(name: str) -> str:
    """Raises UsageError for what cannot be the name of a lab."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a lab: up to 31 small letters, digits and dashes, not a dash first")
    return name


def listen(name: str) -> socket.socket:
    """The door of a new lab. Raises NameTaken."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(_address(name))
    except OSError as error:
        listener.close()
        raise NameTaken(f"a lab called {name} is up already") from error
    listener.listen(_BACKLOG)
    return listener


def connect(name: str, timeout: float | None) -> socket.socket:
    """A connection to a lab's supervisor. Raises NoSuchLab, and MachineError when it is not root's."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(_address(name))
    except OSError as error:
        connection.close()
        raise NoSuchLab(f"no lab called {name} is up; `saglab list` shows those that are") from error
    peer = peer_of(connection)
    if peer.uid not in (_ROOT, os.geteuid()):
        connection.close()
        raise MachineError(f"the lab called {name} belongs to user {peer.uid}, not to root")
    return connection


def is_admitted(connection: socket.socket) -> bool:
    """Whether the process at the other end may do everything here: it equals root on this machine."""
    return peer_of(connection).uid == _ROOT


def peer_of(connection: socket.socket) -> Peer:
    """Who made the other end (unix(7), SO_PEERCRED)."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return Peer(pid, uid)


def living() -> list[str]:
    """The names of all labs that are up in this network namespace."""
    rows = [line.split(maxsplit=7) for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    doors = [row[7] for row in rows if len(row) == 8 and int(row[3], 16) & _ACCEPTS]
    return sorted({door.removeprefix(f"@{_PREFIX}") for door in doors if door.startswith(f"@{_PREFIX}")})


def _address(name: str) -> str:
    return f"\0{_PREFIX}{check_name(name)}"
