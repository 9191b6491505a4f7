"""The other end of a tunnel: what lies behind it, where it is, when it was last heard; and one that is keyed by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

from dataplane import icmp
from dataplane.counters import Counters
from dataplane.errors import LocalError, OutsideSelector, PeerNotHeard
from dataplane.esp import NEXT_HEADER_DUMMY, InboundSa, Opened, OutboundSa
from dataplane.ipv4 import Ipv4Header
from dataplane.packets import Buffer, Endpoint, Send
from dataplane.prefixes import PrefixTable

OPENING_INTERVAL = 1.0
"""Seconds between dummy packets to a peer that has not answered yet. Our choice."""

KEEPALIVE_INTERVAL = 20.0
"""Seconds without anything sent, after which a NAT keepalive is due. RFC 3948 §4, its default."""

KEEPALIVE = b"\xff"  # RFC 3948 §2.3


class RemoteGateway(ABC):
    """A gateway's view of one other gateway. Performs no I/O and reads no clock; times are seconds of a monotonic clock.

    `speaks_first` is about this end: it opens the conversation and keeps the NAT in front of it open. `outbound` is what is sent
    through, None while there is nothing.
    """

    outbound: OutboundSa | None

    def __init__(
        self, name: str, prefixes: Sequence[IPv4Network], endpoint: Endpoint | None = None, *, speaks_first: bool = False
    ) -> None:
        if speaks_first and endpoint is None:
            raise LocalError(f"peer {name} has no endpoint, so this end cannot speak first")
        self.name = name
        self.prefixes = prefixes
        self.endpoint = endpoint
        self.speaks_first = speaks_first
        self.heard_at: float | None = None
        self.counters = Counters()
        self._sent_at: float | None = None

    @property
    def prefixes(self) -> tuple[IPv4Network, ...]:
        """What lies behind the peer: what is sent to it, and what it may send from."""
        return self._prefixes

    @prefixes.setter
    def prefixes(self, prefixes: Sequence[IPv4Network]) -> None:
        self._prefixes = tuple(prefixes)
        self._behind = PrefixTable((prefix, prefix) for prefix in prefixes)

    @abstractmethod
    def inbound_spis(self) -> tuple[int, ...]:
        """The SPIs under which the peer may be received."""

    @property
    @abstractmethod
    def inbound_spi(self) -> int | None:
        """The latest of those SPIs that is not about to go, None while there is none."""

    @abstractmethod
    def receive(self, payload: Buffer, endpoint: Endpoint, now: float) -> Opened:
        """Open a datagram under one of those SPIs. Raises MalformedEsp, AuthenticationFailed, Replayed."""

    @abstractmethod
    def answer_dummy(self, now: float) -> Sequence[Send]:
        """What a dummy packet is answered with. Raises SequenceExhausted."""

    def admit(self, packet: Buffer, header: Ipv4Header) -> None:
        """Raises OutsideSelector unless the peer may send this packet, MalformedPacket for an ICMP error that quotes rubbish.

        A packet is judged by its source. An ICMP error may come from any router on the way, so it is judged by the packet it
        quotes: one that was on its way to the peer. RFC 4301 §6.
        """
        quotation = icmp.quoted(packet, header)
        judged = header.source if quotation is None else quotation.destination
        if self._behind.lookup(judged) is None:
            what = "source" if quotation is None else "destination of the quoted packet"
            raise OutsideSelector(f"{what} {IPv4Address(judged)} lies outside the prefixes of {self.name}")

    def permit(self, packet: Buffer, header: Ipv4Header) -> None:
        """Raises OutsideSelector for a packet that is not to be sent to the peer, though its destination lies behind it."""
        return

    def send(self, packet: Buffer, now: float, tos: int = 0) -> Send:
        """Seal an inner packet, to go out under an outer header with a TOS byte. Raises PeerNotHeard, SequenceExhausted."""
        if self.heard_at is None or self.outbound is None:
            raise PeerNotHeard(f"{self.name} has not been heard yet")
        effect = self._emit(self.outbound.encapsulate(packet), now, tos)
        self.counters.sent.add(len(packet))
        return effect

    @abstractmethod
    def due_at(self) -> float | None:
        """When `speak` has something to say next, None for never; minus infinity stands for at once."""

    @abstractmethod
    def speak(self, now: float) -> Send:
        """Say what is due, unasked. Raises RemoteError when nothing can be sent."""

    def keep_alive(self, now: float) -> Send:
        """Hold the NAT open in front of this end."""
        self.counters.sent.keepalives += 1
        return self._emit(KEEPALIVE, now)

    def _emit(self, payload: Buffer, now: float, tos: int = 0) -> Send:
        if self.endpoint is None:
            raise PeerNotHeard(f"the endpoint of {self.name} is not known yet")
        self._sent_at = now
        return Send(payload, self.endpoint, self.name, tos)


class Peer(RemoteGateway):
    """A gateway that is keyed by hand: one association each way, for ever. The end that speaks first opens with dummy packets."""

    outbound: OutboundSa

    def __init__(
        self,
        name: str,
        outbound: OutboundSa,
        inbound: InboundSa,
        prefixes: Sequence[IPv4Network],
        endpoint: Endpoint | None = None,
        *,
        speaks_first: bool = False,
    ) -> None:
        super().__init__(name, prefixes, endpoint, speaks_first=speaks_first)
        self.outbound = outbound
        self.inbound = inbound

    def inbound_spis(self) -> tuple[int, ...]:
        return (self.inbound.spi,)

    @property
    def inbound_spi(self) -> int:
        return self.inbound.spi

    def receive(self, payload: Buffer, endpoint: Endpoint, now: float) -> Opened:
        """Only the newest packet moves the peer: a late one is from before."""
        opened = self.inbound.decapsulate(payload)
        self.heard_at = now
        if opened.newest:
            self.endpoint = endpoint
        return opened

    def answer_dummy(self, now: float) -> Sequence[Send]:
        """Only the end that does not speak first answers, so two ends never answer each other's answers."""
        return () if self.speaks_first else (self.send_dummy(now),)

    def send_dummy(self, now: float) -> Send:
        """Seal a dummy packet, which says no more than "here I am". RFC 4303 §2.6. Raises SequenceExhausted."""
        effect = self._emit(self.outbound.encapsulate(b"", NEXT_HEADER_DUMMY), now)
        self.counters.sent.dummies += 1
        return effect

    def due_at(self) -> float | None:
        if not self.speaks_first:
            return None
        if self._sent_at is None:
            return float("-inf")
        return self._sent_at + (OPENING_INTERVAL if self.heard_at is None else KEEPALIVE_INTERVAL)

    def speak(self, now: float) -> Send:
        """Open the conversation, or keep the NAT open once it is. Raises SequenceExhausted."""
        self._sent_at = now  # even when nothing can be sent: the next attempt is due after the interval
        return self.send_dummy(now) if self.heard_at is None else self.keep_alive(now)
