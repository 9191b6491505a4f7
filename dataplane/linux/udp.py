"""The underlay: a UDP socket that ESP, its keepalives and IKE share (RFC 3948), and another of IKE alone."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address

from dataplane.errors import LocalError
from dataplane.packets import Buffer, Endpoint

# linux/in.h, asm-generic/socket.h; Python's socket module does not name them
_IP_MTU_DISCOVER = 10
_IP_PMTUDISC_DO = 2
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33

_ANCILLARY_LENGTH = socket.CMSG_SPACE(1)  # a TOS byte

BUFFER_SIZE = 4 * 1024 * 1024
"""Bytes of each socket buffer. Our choice: some 40 ms of a gigabit a second, so that a pause of the process loses nothing."""


class UnderlayError(LocalError):
    """The underlay's address and port cannot be had."""


class UnderlaySocket:
    """An open UDP socket that never blocks and never lets the kernel fragment what it sends."""

    def __init__(self, underlay: socket.socket) -> None:
        """Take over what `open_underlay` returned."""
        underlay.setblocking(False)  # a socket that came by its descriptor does not know it yet
        self._socket = underlay

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def receive_into(self, buffer: memoryview) -> tuple[int, Endpoint, int]:
        """Read one datagram and return its length, its sender and its TOS byte. Raises BlockingIOError when none waits."""
        length, ancillary, _, endpoint = self._socket.recvmsg_into([buffer], _ANCILLARY_LENGTH)
        tos = next((data[0] for level, kind, data in ancillary if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS)), 0)
        return length, endpoint, tos

    def send(self, payload: Buffer, endpoint: Endpoint, tos: int = 0) -> None:
        """Send one datagram. Raises BlockingIOError when the buffer is full, OSError when the kernel refuses it."""
        if tos:
            self._socket.sendmsg([payload], [(socket.IPPROTO_IP, socket.IP_TOS, bytes([tos]))], 0, endpoint)
        else:
            self._socket.sendto(payload, endpoint)


def open_underlay(address: IPv4Address, port: int, *, shared: bool = False) -> socket.socket:
    """A socket bound to the underlay's address and port. Several may share them where each says so. Raises UnderlayError."""
    underlay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        _configure(underlay)
        underlay.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        underlay.bind((str(address), port))
    except OSError as error:
        underlay.close()
        raise UnderlayError(_explain(address, port, error)) from error
    return underlay


def _configure(underlay: socket.socket) -> None:
    underlay.setblocking(False)
    underlay.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
    underlay.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    underlay.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, BUFFER_SIZE)
    underlay.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_SIZE)


def _explain(address: IPv4Address, port: int, error: OSError) -> str:
    reasons = {
        errno.EADDRINUSE: "another process uses this port; end it or choose another port",
        errno.EADDRNOTAVAIL: "no interface has this address",
        errno.EPERM: "setting the socket's buffers needs root (CAP_NET_ADMIN)",
        errno.EACCES: "a port below 1024 needs root (CAP_NET_BIND_SERVICE)",
    }
    return f"underlay {address} port {port}: {reasons.get(error.errno or 0, error.strerror)}"
