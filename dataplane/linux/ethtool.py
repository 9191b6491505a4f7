"""Features of a network device, such as GRO, as `ethtool -k` names them: ioctl SIOCETHTOOL, linux/ethtool.h."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from collections.abc import Mapping

_SIOCETHTOOL = 0x8946  # linux/sockios.h
_GET_STRINGS = 0x1B
_GET_SET_INFO = 0x37
_GET_FEATURES = 0x3A
_SET_FEATURES = 0x3B
_FEATURE_STRINGS = 4
_STRING_LENGTH = 32
_BITS = 32  # of a block of features
_IFREQ = struct.Struct("16sP16x")  # the name, and a pointer to the command


def features(interface: str) -> dict[str, bool]:
    """Which features are active. Raises OSError."""
    names = _names(interface)
    count = _blocks(names)
    answer = _command(interface, struct.pack("=LL", _GET_FEATURES, count), 16 * count)
    active = [block[2] for block in struct.iter_unpack("=4L", answer[8:])]  # available, requested, active, never changed
    return {name: bool(active[index // _BITS] >> index % _BITS & 1) for index, name in enumerate(names)}


def set_features(interface: str, wanted: Mapping[str, bool]) -> None:
    """Switch features on or off; an unknown name is left out. Raises OSError."""
    names = _names(interface)
    valid, requested = [0] * _blocks(names), [0] * _blocks(names)
    for index, name in enumerate(names):
        if name in wanted:
            valid[index // _BITS] |= 1 << index % _BITS
            requested[index // _BITS] |= wanted[name] << index % _BITS
    pairs = [word for pair in zip(valid, requested, strict=True) for word in pair]
    _command(interface, struct.pack(f"=LL{len(pairs)}L", _SET_FEATURES, len(valid), *pairs), 0)


def _names(interface: str) -> list[str]:
    """The names of all features, each at its bit's place."""
    info = _command(interface, struct.pack("=LLQ", _GET_SET_INFO, 0, 1 << _FEATURE_STRINGS), 4)
    (count,) = struct.unpack_from("=L", info, 16)
    answer = _command(interface, struct.pack("=LLL", _GET_STRINGS, _FEATURE_STRINGS, count), _STRING_LENGTH * count)
    return [name.rstrip(b"\0").decode() for (name,) in struct.iter_unpack(f"{_STRING_LENGTH}s", answer[12:])]


def _blocks(names: list[str]) -> int:
    return -(-len(names) // _BITS)


def _command(interface: str, command: bytes, space: int) -> bytes:
    """Execute a command, with room behind it for what the kernel answers, and return it as the kernel left it."""
    buffer = ctypes.create_string_buffer(command + bytes(space), len(command) + space)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        fcntl.ioctl(device, _SIOCETHTOOL, _IFREQ.pack(interface.encode(), ctypes.addressof(buffer)))
    return buffer.raw
