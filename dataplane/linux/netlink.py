"""Addresses and routes of an interface, by the kernel's own protocol: rtnetlink(7), one request and its acknowledgement.

The agent is small and starts quickly, which it would not with a library for all of netlink.
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Network

from dataplane.errors import LocalError

# linux/netlink.h
_NETLINK_ROUTE = 0
_REQUEST = 0x001
_ACKNOWLEDGE = 0x004
_REPLACE = 0x100
_CREATE = 0x400
_ERROR = 2
_HEADER = struct.Struct("=LHHLL")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ALIGNMENT = 4

# linux/rtnetlink.h, linux/if_addr.h
_NEW_ADDRESS, _DELETE_ADDRESS = 20, 21
_NEW_ROUTE, _DELETE_ROUTE = 24, 25
_ADDRESS = struct.Struct("=BBBBL")  # family, prefix length, flags, scope, interface
_ROUTE = struct.Struct("=BBBBBBBBL")  # family, destination's and source's length, TOS, table, protocol, scope, type, flags
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_PREFSRC = 1, 4, 7
_TABLE_MAIN = 254
_PROTOCOL_STATIC = 4
_SCOPE_LINK = 253
_TYPE_UNICAST = 1

_ANSWER_LENGTH = 8192


class NetlinkError(LocalError):
    """The kernel refused an address or a route."""


def add_address(interface: str, address: IPv4Address, length: int) -> None:
    """Give an interface an address with a prefix of so many bits; one that it has is left. Raises NetlinkError."""
    _change_address(_NEW_ADDRESS, _CREATE | _REPLACE, interface, address, length)


def remove_address(interface: str, address: IPv4Address, length: int) -> None:
    """Raises NetlinkError."""
    _change_address(_DELETE_ADDRESS, 0, interface, address, length)


def add_route(interface: str, destination: IPv4Network, source: IPv4Address | None) -> None:
    """Route a prefix into an interface; `source` is preferred for what this machine sends. Raises NetlinkError."""
    _change_route(_NEW_ROUTE, _CREATE | _REPLACE, interface, destination, source)


def remove_route(interface: str, destination: IPv4Network) -> None:
    """Raises NetlinkError."""
    _change_route(_DELETE_ROUTE, 0, interface, destination, None)


def _change_address(kind: int, flags: int, interface: str, address: IPv4Address, length: int) -> None:
    what = f"address {address}/{length} of {interface}"
    head = _ADDRESS.pack(socket.AF_INET, length, 0, 0, _index(interface, what))
    local = _attribute(_IFA_LOCAL, address.packed) + _attribute(_IFA_ADDRESS, address.packed)
    _request(kind, flags, head + local, what)


def _change_route(kind: int, flags: int, interface: str, destination: IPv4Network, source: IPv4Address | None) -> None:
    what = f"route to {destination} by {interface}"
    lengths = (destination.prefixlen, 0)
    head = _ROUTE.pack(socket.AF_INET, *lengths, 0, _TABLE_MAIN, _PROTOCOL_STATIC, _SCOPE_LINK, _TYPE_UNICAST, 0)
    body = _attribute(_RTA_DST, destination.network_address.packed)
    body += _attribute(_RTA_OIF, struct.pack("=L", _index(interface, what)))
    if source is not None:
        body += _attribute(_RTA_PREFSRC, source.packed)
    _request(kind, flags, head + body, what)


def _index(interface: str, what: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        raise NetlinkError(f"{what}: there is no such interface") from error


def _attribute(kind: int, value: bytes) -> bytes:
    data = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value
    return data.ljust(-(-len(data) // _ALIGNMENT) * _ALIGNMENT, b"\0")


def _request(kind: int, flags: int, body: bytes, what: str) -> None:
    header = _HEADER.pack(_HEADER.size + len(body), kind, flags | _REQUEST | _ACKNOWLEDGE, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as connection:
            connection.send(header + body)
            answer = connection.recv(_ANSWER_LENGTH)
    except OSError as error:
        raise NetlinkError(f"{what}: {error.strerror}") from error
    _, answered, _, _, _ = _HEADER.unpack_from(answer)
    (code,) = struct.unpack_from("=i", answer, _HEADER.size)
    if answered != _ERROR or code != 0:  # an acknowledgement is an error whose number is 0
        raise NetlinkError(f"{what}: {os.strerror(-code)}")
