"""A drop, as both backends report it: where, by which filter, for which reason, how many packets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.origin import Origin
from lab.topology import Stage


class Filter(StrEnum):
    """What stopped a packet, in words for a person."""

    SOURCE_CHECK = "source check"
    DESTINATION_CHECK = "destination check"
    NETWORK_ACL = "network ACL"
    EGRESS = "security group, outbound"
    INGRESS = "security group, inbound"
    EDGE = "internet gateway"
    ROUTE = "route table"
    BANDWIDTH = "bandwidth limit"
    TUNNEL = "tunnel"
    HANDSHAKE = "IKE handshake"  # of a dataplane with its peers, not about anybody's packet


FILTER_OF = {
    Stage.SOURCE_CHECK: Filter.SOURCE_CHECK,
    Stage.ACL: Filter.NETWORK_ACL,
    Stage.DESTINATION_CHECK: Filter.DESTINATION_CHECK,
    Stage.EGRESS: Filter.EGRESS,
    Stage.INGRESS: Filter.INGRESS,
    Stage.EDGE: Filter.EDGE,
}


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a node where packets can be dropped.

    `reason` is a `lab.reasons.Reason` or a code of the dataplane's own. `where` is the interface that the filter belongs to; for
    a route table its resource, for a bandwidth limit the first interface that it counts from.
    """

    filter: Filter
    reason: str
    origin: Origin
    where: str


@dataclass(frozen=True, slots=True)
class Drop:
    """`packets` dropped at one place of the node named `node`."""

    node: str
    place: Place
    packets: int
