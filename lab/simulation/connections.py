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

- A connection whose first packet left through a `Masquerade` is found from outside by the public address and the port that it was
  given there: its own where that is free. What answers it is translated back before anything else looks at it.
- When a translation of addresses changes, the connections from and to its addresses are forgotten.

Not modelled: time (nothing expires) and the states of TCP beyond SYN and its answer. Connections are told apart behind the
one-to-one translation of addresses, which needs no memory.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from lab.simulation.probe import Probe
from lab.topology import Masquerade

Key = tuple[str, int, int, int, int]

# Linux, net/netfilter/nf_conntrack_proto_icmp.c: the queries that open, and what answers each
ANSWERED_BY = {8: 0, 13: 14, 15: 16, 17: 18}
_INVERSE = ANSWERED_BY | {reply: query for query, reply in ANSWERED_BY.items()}

# Linux, net/netfilter/nf_nat_core.c: a port that is taken gives way to one of its own range
_PORT_RANGES = (range(1, 512), range(600, 1024), range(1024, 65536))
_IDENTIFIERS = range(65536)


@dataclass
class Connection:
    """A flow. `admitted` names the interfaces at which a stateful gate's rules permitted one of its packets.

    `outside` is its opening as it is seen beyond a masquerade, of which it is the `masquerade`; without one it is the opening.
    """

    opening: Key
    outside: Key
    masquerade: Masquerade | None = None
    replied: bool = False
    admitted: set[str] = field(default_factory=set)

    def copy(self) -> Connection:
        return replace(self, admitted=set(self.admitted))


@dataclass(frozen=True, slots=True)
class Tracked:
    """A packet's standing in a node: its connection, None when invalid, and whether the node has entered it already."""

    connection: Connection | None = None
    known: bool = False
    answers: bool = False  # it goes against the direction of the opening

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
            return Tracked(Connection(key, outside=key)) if _opens(packet) else Tracked()
        answers = key != connection.opening
        connection.replied = connection.replied or answers
        return Tracked(connection, known=True, answers=answers)

    def masquerade(self, tracked: Tracked, masquerade: Masquerade) -> None:
        """A packet is about to leave through a masquerade: one that begins a connection is given a port of its own there."""
        connection = tracked.connection
        if connection is None or tracked.known:
            return
        protocol, _, port, destination, destination_port = connection.opening
        connection.masquerade = masquerade
        for candidate in (port, *_range_of(protocol, port)):
            connection.outside = (protocol, int(masquerade.public), candidate, destination, destination_port)
            if _inverse(connection.outside) not in self._by_key:
                return
        raise OverflowError(f"{masquerade.public} has no port left for connections to {IPv4Address(destination)}")

    def confirm(self, tracked: Tracked) -> None:
        """The packet passed the whole node: enter its connection."""
        if tracked.connection is None or tracked.known:
            return
        self._by_key[tracked.connection.opening] = tracked.connection
        self._by_key[_inverse(tracked.connection.outside)] = tracked.connection

    def copy(self, forgotten: Collection[IPv4Address] = ()) -> ConnectionTable:
        """A table that lives on by itself, of the same connections but for those from or to a forgotten address."""
        gone = {int(address) for address in forgotten}
        twin = ConnectionTable()
        kept = {key: connection for key, connection in self._by_key.items() if gone.isdisjoint(_addresses(connection))}
        copies = {id(connection): connection.copy() for connection in kept.values()}
        twin._by_key = {key: copies[id(connection)] for key, connection in kept.items()}
        return twin


def translated_back(packet: Probe, connection: Connection) -> Probe:
    """What answers a masqueraded connection, as the machine inside is to see it."""
    _, source, port, _, _ = connection.opening
    inside = replace(packet, destination=IPv4Address(source))
    if packet.protocol == "icmp":  # an identifier goes both ways unchanged
        return replace(inside, source_port=port)
    return replace(inside, destination_port=port)


def translated_out(packet: Probe, connection: Connection) -> Probe:
    """A packet of a masqueraded connection, as it is seen outside."""
    _, public, port, _, _ = connection.outside
    return replace(packet, source=IPv4Address(public), source_port=port)


def _range_of(protocol: str, port: int) -> range:
    return _IDENTIFIERS if protocol == "icmp" else next((ports for ports in _PORT_RANGES if port in ports), _PORT_RANGES[-1])


def _addresses(connection: Connection) -> set[int]:
    return {address for key in (connection.opening, connection.outside) for address in (key[1], key[3])}


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
