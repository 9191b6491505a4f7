"""A TUN device of Linux: layer-3 packets, one for each read and write. Kernel documentation: networking/tuntap."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path

from dataplane.errors import LocalError
from dataplane.packets import Buffer

# linux/if_tun.h, linux/sockios.h, linux/if.h
_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFMTU = 0x8922
_SIOCSIFTXQLEN = 0x8943
_IFF_UP = 0x1
_IFREQ_LENGTH = 40

QUEUE_LENGTH = 5000
"""Packets that may wait for us. Our choice: the kernel's 500 overflow in a burst of one fast TCP flow."""

_DEVICE = Path("/dev/net/tun")
_SETTINGS = {
    # An ICMP error that we write to the device carries our own address as source; without this it would be a martian.
    "ipv4/conf/{name}/accept_local": "1",
    # We carry IPv4 only: the kernel need not solicit IPv6 routers through us.
    "ipv6/conf/{name}/disable_ipv6": "1",
}


class TunError(LocalError):
    """The TUN device cannot be had, or is gone."""


class Tun:
    """An open TUN device, created if it was not there and gone with this process. Reads and writes never block."""

    def __init__(self, name: str, mtu: int) -> None:
        """Attach to the device `name`, set its MTU and its queue, and bring it up. Raises TunError."""
        self.name = name
        self._descriptor = _open_device()
        try:
            self._attach()
            self._configure(mtu)
        except OSError as error:
            self.close()
            raise TunError(_explain(name, error)) from error

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        os.close(self._descriptor)

    def read_into(self, buffer: memoryview) -> int:
        """Read one packet and return its length. Raises BlockingIOError when none waits, TunError when the device is gone."""
        try:
            return os.readv(self._descriptor, [buffer])
        except BlockingIOError:
            raise
        except OSError as error:
            raise TunError(f"TUN device {self.name} is gone: {error.strerror}") from error

    def write(self, packet: Buffer) -> None:
        """Hand one packet to the kernel. Raises OSError when the kernel refuses it, e.g. because the device is down."""
        os.write(self._descriptor, packet)

    def _attach(self) -> None:
        fcntl.ioctl(self._descriptor, _TUNSETIFF, self._request("H", _IFF_TUN | _IFF_NO_PI))

    def _configure(self, mtu: int) -> None:
        for path, value in _SETTINGS.items():
            # A kernel without IPv6 lacks the file, a container may forbid to write it; neither stops packets.
            with contextlib.suppress(OSError):
                Path("/proc/sys/net", path.format(name=self.name)).write_text(value)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, _SIOCSIFMTU, self._request("i", mtu))
            fcntl.ioctl(control, _SIOCSIFTXQLEN, self._request("i", QUEUE_LENGTH))
            answer = fcntl.ioctl(control, _SIOCGIFFLAGS, self._request("H", 0))
            (flags,) = struct.unpack_from("H", answer, 16)
            fcntl.ioctl(control, _SIOCSIFFLAGS, self._request("H", flags | _IFF_UP))

    def _request(self, layout: str, value: int) -> bytes:
        """A `struct ifreq`: the name in 16 bytes, then a value."""
        request = struct.pack("16s" + layout, self.name.encode(), value)
        return request.ljust(_IFREQ_LENGTH, b"\0")


def _open_device() -> int:
    try:
        return os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise TunError(f"{_DEVICE} is missing: load the kernel's tun module (modprobe tun)") from error
    except OSError as error:
        raise TunError(f"{_DEVICE} cannot be opened: {error.strerror}; a dataplane runs as root") from error


def _explain(name: str, error: OSError) -> str:
    reasons = {
        errno.EBUSY: "another process is attached to it; give this one another name or end that one",
        errno.EINVAL: "an interface of that name exists and is no TUN device, or the MTU is out of range",
        errno.EPERM: "creating it needs root (CAP_NET_ADMIN)",
    }
    return f"TUN device {name}: {reasons.get(error.errno or 0, error.strerror)}"
