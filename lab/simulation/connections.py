"""What a node remembers of the flows that crossed it, and at which interfaces they were admitted.

The theory is Linux's connection tracking as the fabric's nftables rules use it:

- A node (a network namespace) keeps one table. A connection is found by its addresses, protocol and ports, or by the identifier
  and type of an ICMP query, in either direction.
- A packet that opens (UDP, a SYN, an ICMP query) and belongs to no connection is NEW. The connection is entered once the packet
  has passed the whole node; a packet dropped on the way leaves nothing behind.
- It is ESTABLISHED from the first packet of the other direction on, even if that one is dropped later. Until then a repeated
  opening packet is NEW again.
- A packet that neither opens nor belongs to a connection (an echo reply nobody asked for, a SYN/ACK without its SYN) is INVALID:
  the rules judge it like any other, and nothing is remembered.
- A stateful gate passes an established packet without its rules only if (connection, interface) is among the admitted
  pairs. Otherwise the rules judge, and what they permit makes the pair an admitted one.

- When a translation of addresses changes, the connections from and to its addresses are forgotten.

Not modelled: time (nothing expires) and the states of TCP beyond SYN and its answer. Connections are told apart behind the
translation of addresses, which here is one to one and needs no memory.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from lab.simulation.probe import Probe

Key = tuple[str, int, int, int, int]

# Linux, net/netfilter/nf_conntrack_proto_icmp.c: the queries that open, and what answers each
ANSWERED_BY = {8: 0, 13: 14, 15: 16, 17: 18}
_INVERSE = ANSWERED_BY | {reply: query for query, reply in ANSWERED_BY.items()}


@dataclass
class Connection:
    """A flow. `admitted` names the interfaces at which a stateful gate's rules permitted one of its packets."""

    opening: Key
    replied: bool = False
    admitted: set[str] = field(default_factory=set)

    def copy(self) -> Connection:
        return Connection(self.opening, self.replied, set(self.admitted))


@dataclass(frozen=True, slots=True)
class Tracked:
    """A packet's standing in a node: its connection, None when invalid, and whether the node has entered it already."""

    connection: Connection | None = None
    known: bool = False

    def passes(self, interface: str) -> bool:
        """Whether a stateful gate at this interface lets the packet through without asking its rules."""
        return self.connection is not None and self.connection.replied and interface in self.connection.admitted

    def admit(self, interface: str) -> None:
        """A stateful gate's rules permitted the packet at this interface."""
        if self.connection is not None:
            self.connection.admitted.add(interface)


class ConnectionTable:
    """The connections of one node."""

    def __init__(self) -> None:
        self._by_key: dict[Key, Connection] = {}

    def track(self, packet: Probe) -> Tracked:
        """Look a packet up as it comes in."""
        key = _key(packet)
        if key is None:
            return Tracked()
        connection = self._by_key.get(key)
        if connection is None:
            return Tracked(Connection(key)) if _opens(packet) else Tracked()
        connection.replied = connection.replied or key != connection.opening
        return Tracked(connection, known=True)

    def confirm(self, tracked: Tracked) -> None:
        """The packet passed the whole node: enter its connection."""
        if tracked.connection is None or tracked.known:
            return
        self._by_key[tracked.connection.opening] = tracked.connection
        self._by_key[_inverse(tracked.connection.opening)] = tracked.connection

    def copy(self, forgotten: Collection[IPv4Address] = ()) -> ConnectionTable:
        """A table that lives on by itself, of the same connections but for those from or to a forgotten address."""
        gone = {int(address) for address in forgotten}
        twin = ConnectionTable()
        kept = {key: connection for key, connection in self._by_key.items() if gone.isdisjoint((key[1], key[3]))}
        copies = {id(connection): connection.copy() for connection in kept.values()}
        twin._by_key = {key: copies[id(connection)] for key, connection in kept.items()}
        return twin


def _opens(packet: Probe) -> bool:
    if packet.protocol == "icmp":
        return packet.icmp[0] in ANSWERED_BY
    return not packet.answers


def _key(packet: Probe) -> Key | None:
    """(protocol, source, port, destination, port); for ICMP the ports are the identifier, and type and code. None: no query."""
    source, destination = int(packet.source), int(packet.destination)
    if packet.protocol != "icmp":
        return packet.protocol, source, packet.source_port, destination, packet.destination_port
    kind, code = packet.icmp
    return ("icmp", source, packet.source_port, destination, kind << 8 | code) if kind in _INVERSE else None


def _inverse(key: Key) -> Key:
    protocol, source, source_port, destination, destination_port = key
    if protocol != "icmp":
        return protocol, destination, destination_port, source, source_port
    kind, code = divmod(destination_port, 256)
    return protocol, destination, source_port, source, _INVERSE[kind] << 8 | code
