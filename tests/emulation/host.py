"""A host for a test: network, mounts, processes and temporary directories of its own, so that what a lab leaves is seen exactly.

Other tests and other labs on the same machine are not seen, and nothing that a test leaves there outlives it. All the rest of
the file system is read-only: nothing can be left in it at all.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.emulation.lab_process import LabProcess

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
# Where programs leave files; covered by fresh ones, but for one that this checkout lies in, which stays read-only.
_TEMPORARY = [Path(name) for name in ("/tmp", "/run", "/dev/shm", "/var/tmp")]  # noqa: S108
DIRECTORIES = tuple(directory for directory in _TEMPORARY if directory not in ROOT.parents)

_CLONE_NEWNET = 0x40000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND = 1, 32, 4096  # linux/mount.h
_libc = ctypes.CDLL(None, use_errno=True)


def on_host(function: Callable[[], T]) -> LabProcess[T]:
    """Start `function` on a host of its own."""

    def prepared() -> T:
        _check(_libc.unshare(_CLONE_NEWNET), "unshare")
        _mount(str(ROOT), str(ROOT), None, _MS_BIND)  # a mount of its own, wherever the checkout lies
        for place in ("/", str(ROOT)):
            _mount(None, place, None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY)
        os.chdir(ROOT)  # the old one lies below the new mount
        for directory in DIRECTORIES:
            _mount("tmpfs", str(directory), "tmpfs", 0)
        return function()

    return LabProcess(prepared)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind)]
    _check(_libc.mount(*encoded, ctypes.c_ulong(flags), None), f"mount on {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), what)
