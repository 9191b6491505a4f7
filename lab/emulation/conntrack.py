"""Forgetting connections whose translation has changed.

The kernel translates a connection as it did its first packet. When a public address is tied to another machine, or loosened,
what is remembered of its connections must go, or they would live on with the old address.
"""

from __future__ import annotations

from collections.abc import Collection
from errno import ENOENT
from ipaddress import IPv4Address
from socket import AF_INET

from pyroute2 import NFCTSocket
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

from lab.emulation.machine import Machine
from lab.errors import MachineError

_DIRECTIONS = ("CTA_TUPLE_ORIG", "CTA_TUPLE_REPLY")


def forget_connections(machine: Machine, addresses: Collection[IPv4Address]) -> None:
    """Delete a node's connections from or to these addresses; all others are left alone."""
    gone = {str(address) for address in addresses}
    with machine.namespace.inside(), NFCTSocket() as socket:
        for entry in list(socket.dump()):
            forth, back = (NFCTAttrTuple.from_netlink(AF_INET, entry.get_attr(name)) for name in _DIRECTIONS)
            if {forth.saddr, forth.daddr, back.saddr, back.daddr} & gone:
                _delete(socket, forth)


def _delete(socket: NFCTSocket, connection: NFCTAttrTuple) -> None:
    try:
        socket.entry("del", tuple_orig=connection)
    except NetlinkError as error:
        if error.code != ENOENT:  # it ended by itself in between
            raise MachineError(f"a connection could not be forgotten: {error}") from error
