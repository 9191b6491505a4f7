"""What can go wrong: our misuse (`LocalError`), or what somebody else sent (`RemoteError`).

A remote error is raised where the rule stands, caught once a packet by the engine, counted under its reason, and the packet is
dropped. It never ends the process and is never logged one by one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class DropReason(StrEnum):
    """The code of a drop inside the dataplane."""

    # what comes out of the tunnel, in the order of the checks
    MALFORMED_ESP = "MALFORMED_ESP"
    IKE_NOT_SUPPORTED = "IKE_NOT_SUPPORTED"
    UNKNOWN_SPI = "UNKNOWN_SPI"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    KEY_EXHAUSTED = "KEY_EXHAUSTED"  # either way
    REPLAYED = "REPLAYED"
    MALFORMED_PACKET = "MALFORMED_PACKET"
    OUTSIDE_SELECTOR = "OUTSIDE_SELECTOR"
    CONGESTION_EXPERIENCED = "CONGESTION_EXPERIENCED"
    INBOUND_BANDWIDTH_EXCEEDED = "INBOUND_BANDWIDTH_EXCEEDED"
    # what goes into the tunnel
    NO_PEER_FOR_DESTINATION = "NO_PEER_FOR_DESTINATION"
    PEER_NOT_HEARD = "PEER_NOT_HEARD"
    PACKET_TOO_BIG = "PACKET_TOO_BIG"
    SEQUENCE_EXHAUSTED = "SEQUENCE_EXHAUSTED"
    PEAK_BANDWIDTH_EXCEEDED = "PEAK_BANDWIDTH_EXCEEDED"
    # what speaks IKE
    MALFORMED_IKE = "MALFORMED_IKE"
    IKE_TRUNCATED = "IKE_TRUNCATED"
    IKE_TOO_LONG = "IKE_TOO_LONG"
    IKE_COOKIE_WANTED = "IKE_COOKIE_WANTED"
    IKE_OVERLOADED = "IKE_OVERLOADED"
    IKE_REFUSED = "IKE_REFUSED"
    IKE_STRANGER = "IKE_STRANGER"
    IKE_WRONG_KEY = "IKE_WRONG_KEY"
    IKE_SPENT_KEY = "IKE_SPENT_KEY"
    UNKNOWN_IKE_SPI = "UNKNOWN_IKE_SPI"
    IKE_FORGED = "IKE_FORGED"
    IKE_REPEATED = "IKE_REPEATED"
    IKE_OUT_OF_WINDOW = "IKE_OUT_OF_WINDOW"
    IKE_UNEXPECTED = "IKE_UNEXPECTED"
    # both ways
    ENI_SOURCE_DEST_CHECK_RESTRICTION = "ENI_SOURCE_DEST_CHECK_RESTRICTION"
    # the kernel refused what the engine made
    OVERLAY_REFUSED = "OVERLAY_REFUSED"
    UNDERLAY_BUSY = "UNDERLAY_BUSY"
    UNDERLAY_REFUSED = "UNDERLAY_REFUSED"
    UNDERLAY_OVERFLOWED = "UNDERLAY_OVERFLOWED"
    # the path to the peer proved too small for what was sent
    PATH_TOO_SMALL = "PATH_TOO_SMALL"

    @property
    def text(self) -> str:
        """What the code says, in one sentence that ends without a full stop."""
        return _TEXT[self]


_TEXT = {
    DropReason.MALFORMED_ESP: "the datagram is no well-formed ESP packet",
    DropReason.IKE_NOT_SUPPORTED: "the datagram is an IKE message, and this dataplane speaks no IKE",
    DropReason.UNKNOWN_SPI: "no security association has the datagram's SPI",
    DropReason.AUTHENTICATION_FAILED: (
        "the ends of the tunnel do not agree on identity and key, or the datagram's integrity check value is wrong"
    ),
    DropReason.KEY_EXHAUSTED: "the key has sealed as many packets, or met as many forgeries, as its cipher allows",
    DropReason.REPLAYED: "the sequence number was received before, or lies behind the replay window",
    DropReason.MALFORMED_PACKET: "the inner packet is no well-formed IPv4 packet",
    DropReason.OUTSIDE_SELECTOR: "the inner source lies outside the prefixes behind the peer",
    DropReason.CONGESTION_EXPERIENCED: "the datagram met congestion, and the inner sender knows no sign of it but loss",
    DropReason.INBOUND_BANDWIDTH_EXCEEDED: "more comes from the peer than its bandwidth, and as much waits as may",
    DropReason.NO_PEER_FOR_DESTINATION: "the destination lies behind no peer",
    DropReason.PEER_NOT_HEARD: "the peer has not been heard yet, so nothing is sent to it",
    DropReason.PACKET_TOO_BIG: "the packet does not fit the tunnel and must not be fragmented",
    DropReason.SEQUENCE_EXHAUSTED: "the security association's sequence numbers are used up",
    DropReason.PEAK_BANDWIDTH_EXCEEDED: "more is sent than the gateway's peak bandwidth, and as much waits as may",
    DropReason.MALFORMED_IKE: "the datagram is no well-formed IKE message",
    DropReason.IKE_TRUNCATED: "the IKE message is shorter than its header says, or longer",
    DropReason.IKE_TOO_LONG: "the IKE message is longer than any that is spoken here",
    DropReason.IKE_COOKIE_WANTED: "many IKE handshakes are half open, so the initiator was asked for a cookie first",
    DropReason.IKE_OVERLOADED: "too many IKE handshakes are half open, so no other is begun",
    DropReason.IKE_REFUSED: "the IKE handshake asks for what is not granted here, and its initiator was told so",
    DropReason.IKE_STRANGER: "the IKE peer says it is somebody for whom there is no key here",
    DropReason.IKE_WRONG_KEY: "the IKE peer's proof of its key is wrong",
    DropReason.IKE_SPENT_KEY: "the IKE peer proves its identity with a key that is good once, and was used before",
    DropReason.UNKNOWN_IKE_SPI: "no IKE security association has the message's SPI",
    DropReason.IKE_FORGED: "the IKE message's integrity check value is wrong: another key, or it was altered",
    DropReason.IKE_REPEATED: "the IKE request came before, so its answer was sent again",
    DropReason.IKE_OUT_OF_WINDOW: "the IKE message's ID is neither that of the next request nor of one that waits for its answer",
    DropReason.IKE_UNEXPECTED: "the IKE message does not fit the state of its security association",
    DropReason.ENI_SOURCE_DEST_CHECK_RESTRICTION: (
        "the interface's source/destination check is on, and the address is not its own"
    ),
    DropReason.OVERLAY_REFUSED: "the kernel refused the packet at the TUN device",
    DropReason.UNDERLAY_OVERFLOWED: "the underlay socket's receive buffer was full, so the kernel dropped the datagram",
    DropReason.UNDERLAY_BUSY: "the underlay socket's send buffer is full",
    DropReason.UNDERLAY_REFUSED: "the kernel refused the datagram: there is no route to the peer",
    DropReason.PATH_TOO_SMALL: "the datagram was too big for the path; smaller ones are sent from now on",
}


class DataplaneError(Exception):
    """Every error that this package raises on purpose."""


class LocalError(DataplaneError):
    """The caller, the configuration or the machine is at fault."""


class RemoteError(DataplaneError):
    """What somebody else sent breaks a rule. It is counted under `reason` and dropped."""

    reason: ClassVar[DropReason]


class MalformedEsp(RemoteError):
    reason = DropReason.MALFORMED_ESP


class IkeNotSupported(RemoteError):
    reason = DropReason.IKE_NOT_SUPPORTED


class UnknownSpi(RemoteError):
    reason = DropReason.UNKNOWN_SPI


class AuthenticationFailed(RemoteError):
    reason = DropReason.AUTHENTICATION_FAILED


class Replayed(RemoteError):
    reason = DropReason.REPLAYED


class MalformedPacket(RemoteError):
    reason = DropReason.MALFORMED_PACKET


class OutsideSelector(RemoteError):
    reason = DropReason.OUTSIDE_SELECTOR


class CongestionExperienced(RemoteError):
    """The network's doing: RFC 6040 has the packet dropped, as the router would have that marked its outside."""

    reason = DropReason.CONGESTION_EXPERIENCED


class NoPeerForDestination(RemoteError):
    reason = DropReason.NO_PEER_FOR_DESTINATION


class PeerNotHeard(RemoteError):
    reason = DropReason.PEER_NOT_HEARD


class PacketTooBig(RemoteError):
    reason = DropReason.PACKET_TOO_BIG


class SequenceExhausted(RemoteError):
    """Nobody's fault but time's; it stops one packet like any other remote error."""

    reason = DropReason.SEQUENCE_EXHAUSTED


class KeyExhausted(RemoteError):
    """The security proof of the cipher ends here. IKE replaces keys long before; one given by hand ends."""

    reason = DropReason.KEY_EXHAUSTED


class EniSourceDestCheckRestriction(RemoteError):
    reason = DropReason.ENI_SOURCE_DEST_CHECK_RESTRICTION
