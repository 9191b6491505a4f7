"""Links, addresses, routes and rules of a namespace, by the kernel's own protocol: rtnetlink(7).

A lab asks for thousands of them, one after the other, and a library for all of netlink takes many times as long for each request
as the kernel does. Machine.netlink has such a library for whoever needs more than this.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from lab.emulation.descriptors import aside
from lab.errors import MachineError

# linux/netlink.h
_NETLINK_ROUTE = 0
_SOL_NETLINK, _CAP_ACK = 270, 10  # an error does not repeat the request
_REQUEST, _ACKNOWLEDGE, _REPLACE, _EXCLUSIVE, _CREATE = 0x001, 0x004, 0x100, 0x200, 0x400
_ERROR = 2
_HEADER = struct.Struct("=LHHLL")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ALIGNMENT = 4

# linux/rtnetlink.h
_NEW_LINK, _DELETE_LINK, _GET_LINK = 16, 17, 18
_NEW_ADDRESS, _DELETE_ADDRESS = 20, 21
_NEW_ROUTE, _DELETE_ROUTE = 24, 25
_NEW_RULE, _DELETE_RULE = 32, 33
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, which flags to change
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, destination's and source's length, TOS, table, protocol, scope, type, flags
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC, _RTA_TABLE = 1, 4, 5, 7, 15
_PROTOCOL_STATIC, _TYPE_UNICAST = 4, 1
_SCOPE_UNIVERSE, _SCOPE_LINK = 0, 253
_ON_LINK = 4

# linux/if_link.h, linux/veth.h, linux/if.h
_IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_NET_NS_FD = 3, 4, 18, 20, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_VETH_INFO_PEER = 1
_UP = 1

# linux/if_addr.h
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_NO_PREFIX_ROUTE = 0x200  # every route is a line of the Topology, the kernel adds none

# linux/fib_rules.h
_RULE = struct.Struct("=BBBBBxxBI")  # family, destination's and source's length, TOS, table, action, flags
_TO_TABLE = 1
_FRA_IIFNAME, _FRA_PRIORITY, _FRA_TABLE = 3, 6, 15

_ANSWER_LENGTH = 32768


class RouteSocket:
    """A socket into the namespace in which it is made. What the kernel refuses is a MachineError that names it."""

    def __init__(self) -> None:
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
        self._socket = socket.socket(fileno=aside(made.detach()))
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def index(self, name: str) -> int | None:
        """The kernel's number of an interface; None when there is none of that name."""
        try:
            answer = self._request(_GET_LINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _name(name))
        except OSError as error:
            if error.errno == errno.ENODEV:
                return None
            raise MachineError(f"interface {name}: {error.strerror}") from error
        _, _, index, _, _ = _LINK.unpack_from(answer, _HEADER.size)
        return int(index)

    def add_veth(self, name: str, peer: str, namespace: int | None = None, *, numbers: tuple[int, int] = (0, 0)) -> None:
        """A veth pair. The `peer` is born in the namespace of that descriptor, or else in this one.

        `numbers` are those of the two interfaces; for 0 the kernel chooses.
        """
        number, peer_number = numbers
        end = _LINK.pack(socket.AF_UNSPEC, 0, peer_number, 0, 0) + _name(peer)
        if namespace is not None:
            end += _attribute(_IFLA_NET_NS_FD, _u32(namespace))
        data = _attribute(_IFLA_INFO_DATA, _attribute(_VETH_INFO_PEER, end))
        body = _LINK.pack(socket.AF_UNSPEC, 0, number, 0, 0) + _name(name)
        body += _attribute(_IFLA_LINKINFO, _attribute(_IFLA_INFO_KIND, b"veth") + data)
        self._change(_NEW_LINK, _CREATE | _EXCLUSIVE, body, f"veth pair {name}, {peer}")

    def set_up(self, index: int, mtu: int | None = None, *, alias: str = "") -> None:
        """Bring an interface up, with an MTU in bytes, and what it is to be known as beside its name."""
        body = _LINK.pack(socket.AF_UNSPEC, 0, index, _UP, _UP)
        if mtu is not None:
            body += _attribute(_IFLA_MTU, _u32(mtu))
        if alias:
            body += _attribute(_IFLA_IFALIAS, alias.encode())
        self._change(_NEW_LINK, 0, body, f"interface number {index}")

    def remove_link(self, index: int) -> None:
        self._change(_DELETE_LINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0), f"interface number {index}")

    def add_address(self, index: int, address: IPv4Interface) -> None:
        """Without a route to its network."""
        body = _address(index, address) + _attribute(_IFA_FLAGS, _u32(_NO_PREFIX_ROUTE))
        self._change(_NEW_ADDRESS, _CREATE | _EXCLUSIVE, body, f"address {address}")

    def remove_address(self, index: int, address: IPv4Interface) -> None:
        self._change(_DELETE_ADDRESS, 0, _address(index, address), f"address {address}")

    def set_route(
        self, table: int, destination: IPv4Network, index: int, via: IPv4Address | None, source: IPv4Address | None
    ) -> None:
        """A route into an interface, instead of the one that the table has for the destination, if it has one.

        The next hop `via` is reachable there without a route. `source` is preferred for what this node sends.
        """
        body = _route(table, destination, index, via, source)
        self._change(_NEW_ROUTE, _CREATE | _REPLACE, body, f"route to {destination} in table {table}")

    def remove_route(
        self, table: int, destination: IPv4Network, index: int, via: IPv4Address | None, source: IPv4Address | None
    ) -> None:
        body = _route(table, destination, index, via, source)
        self._change(_DELETE_ROUTE, 0, body, f"route to {destination} in table {table}")

    def add_rule(self, interface: str, table: int, priority: int) -> None:
        """What comes in by the interface is routed by the table."""
        self._change(_NEW_RULE, _CREATE | _EXCLUSIVE, _rule(interface, table, priority), f"rule for {interface}")

    def remove_rule(self, interface: str, table: int, priority: int) -> None:
        self._change(_DELETE_RULE, 0, _rule(interface, table, priority), f"rule for {interface}")

    def _change(self, kind: int, flags: int, body: bytes, what: str) -> None:
        try:
            self._request(kind, flags | _ACKNOWLEDGE, body)
        except OSError as error:
            raise MachineError(f"{what}: {error.strerror}") from error

    def _request(self, kind: int, flags: int, body: bytes) -> bytes:
        """The kernel's answer. Raises OSError when it is an error; the acknowledgement is one with the number 0."""
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags | _REQUEST, 1, 0) + body)
        answer = self._socket.recv(_ANSWER_LENGTH)
        _, answered, _, _, _ = _HEADER.unpack_from(answer)
        if answered == _ERROR:
            (code,) = struct.unpack_from("=i", answer, _HEADER.size)
            if code != 0:
                raise OSError(-code, os.strerror(-code))
        return answer


def _route(table: int, destination: IPv4Network, index: int, via: IPv4Address | None, source: IPv4Address | None) -> bytes:
    scope, flags = (_SCOPE_LINK, 0) if via is None else (_SCOPE_UNIVERSE, _ON_LINK)
    lengths = (destination.prefixlen, 0)
    body = _ROUTE.pack(socket.AF_INET, *lengths, 0, 0, _PROTOCOL_STATIC, scope, _TYPE_UNICAST, flags)
    body += _attribute(_RTA_TABLE, _u32(table)) + _attribute(_RTA_DST, destination.network_address.packed)
    body += _attribute(_RTA_OIF, _u32(index))
    if via is not None:
        body += _attribute(_RTA_GATEWAY, via.packed)
    if source is not None:
        body += _attribute(_RTA_PREFSRC, source.packed)
    return body


def _address(index: int, address: IPv4Interface) -> bytes:
    head = _ADDRESS.pack(socket.AF_INET, address.network.prefixlen, 0, _SCOPE_UNIVERSE, index)
    return head + _attribute(_IFA_LOCAL, address.ip.packed) + _attribute(_IFA_ADDRESS, address.ip.packed)


def _rule(interface: str, table: int, priority: int) -> bytes:
    head = _RULE.pack(socket.AF_INET, 0, 0, 0, 0, _TO_TABLE, 0)
    selector = _attribute(_FRA_IIFNAME, interface.encode() + b"\0")
    return head + selector + _attribute(_FRA_TABLE, _u32(table)) + _attribute(_FRA_PRIORITY, _u32(priority))


def _name(name: str) -> bytes:
    return _attribute(_IFLA_IFNAME, name.encode() + b"\0")


def _u32(value: int) -> bytes:
    return struct.pack("=I", value)


def _attribute(kind: int, value: bytes) -> bytes:
    data = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value
    return data.ljust(-(-len(data) // _ALIGNMENT) * _ALIGNMENT, b"\0")
