"""A node's network namespace, seen from the supervisor: do something inside it, or keep a socket into it."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.emulation.descriptors import aside
from lab.emulation.rtnetlink import RouteSocket

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class NetworkNamespace:
    """The network namespace of the process `pid`, held open by a file descriptor until `close`."""

    def __init__(self, pid: int) -> None:
        self.fd = aside(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        with self.inside():
            self.kernel = RouteSocket()  # a socket belongs for ever to the namespace it was made in
        self._netlink: Any = None

    @property
    def netlink(self) -> Any:
        """pyroute2's IPRoute, for what `kernel` does not know. Made when first asked for: importing it alone takes long."""
        if self._netlink is None:
            from pyroute2.iproute.linux import IPRoute

            with self.inside():
                self._netlink = IPRoute()
        return self._netlink

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Move the calling thread into the namespace, and back."""
        with inside(self.fd):
            yield

    def set_sysctls(self, values: dict[str, str | int]) -> None:
        """Write kernel parameters, named by their path below /proc/sys/net. Raises OSError."""
        with self.inside():
            for path, value in values.items():
                Path("/proc/sys/net", path).write_text(str(value))

    def close(self) -> None:
        if self._netlink is not None:
            self._netlink.close()
        self.kernel.close()
        os.close(self.fd)


@contextmanager
def inside_network(pid: int) -> Iterator[None]:
    """Move the calling thread into the network namespace of a process, and back: a socket made there stays there."""
    there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        with inside(there):
            yield
    finally:
        os.close(there)


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """Move the calling thread into the network namespace of that descriptor, and back."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(namespace)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def bound_socket(pid: int, address: str) -> socket.socket:
    """A TCP socket in the network namespace of a process, to be connected from an address. Raises OSError."""
    with inside_network(pid):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        made.bind((address, 0))
    except OSError:
        made.close()
        raise
    return made


def enter_node(pid: int) -> None:
    """Move this process, which has one thread, to where `pid` is: its network, its mounts, its root and its directory.

    Raises OSError.
    """
    places = {name: os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in ("ns/net", "ns/mnt", "root", "cwd")}
    _setns(places["ns/net"])
    _setns(places["ns/mnt"], _CLONE_NEWNS)
    os.fchdir(places["root"])
    os.chroot(".")
    os.fchdir(places["cwd"])
    for descriptor in places.values():
        os.close(descriptor)


def _setns(fd: int, kind: int = _CLONE_NEWNET) -> None:
    if _libc.setns(fd, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
