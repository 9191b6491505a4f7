"""The codes of drops that no gate and no route of a Topology accounts for: those of the kernel and of the dataplane.

A dataplane's codes are its own (`dataplane.errors.DropReason`); the simulation says them in the same letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.origin import Origin
from lab.reasons import Reason

if TYPE_CHECKING:
    from lab.simulation.walk import Hop, IcmpError


class Drop(StrEnum):
    """The code of a drop that is no Reason of a cloud."""

    # the kernel of a node
    MARTIAN_SOURCE = "MARTIAN_SOURCE"
    MARTIAN_DESTINATION = "MARTIAN_DESTINATION"
    NOT_FORWARDING = "NOT_FORWARDING"
    TTL_EXCEEDED = "TTL_EXCEEDED"
    FRAGMENTATION_NEEDED = "FRAGMENTATION_NEEDED"
    NEXT_HOP_UNREACHABLE = "NEXT_HOP_UNREACHABLE"
    NO_TUNNEL_SERVICE = "NO_TUNNEL_SERVICE"
    # the dataplane
    NO_PEER_FOR_DESTINATION = "NO_PEER_FOR_DESTINATION"
    PEER_NOT_HEARD = "PEER_NOT_HEARD"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    UNKNOWN_SPI = "UNKNOWN_SPI"
    OUTSIDE_SELECTOR = "OUTSIDE_SELECTOR"
    TUNNEL_LOOP = "TUNNEL_LOOP"

    @property
    def text(self) -> str:
        """What the code says, in one sentence that ends without a full stop."""
        return _TEXT[self]


_TEXT = {
    Drop.MARTIAN_SOURCE: "the packet claims a source that cannot arrive here, such as the node's own address",
    Drop.MARTIAN_DESTINATION: "the destination is no unicast address that can be forwarded",
    Drop.NOT_FORWARDING: "the machine is not the destination and forwards nothing",
    Drop.TTL_EXCEEDED: "the packet's time to live ran out",
    Drop.FRAGMENTATION_NEEDED: "the packet is larger than the next link carries, and must not be fragmented",
    Drop.NEXT_HOP_UNREACHABLE: "nobody on the link answers for the next hop's address",
    Drop.NO_TUNNEL_SERVICE: "no dataplane serves the tunnel at this place",
    Drop.NO_PEER_FOR_DESTINATION: "the destination lies behind no peer of the tunnel",
    Drop.PEER_NOT_HEARD: "the peer has not been heard yet, so nothing is sent to it",
    Drop.AUTHENTICATION_FAILED: "the ends of the tunnel do not agree on identity and key: serial number or key are wrong",
    Drop.UNKNOWN_SPI: "the datagram's receiver shares no security association with the sender",
    Drop.OUTSIDE_SELECTOR: "the inner source lies outside the prefixes behind the peer",
    Drop.TUNNEL_LOOP: "the tunnel's own datagrams are routed into the tunnel",
}


@dataclass
class DroppedError(Exception):
    """Raised where a rule stops the packet, caught once a walk.

    `origin` is that of the object that decided, if one did; `at` is set when it was not in the node that the packet was in.
    """

    reason: Reason | Drop
    origin: Origin | None = None
    error: IcmpError | None = None
    at: Hop | None = None
