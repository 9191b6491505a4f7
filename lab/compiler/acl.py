"""Network ACLs as stateless gates: the egress list where a packet leaves its subnet, the ingress list where it enters one.

A list does not look at traffic that stays inside its subnet. A gate sees addresses only, so "inside" is read from the subnet's
own route table: what it sends to one of its own interfaces stays inside, and what comes from there came from inside. For what
is sent that is exact. For what is received it is exact where routing is symmetric: a packet that enters from another subnet,
but whose answer would stay inside, passes the ingress list unseen, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network

from lab.cloud.aws.resources import ALL_PROTOCOLS, LOCAL, AclEntry, NetworkAcl, Subnet
from lab.cloud.aws.resources import RouteTable as CloudTable
from lab.origin import Origin
from lab.reasons import Reason
from lab.topology import ANY, Gate, Match, Rule, Side, Stage

# A network, and whether packets to it stay inside the subnet; the longest prefix comes first and decides.
Ways = tuple[tuple[IPv4Network, bool], ...]


def acl_chains(acl: NetworkAcl, subnet: Subnet, ways: Ways) -> tuple[tuple[Side, tuple[Rule, ...]], ...]:
    """The rules of a subnet's list for each side of its interfaces; a side whose list can drop nothing is left out."""
    sides = ((Side.IN, acl.egress), (Side.OUT, acl.ingress))
    return tuple(
        (side, tuple(_rules(entries, side, ways, acl.origin, subnet.origin))) for side, entries in sides if _can_drop(entries)
    )


def acl_gates(interface: str, acl: NetworkAcl, chains: Sequence[tuple[Side, tuple[Rule, ...]]]) -> Iterator[Gate]:
    """The gates of one interface in the subnet."""
    for side, rules in chains:
        yield Gate(interface, side, Stage.ACL, rules, False, Reason.SUBNET_ACL_RESTRICTION, acl.origin)


def ways_of(subnet: Subnet, table: CloudTable, interfaces: frozenset[str]) -> Ways:
    """Where the subnet's table leads; `interfaces` are the ids of the network interfaces in the subnet."""
    ways = {subnet.cidr_block: True}
    ways.update({route.destination: route.target in interfaces for route in table.routes if route.target != LOCAL})
    return tuple(sorted(ways.items(), key=lambda way: -way[0].prefixlen))


def _can_drop(entries: Sequence[AclEntry]) -> bool:
    first = entries[0] if entries else None
    return first is None or not (first.permit and first.protocol == ALL_PROTOCOLS and first.cidr_block == ANY)


def _rules(entries: Sequence[AclEntry], side: Side, ways: Ways, acl: Origin, subnet: Origin) -> Iterator[Rule]:
    inside = [network for network, stays in ways if stays]
    for network, stays in ways:
        if stays:
            yield Rule(_match(side, network), True, subnet)
        elif any(network.subnet_of(other) for other in inside):
            yield from (rule for entry in entries for rule in _narrowed(entry, side, network))
            yield Rule(_match(side, network), False, acl)
    yield from (rule for entry in entries for rule in _narrowed(entry, side, ANY))


def _narrowed(entry: AclEntry, side: Side, network: IPv4Network) -> Iterator[Rule]:
    """An entry as far as it speaks of `network`."""
    if not entry.cidr_block.overlaps(network):
        return
    common = max(entry.cidr_block, network, key=lambda block: block.prefixlen)
    yield Rule(_match(side, common, entry), entry.permit, entry.origin)


def _match(side: Side, network: IPv4Network, entry: AclEntry | None = None) -> Match:
    """An egress list names the destination, an ingress list the source; ports are the destination's in both."""
    source, destination = (ANY, network) if side is Side.IN else (network, ANY)
    if entry is None or entry.protocol == ALL_PROTOCOLS:
        return Match(source, destination)
    numbers = None if entry.from_port < 0 else (entry.from_port, entry.to_port)
    if entry.protocol == "icmp":
        return Match(source, destination, entry.protocol, icmp=numbers)
    return Match(source, destination, entry.protocol, ports=numbers)
