"""Descriptors of a large lab: five for each node, and some programs' libraries cannot take numbers from 1024 on.

select(2) cannot, and libnftables calls it; so what lives long is moved aside, and low numbers stay free.
"""

from __future__ import annotations

import fcntl
import os
import resource

FD_SETSIZE = 1024  # linux/posix_types.h
_ENOUGH = 1 << 16  # our choice: a lab of more than ten thousand nodes


def allow_many() -> None:
    """Let this process and its children have as many descriptors as a large lab needs, if the hard limit lets them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def aside(descriptor: int) -> int:
    """The same open file under a number that select(2) could not take, instead of this one; this one where numbers are scarce."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft <= 2 * FD_SETSIZE:
        return descriptor
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FD_SETSIZE)
    os.close(descriptor)
    return moved
