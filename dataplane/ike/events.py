"""What comes out of IKE: datagrams to send, and what became of the conversation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from dataplane.config import PeerKeys
from dataplane.ike.errors import notice_name
from dataplane.ike.identity import Identity
from dataplane.ike.paths import Path
from dataplane.ike.selectors import TrafficSelector
from dataplane.suites import Suite


class Reason(StrEnum):
    """Why a conversation ended that should not have. All but the last two are what one end told the other."""

    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    NO_PROPOSAL_CHOSEN = "NO_PROPOSAL_CHOSEN"
    INVALID_KE_PAYLOAD = "INVALID_KE_PAYLOAD"
    TS_UNACCEPTABLE = "TS_UNACCEPTABLE"
    INVALID_SYNTAX = "INVALID_SYNTAX"
    UNSUPPORTED_CRITICAL_PAYLOAD = "UNSUPPORTED_CRITICAL_PAYLOAD"
    INTERNAL_ADDRESS_FAILURE = "INTERNAL_ADDRESS_FAILURE"
    REFUSED = "REFUSED"  # for any other reason
    EXPIRED = "EXPIRED"  # its keys reached the end of their life
    NO_ANSWER = "NO_ANSWER"


def reason_of(notice: int) -> Reason:
    name = notice_name(notice)
    return Reason(name) if name in Reason.__members__ else Reason.REFUSED


@dataclass(frozen=True, slots=True)
class Transmit:
    """Effect: send `payload` as one UDP datagram along a path. It holds the non-ESP marker where the path wants one."""

    payload: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class Child:
    """A pair of ESP security associations. `local` and `remote` are what they may carry, by this end's view."""

    cipher: Suite
    keys: PeerKeys
    local: tuple[TrafficSelector, ...]
    remote: tuple[TrafficSelector, ...]

    @property
    def spi(self) -> int:
        """The inbound SPI, which names the child at this end."""
        return self.keys.inbound.spi


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The peer proved that it is `identity`. With `initial_contact` it says that it knows of no other conversation with us."""

    identity: Identity
    initial_contact: bool


@dataclass(frozen=True, slots=True)
class ChildEstablished:
    child: Child


@dataclass(frozen=True, slots=True)
class ChildRekeyed:
    """`child` takes the place of the one named `old`, which stays open until its ChildDeleted.

    The end that `initiated` it sends through it at once. The other goes on with the old one until a packet comes through the new
    one or the old one is deleted: before that it cannot know that the peer has the keys (RFC 7296 §2.8).
    """

    old: int
    child: Child
    initiated: bool


@dataclass(frozen=True, slots=True)
class ChildDeleted:
    """Nothing is to be sent through it any more. What is still under way may be received for a while."""

    spi: int


@dataclass(frozen=True, slots=True)
class Configured:
    """The peer leased us an address."""

    address: IPv4Address
    dns: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """The peer is heard from another endpoint. It is authentic."""

    path: Path


@dataclass(frozen=True, slots=True)
class Refused:
    """What one end wants is refused, but the conversation goes on: anybody may have said so, or it is about a child alone."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a conversation that ended for a reason. `by_peer` says who refused; for NO_ANSWER it says nothing."""

    reason: Reason
    by_peer: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """The last event of a conversation that was ended on purpose."""

    by_peer: bool


Event = (
    Authenticated | ChildEstablished | ChildRekeyed | ChildDeleted | Configured | Moved | Refused | Failed | Closed
)
Output = Transmit | Event
