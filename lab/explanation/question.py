"""What is asked: whether a packet of this kind from here gets there, and its answer back."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Literal

from lab.errors import UsageError
from lab.simulation import InvalidProbeError, Probe
from lab.topology import MACHINES, Node, Topology

Protocol = Literal["icmp", "tcp", "udp"]

# Our choices: a source port that belongs to no service (IANA's dynamic range), and an ICMP identifier.
_SOURCE_PORT = 49152
_IDENTIFIER = 1
_SYN_SIZE = 60  # bytes, as Linux sends it
_ECHO_SIZE = 84  # bytes, as ping sends it


@dataclass(frozen=True, slots=True)
class Question:
    """`source` is a machine's name or id, `destination` one too, or an address. `port` is None for ICMP.

    `size` is that of the IP packet in bytes, None for what is usual with the protocol.
    """

    source: str
    destination: str
    protocol: Protocol = "icmp"
    port: int | None = None
    size: int | None = None
    ttl: int = 64
    dont_fragment: bool = False

    def __post_init__(self) -> None:
        if (self.protocol == "icmp") != (self.port is None):
            raise UsageError("a port belongs to TCP and UDP, and they need one" if self.port is None else "ICMP has no ports")

    def probe(self, source: IPv4Address, destination: IPv4Address) -> Probe:
        """The packet. Raises UsageError for one that cannot be."""
        try:
            return Probe(
                source,
                destination,
                self.protocol,
                source_port=_IDENTIFIER if self.port is None else _SOURCE_PORT,
                destination_port=self.port or 0,
                ttl=self.ttl,
                size=self.size or (_SYN_SIZE if self.protocol == "tcp" else _ECHO_SIZE),
                dont_fragment=self.dont_fragment,
            )
        except InvalidProbeError as error:
            raise UsageError(f"no such packet: {error}") from error


@dataclass(frozen=True, slots=True)
class Party:
    """One end: a machine, or an address that belongs to none (`node` and `resource` empty)."""

    label: str
    address: IPv4Address
    node: str = ""
    resource: str = ""


def find_machine(topology: Topology, name: str) -> Party:
    """The machine with a name or an id, at its first private address. Raises UsageError when there is not exactly one.

    Where several have a name, the network's in front of it says which is meant: "office/app".
    """
    machines = [node for node in topology.nodes if node.kind in MACHINES]
    found = [node for node in machines if node.resource == name] or [node for node in machines if node.label == name]
    found = found or [node for node in machines if "/" in name and _full_name(topology, node) == name]
    if not found:
        raise UsageError(f"no machine {name!r} runs; there are: {', '.join(sorted(node.label for node in machines)) or 'none'}")
    if len(found) > 1:
        which = ", ".join(f"{_full_name(topology, node)} ({node.resource})" for node in found)
        raise UsageError(f"{len(found)} machines are called {name!r}; give the id, or the full name of one: {which}")
    return _party(found[0])


def _full_name(topology: Topology, node: Node) -> str:
    """With the name of the network that it is in."""
    far = topology.far_end.get((node.name, node.interfaces[0].name))
    return f"{topology.by_name[far[0]].label}/{node.label}" if far is not None else node.label


def find_destination(topology: Topology, name: str) -> Party:
    """A machine as above, or the party at an address. Raises UsageError."""
    try:
        address = IPv4Address(name)
    except AddressValueError:
        return find_machine(topology, name)
    holders = [node for node in topology.nodes if node.kind in MACHINES and address in node.addresses]
    if len(holders) != 1:
        return Party(name, address)
    return Party(holders[0].label, address, holders[0].name, holders[0].resource)


def _party(node: Node) -> Party:
    return Party(node.label, node.own_address, node.name, node.resource)
