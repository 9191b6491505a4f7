"""What an end wants: of every peer (`Settings`), and of one whose identity it knows (`Policy`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address, IPv4Network

from dataplane.ike.identity import Identity
from dataplane.ike.lifetimes import Lifetimes
from dataplane.ike.offers import EspOffer, IkeOffer
from dataplane.ike.selectors import EVERYTHING, TrafficSelector, of_prefix

HOST_MASK = IPv4Address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class Retransmission:
    """A request is sent `attempts` times; the wait after the first is `first` seconds and grows by `factor` (RFC 7296 §2.1).

    Our choice for a handshake: 31.5 s in all, for there is nothing yet that could be lost by waiting.
    """

    first: float = 0.5
    factor: float = 2.0
    attempts: int = 6


def lively(seconds: float) -> Retransmission:
    """For a conversation that is established: the peer is given up `seconds` after the first of seven attempts.

    Our choice. At a loss of 10 % each way a question and its answer fail with a probability of 0.19, and seven of them with 9e-6;
    at 20 % with 8e-4. A peer that anything else is heard of meanwhile is asked on.
    """
    factor, attempts = 1.25, 7
    return Retransmission(seconds * (factor - 1) / (factor**attempts - 1), factor, attempts)


@dataclass(frozen=True, slots=True)
class Settings:
    """When an end asks whether its peer is alive (RFC 7296 §2.4), in seconds of silence: `probe_after` while nothing is sent to
    the peer, `probe_waiting` while something is. Our choice: a dead peer is noticed after 10 s when somebody waits for it, after
    16 s when nobody does. `liveness` is how questions and all later requests are repeated.

    With `encapsulate`, ESP goes in UDP whether or not there is a NAT: that is all this dataplane speaks.
    """

    ike: IkeOffer = field(default_factory=IkeOffer)
    retransmission: Retransmission = field(default_factory=Retransmission)
    liveness: Retransmission = field(default_factory=partial(lively, 6.0))
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    probe_after: float = 10.0
    probe_waiting: float = 4.0
    encapsulate: bool = True


@dataclass(frozen=True, slots=True)
class Lease:
    """What a remote-access client is given."""

    address: IPv4Address
    netmask: IPv4Address = HOST_MASK
    dns: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How to speak to one peer. Gateways are route-based and select everything; a client asks for a lease or is given one.

    A key that is good `once` is `spent` when the peer has proved with it who it is.
    """

    local: Identity
    remote: Identity
    psk: bytes = field(repr=False)
    esp: EspOffer = field(default_factory=EspOffer)
    ours: tuple[TrafficSelector, ...] = EVERYTHING
    theirs: tuple[TrafficSelector, ...] = EVERYTHING
    request_lease: bool = False
    lease: Lease | None = None
    once: bool = False
    spent: bool = False

    @property
    def permitted_theirs(self) -> tuple[TrafficSelector, ...]:
        """A peer with a lease may send from nothing else."""
        return self.theirs if self.lease is None else (of_prefix(IPv4Network(self.lease.address)),)


Lookup = Callable[[Identity], Policy | None]
"""Finds the policy of a peer that names itself, None for a stranger."""
