"""Attributes of network devices, in a view of sysfs that shows the network devices of this process's namespace and no others.

What is mounted on /sys shows those of the namespace that it was mounted in: within a lab's node that would be the host's. So one
is made that is mounted nowhere: fsopen(2), fsmount(2).
"""

from __future__ import annotations

import ctypes
import os
from typing import TextIO

# The numbers of these calls are the same on every architecture but Alpha: asm-generic/unistd.h
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOEXEC = 1
_CONFIG_CREATE = 6  # linux/mount.h

_libc = ctypes.CDLL(None, use_errno=True)


def read_attribute(interface: str, name: str) -> str:
    """Raises OSError."""
    with _open(interface, name, os.O_RDONLY) as file:
        return file.read()


def write_attribute(interface: str, name: str, value: str) -> None:
    """Raises OSError."""
    with _open(interface, name, os.O_WRONLY) as file:
        file.write(value)


def _open(interface: str, name: str, flags: int) -> TextIO:
    root = _mount()
    try:
        descriptor = os.open(f"class/net/{interface}/{name}", flags | os.O_CLOEXEC, dir_fd=root)
    finally:
        os.close(root)
    return os.fdopen(descriptor, "r" if flags == os.O_RDONLY else "w", encoding="ascii")


def _mount() -> int:
    """A descriptor of its root directory."""
    context = _call(_FSOPEN, b"sysfs", _CLOEXEC)
    try:
        _call(_FSCONFIG, context, _CONFIG_CREATE, None, None, 0)
        return _call(_FSMOUNT, context, _CLOEXEC, 0)
    finally:
        os.close(context)


def _call(number: int, *arguments: int | bytes | None) -> int:
    result = _libc.syscall(ctypes.c_long(number), *(_word(argument) for argument in arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return int(result)


def _word(argument: int | bytes | None) -> ctypes.c_long | ctypes.c_char_p:
    """A variadic call takes each argument as a whole word."""
    return ctypes.c_long(argument) if isinstance(argument, int) else ctypes.c_char_p(argument)
