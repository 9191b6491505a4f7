"""The files of the key log, which nobody but their owner can read."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from dataplane.errors import LocalError
from dataplane.keylog import Table

OWNER_ONLY = 0o600
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class KeyLogError(LocalError):
    """The key log cannot be written where it is wanted."""


def open_table(directory: str | None, table: Table) -> int:
    """A descriptor that appends to a table in the directory, which is there already. Raises KeyLogError."""
    if directory is None:
        raise KeyLogError("no key log was asked for")
    path = Path(directory, table)
    try:
        descriptor = os.open(path, _FLAGS, OWNER_ONLY)
    except OSError as error:
        raise KeyLogError(f"key log {path}: {error.strerror}") from error
    try:
        _require_private(path, os.fstat(descriptor))
    except KeyLogError:
        os.close(descriptor)
        raise
    return descriptor


def _require_private(path: Path, found: os.stat_result) -> None:
    """A file that was there before may be somebody else's, or open to others."""
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & ~OWNER_ONLY & 0o777:
        raise KeyLogError(f"key log {path}: is there already, and not a file that its owner alone may read; remove it")


class KeyFiles:
    """The open tables. Several dataplanes may append to the same files: a row is one write."""

    def __init__(self, descriptors: Mapping[Table, int]) -> None:
        self._descriptors = descriptors
        self._broken = False

    def write(self, table: Table, row: str) -> None:
        """Append a row. When that fails it is said once: packets are worth more than a log of their keys."""
        try:
            os.write(self._descriptors[table], row.encode() + b"\n")
        except OSError as error:
            if not self._broken:
                print(f"dataplane: key log {table}: {error.strerror}; it lacks keys from now on", file=sys.stderr, flush=True)
            self._broken = True
