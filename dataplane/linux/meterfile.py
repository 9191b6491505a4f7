"""The file for the meters: opened by the agent, mapped by the worker."""

from __future__ import annotations

import fcntl
import mmap
import os

from dataplane.errors import LocalError
from dataplane.meters import FILE_LENGTH, Meters, MetersError

OWNER_ONLY = 0o600
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def open_meters(path: str | None) -> int:
    """A descriptor of the file, which is made if it is not there, and is this process's and its worker's alone.

    Raises MetersError.
    """
    if path is None:
        raise MetersError("no file for the meters is in the configuration")
    try:
        descriptor = os.open(path, _FLAGS, OWNER_ONLY)
    except OSError as error:
        raise MetersError(f"file for the meters {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(descriptor).st_size:
            os.ftruncate(descriptor, FILE_LENGTH)
    except OSError as error:
        os.close(descriptor)
        why = "another process counts in it" if isinstance(error, BlockingIOError) else error.strerror
        raise MetersError(f"file for the meters {path}: {why}") from error
    return descriptor


def map_meters(descriptor: int) -> Meters:
    """The file's bytes are this process's memory from now on; `descriptor` stays open, for the lock is with it.

    Raises LocalError.
    """
    try:
        return Meters(memoryview(mmap.mmap(descriptor, 0)))
    except (OSError, ValueError) as error:
        raise LocalError(f"the file for the meters cannot be mapped: {error}") from error
