"""What a walk tells: each node in turn, what was consulted there, and where and why it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lab.origin import Origin
from lab.reasons import Reason
from lab.simulation.drops import Drop
from lab.simulation.gates import Consultation
from lab.simulation.probe import Probe
from lab.topology import Interface, Nat, Node, Route, Tunnel, TunnelPeer


class Verdict(StrEnum):
    DELIVERED = "delivered"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class IcmpError:
    """The ICMP error that a node made of a drop (RFC 792). `mtu` is the next hop's, in bytes, for type 3 code 4 (RFC 1191)."""

    type: int
    code: int
    node: Node = field(repr=False)
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class TunnelEnd:
    """One end of a tunnel: a peer as the service of a node knows it."""

    node: Node = field(repr=False)
    service: Tunnel
    peer: TunnelPeer

    @property
    def key(self) -> tuple[str, str, str]:
        return self.node.name, self.service.interface, self.peer.name


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a packet or a datagram got no further. `at` is None for the node that the packet is in."""

    reason: Reason | Drop
    origin: Origin | None
    at: Hop | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A packet's way from a TUN device to the other end of the tunnel.

    `underlay` is the walk of the encrypted datagram, None when none was sent. `opening` holds the walks by which the two ends
    proved to each other who they are, when that had not happened before: requests and responses in turn. `unheard` is why they
    did not.
    """

    service: Tunnel | None
    peer: TunnelPeer | None = None
    underlay: Walk | None = None
    opening: tuple[Walk, ...] = ()
    unheard: Failure | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """A node on the way. `packet` is the one that came in (`interface_in` None: it starts here).

    `route` is None for a packet that is delivered here or stopped before routing; `interface_out` is None when it ends here.
    `entered` is set when the packet came out of a tunnel here, `passage` when it left through one.
    """

    node: Node = field(repr=False)
    packet: Probe
    interface_in: Interface | None = None
    interface_out: Interface | None = None
    route: Route | None = None
    gates: tuple[Consultation, ...] = ()
    nats: tuple[Nat, ...] = ()
    entered: TunnelEnd | None = None
    passage: Passage | None = None
    note: str = ""

    def __str__(self) -> str:
        ends = [end.name if end is not None else "·" for end in (self.interface_in, self.interface_out)]
        return f"{self.node.name} [{ends[0]} → {ends[1]}] {self.packet}" + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True, slots=True)
class Walk:
    """A packet's way and its end.

    `packet` is what was delivered, or what it had become when it was dropped. `at` is the hop of the drop; when an encrypted
    datagram died under way that hop is one of the underlay's, otherwise the last of `hops`. `origin` belongs to the rule, gate,
    route or peer that stopped the packet, None when the kernel did.
    """

    probe: Probe
    hops: tuple[Hop, ...]
    verdict: Verdict
    packet: Probe
    delivered_to: Node | None = field(default=None, repr=False)
    reason: Reason | Drop | None = None
    at: Hop | None = None
    origin: Origin | None = None
    error: IcmpError | None = None

    @property
    def delivered(self) -> bool:
        return self.verdict is Verdict.DELIVERED

    @property
    def cause(self) -> Failure | None:
        """What is to blame for the drop, None when delivered: of a peer that was not heard, the death of the opening datagram."""
        if self.reason is None:
            return None
        passage = self.hops[-1].passage
        if passage is not None and passage.unheard is not None:
            return passage.unheard
        return Failure(self.reason, self.origin, self.at)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes on the way."""
        return tuple(hop.node.name for hop in self.hops)

    def __str__(self) -> str:
        end = "delivered" if self.delivered else f"dropped: {self.reason}"
        return "\n".join([*map(str, self.hops), end])


@dataclass(frozen=True, slots=True)
class Exchange:
    """A packet and the answer to it. `reply` is None when the packet was not delivered, or is one that nobody answers."""

    request: Walk
    reply: Walk | None

    @property
    def answered(self) -> bool:
        return self.reply is not None and self.reply.delivered
