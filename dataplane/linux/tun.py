"""A TUN device of Linux: layer-3 packets, one for each read and write, each behind a virtio header; one may be a super-packet.

Kernel documentation: networking/tuntap; linux/if_tun.h.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Collection, Iterable
from pathlib import Path

from dataplane import ipv4
from dataplane.errors import LocalError
from dataplane.packets import Buffer
from dataplane.virtio import COMPLETE, HEADER_LENGTH, NOTHING_LEFT, Offload, parse_offload

# linux/if_tun.h, linux/sockios.h, linux/if.h
_TUNSETIFF = 0x400454CA
_TUNSETOFFLOAD = 0x400454D0
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000
_IFF_MULTI_QUEUE = 0x0100
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFMTU = 0x8922
_SIOCSIFTXQLEN = 0x8943
_IFF_UP = 0x1
_IFREQ_LENGTH = 40

QUEUE_LENGTH = 5000
"""Packets that may wait for us. Our choice: the kernel's 500 overflow in a burst of one fast TCP flow."""

# linux/if_tun.h: what we take undone from the kernel. It takes of us what it gives.
_TUN_F_CSUM = 0x01
_TUN_F_TSO4 = 0x02
_TUN_F_TSO_ECN = 0x08
_TUN_F_USO4 = 0x20  # since Linux 6.2, and only together with the next
_TUN_F_USO6 = 0x40

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
    """One queue of a TUN device, which is gone with the last of them. Reads and writes never block."""

    def __init__(self, name: str, descriptor: int) -> None:
        """Take over what `open_tun` returned for the device `name`."""
        self.name = name
        self._descriptor = descriptor
        self._header = bytearray(HEADER_LENGTH)

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        os.close(self._descriptor)

    def offload(self, protocols: Collection[int]) -> frozenset[int]:
        """Have the kernel give and take super-packets of TCP, UDP or both. Returns of which of them it does."""
        tcp = _TUN_F_TSO4 | _TUN_F_TSO_ECN if ipv4.PROTOCOL_TCP in protocols else 0
        udp = _TUN_F_USO4 | _TUN_F_USO6 if ipv4.PROTOCOL_UDP in protocols else 0
        if self._set_offload(_TUN_F_CSUM | tcp | udp if tcp | udp else 0):
            return frozenset(protocols)
        has_tcp = self._set_offload(_TUN_F_CSUM | tcp) if tcp else False
        return frozenset({ipv4.PROTOCOL_TCP} if has_tcp else ())

    def _set_offload(self, flags: int) -> bool:
        try:
            fcntl.ioctl(self._descriptor, _TUNSETOFFLOAD, flags)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise TunError(f"TUN device {self.name}: {error.strerror}") from error
            return False  # the kernel knows one of them not
        return True

    def read_into(self, buffer: memoryview) -> tuple[int, Offload]:
        """Read one packet or super-packet and return its length, and what is left to be done.

        Raises BlockingIOError when none waits, TunError when the device is gone.
        """
        try:
            length = os.readv(self._descriptor, (self._header, buffer)) - HEADER_LENGTH
        except BlockingIOError:
            raise
        except OSError as error:
            raise TunError(f"TUN device {self.name} is gone: {error.strerror}") from error
        return length, COMPLETE if self._header == NOTHING_LEFT else parse_offload(self._header)

    def write(self, packet: Buffer) -> None:
        """Hand one packet to the kernel. Raises OSError when the kernel refuses it, e.g. because the device is down."""
        os.writev(self._descriptor, (NOTHING_LEFT, packet))

    def write_superpacket(self, offload: Buffer, parts: Iterable[Buffer]) -> None:
        """Hand over a super-packet under its virtio header. Raises OSError, with EINVAL where the kernel takes none like it."""
        os.writev(self._descriptor, (offload, *parts))


def open_tun(name: str, mtu: int, *, vnet_header: bool = False, multi_queue: bool = False) -> int:
    """Attach a queue of the device `name`, set the device's MTU and queue length, and bring it up. Raises TunError.

    With `vnet_header` every packet has a virtio header before it. All queues of a device are opened alike.
    """
    descriptor = _open_device()
    flags = _IFF_TUN | _IFF_NO_PI | (_IFF_VNET_HDR if vnet_header else 0) | (_IFF_MULTI_QUEUE if multi_queue else 0)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, _request(name, "H", flags))
        _configure(name, mtu)
    except OSError as error:
        os.close(descriptor)
        raise TunError(_explain(name, error)) from error
    return descriptor


def set_mtu(name: str, mtu: int) -> None:
    """Change the MTU of the device `name`. Raises TunError."""
    try:
        _set_mtu(name, mtu)
    except OSError as error:
        raise TunError(_explain(name, error)) from error


def _configure(name: str, mtu: int) -> None:
    for path, value in _SETTINGS.items():
        # A kernel without IPv6 lacks the file, a container may forbid to write it; neither stops packets.
        with contextlib.suppress(OSError):
            Path("/proc/sys/net", path.format(name=name)).write_text(value)
    _set_mtu(name, mtu)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFTXQLEN, _request(name, "i", QUEUE_LENGTH))
        answer = fcntl.ioctl(control, _SIOCGIFFLAGS, _request(name, "H", 0))
        (flags,) = struct.unpack_from("H", answer, 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, _request(name, "H", flags | _IFF_UP))


def _set_mtu(name: str, mtu: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFMTU, _request(name, "i", mtu))


def _request(name: str, layout: str, value: int) -> bytes:
    """A `struct ifreq`: the name in 16 bytes, then a value."""
    return struct.pack("16s" + layout, name.encode(), value).ljust(_IFREQ_LENGTH, b"\0")


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
