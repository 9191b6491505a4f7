"""The other end of a tunnel: what lies behind it, where it is, when it was last heard; and one that is keyed by hand."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from dataplane import icmp
from dataplane.counters import Counters, MeteredCounters
from dataplane.errors import DropReason, LocalError, OutsideSelector, PeerNotHeard
from dataplane.esp import NEXT_HEADER_DUMMY, InboundSa, Opened, OutboundSa, overlay_mtu
from dataplane.ipv4 import Ipv4Header
from dataplane.meters import Entry, Record
from dataplane.packets import Buffer, Deliver, Endpoint, PathReport, Send
from dataplane.path_mtu import PathMtu, Probe, parse_probe
from dataplane.prefixes import PrefixTable
from dataplane.shaper import LEAST_ROOM, SMALL_ROOM, Held, Shaper
from dataplane.virtio import COMPLETE

OPENING_INTERVAL = 1.0
"""Seconds between dummy packets to a peer that has not answered yet. Our choice."""

KEEPALIVE_INTERVAL = 20.0
"""Seconds without anything sent, after which a NAT keepalive is due. RFC 3948 §4, its default."""

KEEPALIVE = b"\xff"  # RFC 3948 §2.3

RECENT = 2**16
"""Packets: nobody who tells the truth quotes one that was sent longer ago. Our choice: more than are under way on any path."""

PROBES_REMEMBERED = 64  # our choice: those of one search

ETHERNET_MTU = 1500  # bytes
BITS = 8  # of a byte

_SPI_AND_SEQUENCE = struct.Struct("!II")


def _nobody(_peer: RemoteGateway) -> None:
    """Whom a peer wakes that no engine serves."""


def _reshaped(shaper: Shaper | None, bandwidth: int | None, room: int) -> Shaper | None:
    """A shaper at another bandwidth, in bit/s."""
    if bandwidth is None:
        return None
    if shaper is None:
        return Shaper(bandwidth / BITS, room)
    shaper.rate = bandwidth / BITS
    return shaper


class RemoteGateway(ABC):
    """A gateway's view of one other gateway. Performs no I/O and reads no clock; times are seconds of a monotonic clock.

    `speaks_first` is about this end: it opens the conversation and keeps the NAT in front of it open. `outbound` is what is sent
    through, None while there is nothing.
    """

    __slots__ = (
        "_behind",
        "_endpoint",
        "_prefixes",
        "_probes",
        "_sent_at",
        "counters",
        "heard_at",
        "holds",
        "inbound_shaper",
        "is_metered",
        "name",
        "outbound",
        "path",
        "selects_inbound",
        "selects_outbound",
        "shaper",
        "speaks_first",
        "wake",
    )
    # A packet of another peer than the one before waits for memory more than for anything else. In slots what it looks at lies
    # close together; a dictionary of so many attributes would scatter it.

    outbound: OutboundSa | None

    def __init__(
        self, name: str, prefixes: Sequence[IPv4Network], endpoint: Endpoint | None = None, *, speaks_first: bool = False
    ) -> None:
        if speaks_first and endpoint is None:
            raise LocalError(f"peer {name} has no endpoint, so this end cannot speak first")
        self.name = name
        self.prefixes = prefixes
        self.path = PathMtu(overlay_mtu(ETHERNET_MTU))
        """What gets through to the peer. The engine that serves it puts one for its own overlay here."""
        self._endpoint = endpoint
        self.speaks_first = speaks_first
        self.wake: Callable[[RemoteGateway], None] = _nobody
        """Called when `due_at` may be earlier than before; the engine that serves the peer puts its own here too."""
        self.holds: Callable[[RemoteGateway], None] = _nobody
        """Likewise, called when `release_due_at` may be."""
        self.heard_at: float | None = None
        self.selects_inbound = self.selects_outbound = False
        """Whether `admit` asks more of a packet than a source behind the peer, and `permit` anything at all."""
        self._probes: deque[int] = deque(maxlen=PROBES_REMEMBERED)
        self.counters = Counters()
        self.is_metered = False
        self.shaper: Shaper | None = None
        """What holds that which is sent to the peer to its peak bandwidth; None where it has none."""
        self.inbound_shaper: Shaper | None = None
        """The same for what comes from the peer, for one that is not trusted to hold itself back."""
        self._sent_at: float | None = None

    @property
    def endpoint(self) -> Endpoint | None:
        """Where the peer is, as far as that is known. What the path to another place carries has to be found out anew."""
        return self._endpoint

    @endpoint.setter
    def endpoint(self, endpoint: Endpoint | None) -> None:
        if endpoint != self._endpoint:
            self._endpoint = endpoint
            self.path.forget()
            self.wake(self)

    @property
    def prefixes(self) -> tuple[IPv4Network, ...]:
        """What lies behind the peer: what is sent to it, and what it may send from."""
        return self._prefixes

    @prefixes.setter
    def prefixes(self, prefixes: Sequence[IPv4Network]) -> None:
        self._prefixes = tuple(prefixes)
        self._behind = PrefixTable((prefix, prefix) for prefix in prefixes)
        self.note_demands()

    def note_demands(self) -> None:  # noqa: B027 - of a peer that is keyed by hand nothing more is asked
        """What lies behind the peer has changed, and so may what is asked of a packet."""

    @property
    def bandwidth(self) -> int | None:
        """The most that is sent to the peer, in bit/s of inner packets; None for no limit."""
        return None if self.shaper is None else round(BITS * self.shaper.rate)

    @bandwidth.setter
    def bandwidth(self, bandwidth: int | None) -> None:
        """What waits goes on waiting, at another rate; with no limit it is dropped."""
        self.shaper = _reshaped(self.shaper, bandwidth, LEAST_ROOM)

    @property
    def inbound_bandwidth(self) -> int | None:
        """The most that is taken from the peer, in bit/s of inner packets; None for no limit."""
        return None if self.inbound_shaper is None else round(BITS * self.inbound_shaper.rate)

    @inbound_bandwidth.setter
    def inbound_bandwidth(self, bandwidth: int | None) -> None:
        """As `bandwidth`."""
        self.inbound_shaper = _reshaped(self.inbound_shaper, bandwidth, SMALL_ROOM)

    def count_in(self, record: Record) -> None:
        """Count what passes in a record, too, which outlives this process. Packets then go one by one, for each is put down."""
        self.counters = MeteredCounters.on(record)
        self.is_metered = True

    @abstractmethod
    def inbound_spis(self) -> tuple[int, ...]:
        """The SPIs under which the peer may be received."""

    @property
    @abstractmethod
    def inbound_spi(self) -> int | None:
        """The latest of those SPIs that is not about to go, None while there is none."""

    @abstractmethod
    def inbound_sa(self, spi: int) -> InboundSa:
        """What opens datagrams under one of those SPIs; `admit` and `heard` are then about packets that came through it."""

    @abstractmethod
    def heard(self, spi: int, endpoint: Endpoint, now: float, *, newest: bool) -> None:
        """Something authentic came under one of those SPIs. `newest` says whether with the highest sequence number so far."""

    def receive(self, spi: int, payload: Buffer, endpoint: Endpoint, now: float) -> Opened:
        """Open a datagram under one of those SPIs. Raises MalformedEsp, KeyExhausted, AuthenticationFailed, Replayed."""
        opened = self.inbound_sa(spi).decapsulate(payload)
        self.heard(spi, endpoint, now, newest=opened.newest)
        return opened

    def take_dummy(self, content: Buffer, now: float) -> Sequence[Send]:
        """Obey a dummy packet, and return its answer. Raises SequenceExhausted, KeyExhausted."""
        probe = parse_probe(content)
        if probe is None:
            return self.answer_dummy(now)
        if probe.is_answer:
            self.path.confirm(probe.size, now)
            return ()
        return (self._send_dummy(Probe(probe.size, is_answer=True).pack(), now),)

    @abstractmethod
    def answer_dummy(self, now: float) -> Sequence[Send]:
        """What a dummy packet that is no probe is answered with. Raises SequenceExhausted, KeyExhausted."""

    def admit(self, packet: Buffer, header: Ipv4Header) -> None:
        """Raises OutsideSelector unless the peer may send this packet, MalformedPacket for an ICMP error that quotes rubbish.

        A packet is judged by its source. An ICMP error may come from any router on the way, so it is judged by the packet it
        quotes: one that was on its way to the peer. RFC 4301 §6.
        """
        quotation = icmp.quoted(packet, header)
        judged = header.source if quotation is None else quotation.destination
        if not self.is_behind(judged):
            what = "source" if quotation is None else "destination of the quoted packet"
            raise OutsideSelector(f"{what} {IPv4Address(judged)} lies outside the prefixes of {self.name}")

    def accept(self, packet: Buffer, now: float) -> Sequence[Deliver]:
        """Take a packet that was admitted: it goes on at once, waits for the peer's inbound bandwidth, or is dropped."""
        shaper = self.inbound_shaper
        if shaper is None or shaper.may_pass(len(packet), now):
            return (Deliver(packet, self.counters.received.count(len(packet))),)
        is_first = not shaper.backlog
        if not shaper.hold(Held(bytearray(packet), COMPLETE, len(packet))):
            self.counters.exceeded(DropReason.INBOUND_BANDWIDTH_EXCEEDED)
        elif is_first:
            self.holds(self)
        return ()

    def release(self, now: float) -> Iterator[Deliver]:
        """What has waited for the peer's inbound bandwidth until now. It counts as received when it goes on."""
        for held in () if self.inbound_shaper is None else self.inbound_shaper.release(now):
            yield Deliver(held.packet, self.counters.received.count(held.size))

    def release_due_at(self) -> float | None:
        """When `release` has something to do next, None for never."""
        return None if self.inbound_shaper is None else self.inbound_shaper.due()

    def is_behind(self, address: int) -> bool:
        """Whether the peer may send from an address."""
        return self._behind.lookup(address) is not None

    def permit(self, packet: Buffer, header: Ipv4Header) -> None:
        """Raises OutsideSelector for a packet that is not to be sent to the peer, though its destination lies behind it."""
        return

    def send(self, packet: Buffer, now: float, tos: int = 0) -> Send:
        """Seal an inner packet, to go out under an outer header with a TOS byte.

        Raises PeerNotHeard, SequenceExhausted, KeyExhausted.
        """
        if self.heard_at is None or self.outbound is None:
            raise PeerNotHeard(f"{self.name} has not been heard yet")
        effect = self._emit(self.outbound.encapsulate(packet), now, tos)
        return effect._replace(entry=self.counters.sent.count(len(packet)))

    @property
    def is_reachable(self) -> bool:
        """Whether `send` would not raise PeerNotHeard."""
        return self.heard_at is not None and self.outbound is not None and self.endpoint is not None

    def sent(self, packets: int, length: int, now: float) -> Endpoint:
        """Note packets of `length` bytes in all, which are on their way. Returns where to. Raises PeerNotHeard."""
        if self.endpoint is None:
            raise PeerNotHeard(f"the endpoint of {self.name} is not known yet")
        self._sent_at = now
        self.counters.sent.add(length, packets)
        return self.endpoint

    def sent_one(self, length: int, now: float) -> Entry | None:
        """Note a packet that is on its way. Returns what of it is to be put down."""
        self._sent_at = now
        return self.counters.sent.count(length)

    def due_at(self) -> float | None:
        """When `tick` has something to do next, None for never; minus infinity stands for at once."""
        dues = (self.words_due_at(), self._probes_due_at())
        return min((due for due in dues if due is not None), default=None)

    def tick(self, now: float) -> Sequence[Send]:
        """Say and ask what is due. Raises RemoteError when nothing can be sent."""
        words, probes = self.words_due_at(), self._probes_due_at()
        said = [self.speak(now)] if words is not None and words <= now else []
        return said + self._ask(now) if probes is not None and probes <= now else said

    @abstractmethod
    def words_due_at(self) -> float | None:
        """When `speak` has something to say next, as `due_at` has it."""

    @abstractmethod
    def speak(self, now: float) -> Send:
        """Say what is due, unasked. Raises RemoteError when nothing can be sent."""

    def keep_alive(self, now: float) -> Send:
        """Hold the NAT open in front of this end."""
        self.counters.sent.keepalives += 1
        return self._emit(KEEPALIVE, now)

    def _probes_due_at(self) -> float | None:
        return None if self.heard_at is None or self.outbound is None else self.path.due_at

    def _ask(self, now: float) -> list[Send]:
        """Ask what the path to the peer carries. Raises SequenceExhausted, KeyExhausted."""
        return [self._send_probe(probe, now) for probe in self.path.questions(now)]

    def _send_probe(self, probe: Probe, now: float) -> Send:
        effect = self._send_dummy(probe.pack(), now)
        self._probes.append(int.from_bytes(effect.payload[4:8], "big"))
        return effect._replace(is_probe=True)

    def _send_dummy(self, content: Buffer, now: float) -> Send:
        """Seal a dummy packet, which any receiver discards. RFC 4303 §2.6."""
        if self.outbound is None:
            raise PeerNotHeard(f"nothing can be sealed for {self.name}")
        effect = self._emit(self.outbound.encapsulate(content, NEXT_HEADER_DUMMY), now)
        self.counters.sent.dummies += 1
        return effect

    def hear_of_path(self, report: PathReport, now: float) -> None:
        """A datagram to the peer was too big for some link. What ICMP says is proven by quoting a packet that was just sent."""
        if report.is_local:
            self.path.limit(report.mtu, now)
            return
        sequence = self._quoted_sequence(report.quoted)
        if sequence is not None and sequence not in self._probes:
            self.counters.drops[DropReason.PATH_TOO_SMALL] += 1
        self.path.claim(report.mtu, now, proven=sequence is not None)
        self.wake(self)

    def _quoted_sequence(self, quoted: bytes) -> int | None:
        """None when it is none of the packets that were sent lately."""
        if self.outbound is None or len(quoted) < _SPI_AND_SEQUENCE.size:
            return None
        spi, sequence = _SPI_AND_SEQUENCE.unpack_from(quoted)
        is_recent = 0 < sequence <= self.outbound.sequence < sequence + RECENT
        return sequence if spi == self.outbound.spi and is_recent else None

    def _emit(self, payload: Buffer, now: float, tos: int = 0) -> Send:
        if self.endpoint is None:
            raise PeerNotHeard(f"the endpoint of {self.name} is not known yet")
        self._sent_at = now
        return Send(payload, self.endpoint, self.name, tos)


class Peer(RemoteGateway):
    """A gateway that is keyed by hand: one association each way, for ever. The end that speaks first opens with dummy packets."""

    __slots__ = ("inbound",)

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

    def inbound_sa(self, spi: int) -> InboundSa:
        return self.inbound

    def heard(self, spi: int, endpoint: Endpoint, now: float, *, newest: bool) -> None:
        """Only the newest packet moves the peer: a late one is from before."""
        first, self.heard_at = self.heard_at is None, now
        if newest and endpoint != self.endpoint:
            self.endpoint = endpoint
        if first:
            self.wake(self)

    def answer_dummy(self, now: float) -> Sequence[Send]:
        """Only the end that does not speak first answers, so two ends never answer each other's answers."""
        return () if self.speaks_first else (self.send_dummy(now),)

    def send_dummy(self, now: float) -> Send:
        """Seal a dummy packet that says no more than "here I am". Raises SequenceExhausted, KeyExhausted."""
        return self._send_dummy(b"", now)

    def words_due_at(self) -> float | None:
        if not self.speaks_first:
            return None
        if self._sent_at is None:
            return float("-inf")
        return self._sent_at + (OPENING_INTERVAL if self.heard_at is None else KEEPALIVE_INTERVAL)

    def speak(self, now: float) -> Send:
        """Open the conversation, or keep the NAT open once it is. Raises SequenceExhausted, KeyExhausted."""
        self._sent_at = now  # even when nothing can be sent: the next attempt is due after the interval
        return self.send_dummy(now) if self.heard_at is None else self.keep_alive(now)
