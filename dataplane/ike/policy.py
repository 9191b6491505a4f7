"""What an end wants: of every peer (`Settings`), and of one whose identity it knows (`Policy`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from dataplane.ike.identity import Identity
from dataplane.ike.lifetimes import Lifetimes
from dataplane.ike.offers import EspOffer, IkeOffer
from dataplane.ike.selectors import EVERYTHING, TrafficSelector, of_prefix

HOST_MASK = IPv4Address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class Retransmission:
    """A request is sent `attempts` times; the wait after the first is `first` seconds and grows by `factor`. Our choice: 31.5 s
    in all, so that a path that is down for half a minute costs no tunnel."""

    first: float = 0.5
    factor: float = 2.0
    attempts: int = 6


@dataclass(frozen=True, slots=True)
class Settings:
    """`probe_after` is how many seconds of silence make an end ask whether its peer is alive (RFC 7296 §2.4). Our choice.

    With `encapsulate`, ESP goes in UDP whether or not there is a NAT: that is all this dataplane speaks.
    """

    ike: IkeOffer = field(default_factory=IkeOffer)
    retransmission: Retransmission = field(default_factory=Retransmission)
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    probe_after: float = 10.0
    encapsulate: bool = True


@dataclass(frozen=True, slots=True)
class Lease:
    """What a remote-access client is given."""

    address: IPv4Address
    netmask: IPv4Address = HOST_MASK
    dns: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How to speak to one peer. Gateways are route-based and select everything; a client asks for a lease or is given one."""

    local: Identity
    remote: Identity
    psk: bytes = field(repr=False)
    esp: EspOffer = field(default_factory=EspOffer)
    ours: tuple[TrafficSelector, ...] = EVERYTHING
    theirs: tuple[TrafficSelector, ...] = EVERYTHING
    request_lease: bool = False
    lease: Lease | None = None

    @property
    def permitted_theirs(self) -> tuple[TrafficSelector, ...]:
        """A peer with a lease may send from nothing else."""
        return self.theirs if self.lease is None else (of_prefix(IPv4Network(self.lease.address)),)


Lookup = Callable[[Identity], Policy | None]
"""Finds the policy of a peer that names itself, None for a stranger."""
