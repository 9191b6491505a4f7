"""A gateway that is keyed by IKE: its children as they come, take each other's place and go.

The events of IKE say which child is sent through; every child that is not gone is received through, and one that is gone for a
while longer, so that what is under way when a child is replaced still arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from dataplane import icmp
from dataplane.errors import AuthenticationFailed, OutsideSelector
from dataplane.esp import InboundSa, OutboundSa
from dataplane.ike.events import Child, Reason
from dataplane.ike.numbers import ANY_PROTOCOL
from dataplane.ike.paths import Path
from dataplane.ike.policy import Lease, Policy
from dataplane.ike.selectors import EVERYTHING, TrafficSelector
from dataplane.ike.session import Session
from dataplane.ike.states import State
from dataplane.ipv4 import Ipv4Header
from dataplane.meters import Record
from dataplane.packets import Buffer, Endpoint, Send
from dataplane.peer import KEEPALIVE_INTERVAL, RemoteGateway

Range = tuple[int, int, int]  # the first address and the last as numbers, and the protocol


@dataclass(frozen=True, slots=True)
class Selection:
    """What a child may carry when the peer wanted less than everything. Ports are not looked at: a fragment has none."""

    local: tuple[Range, ...]
    remote: tuple[Range, ...]

    def covers(self, prefixes: Sequence[IPv4Network]) -> bool:
        """Whether all may pass between this end and such networks: who asks for the prefixes then need not ask for it."""
        return self.local == _EVERYTHING and all(map(self._holds, prefixes))

    def _holds(self, prefix: IPv4Network) -> bool:
        first, last = int(prefix.network_address), int(prefix.broadcast_address)
        return any(start <= first and last <= end and protocol == ANY_PROTOCOL for start, end, protocol in self.remote)

    def check(self, local: int, remote: int, protocol: int) -> None:
        """Raises OutsideSelector. RFC 4301 §5.1, §5.2."""
        if not (_selects(self.local, local, protocol) and _selects(self.remote, remote, protocol)):
            raise OutsideSelector(f"{IPv4Address(local)} and {IPv4Address(remote)} are not among what the peer agreed to carry")


def _selects(ranges: Sequence[Range], address: int, protocol: int) -> bool:
    """Asked for each packet, so it asks no more than it must."""
    for first, last, selected in ranges:  # noqa: SIM110 - a generator takes three times as long
        if first <= address <= last and selected in (ANY_PROTOCOL, protocol):
            return True
    return False


def _selection_of(child: Child) -> Selection | None:
    everything = child.local == child.remote == EVERYTHING
    return None if everything else Selection(_ranges(child.local), _ranges(child.remote))


def _ranges(selectors: Sequence[TrafficSelector]) -> tuple[Range, ...]:
    return tuple((int(selector.first), int(selector.last), int(selector.protocol)) for selector in selectors)


_EVERYTHING = _ranges(EVERYTHING)


@dataclass(slots=True, eq=False)
class Pair:
    """Both associations of a child. One that `waits` is sent through only once the peer has sent through it."""

    session: Session
    outbound: OutboundSa
    inbound: InboundSa
    selection: Selection | None
    waits: bool = False
    is_demanding: bool = False  # the selection asks more of a packet than a source, or a destination, behind the peer

    @property
    def wear(self) -> float:
        """What part of the life of its keys is over, from 0 to 1, in the direction that wore more."""
        return max(self.outbound.wear, self.inbound.wear)


class NegotiatedPeer(RemoteGateway):
    """`home` is where the configuration says the peer is, and where this end begins; `failure` is why it is not connected.

    `obtained` is what the peer leased to this end.
    """

    __slots__ = (
        "_draining",
        "_heard_through",
        "_packets_seen",
        "_record",
        "_sending",
        "child_rekeys",
        "established_at",
        "failure",
        "home",
        "ike_rekeys",
        "obtained",
        "pairs",
        "policy",
        "sessions",
    )

    def __init__(
        self,
        name: str,
        policy: Policy,
        prefixes: Sequence[IPv4Network],
        endpoint: Endpoint | None = None,
        *,
        speaks_first: bool = False,
    ) -> None:
        self.pairs: dict[int, Pair] = {}  # by inbound SPI, the latest last
        self._draining: dict[int, Pair] = {}
        self._sending: Pair | None = None
        super().__init__(name, prefixes, endpoint, speaks_first=speaks_first)
        self.policy = policy
        self.home = endpoint
        self.outbound = None
        self.sessions: dict[Session, bytes] = {}  # with the SPI of the IKE SA that each is on, the latest last
        self.established_at: float | None = None
        self.failure: Reason | None = None
        self.obtained: Lease | None = None
        self.child_rekeys = 0
        self.ike_rekeys = 0
        self._heard_through: Pair | None = None
        self._packets_seen = 0
        self._record: Record | None = None

    @property
    def session(self) -> Session | None:
        """The conversation that was established last; the one that began last while none is."""
        latest_first = list(reversed(self.sessions))
        established = (session for session in latest_first if session.state is State.ESTABLISHED)
        return next(established, latest_first[0] if latest_first else None)

    def count_in(self, record: Record) -> None:
        """A key that was spent before stays so."""
        super().count_in(record)
        self._record = record
        self.policy = replace(self.policy, spent=self.policy.once and record.is_spent(self.policy.psk))

    # Packets

    def inbound_spis(self) -> tuple[int, ...]:
        return (*self.pairs, *self._draining)

    @property
    def inbound_spi(self) -> int | None:
        return next(reversed(self.pairs), None)

    def inbound_sa(self, spi: int) -> InboundSa:
        pair = self._heard_through = self.pairs.get(spi) or self._draining[spi]
        self.selects_inbound = pair.is_demanding
        return pair.inbound

    def note_demands(self) -> None:
        for pair in (*self.pairs.values(), *self._draining.values()):
            pair.is_demanding = pair.selection is not None and not pair.selection.covers(self.prefixes)
        self.selects_outbound = self._sending is not None and self._sending.is_demanding

    def heard(self, spi: int, endpoint: Endpoint, now: float, *, newest: bool) -> None:
        pair = self.pairs.get(spi)
        if pair is None:
            return  # it is draining, and says nothing about the peer as it is now
        pair.session.heard(now)
        self.heard_at = now
        if pair.waits:
            self._send_through(pair)
        if newest and endpoint != self.endpoint:
            self._follow(pair.session, endpoint)

    def _follow(self, session: Session, endpoint: Endpoint) -> None:
        """Take IKE along to where authentic ESP comes from, unless this end is the one behind a NAT (RFC 7296 §2.23)."""
        if not session.nat.here:
            self.endpoint = endpoint
            session.path = Path(session.path.floated().local, endpoint)

    def admit(self, packet: Buffer, header: Ipv4Header) -> None:
        super().admit(packet, header)
        selection = None if self._heard_through is None else self._heard_through.selection
        if selection is not None:
            quotation = icmp.quoted(packet, header)
            if quotation is None:
                selection.check(header.destination, header.source, header.protocol)
            else:
                selection.check(quotation.source, quotation.destination, quotation.protocol)

    def permit(self, packet: Buffer, header: Ipv4Header) -> None:
        """As on receipt, an ICMP error is judged by the packet that it quotes, which came from the peer."""
        selection = None if self._sending is None else self._sending.selection
        if selection is not None:
            quotation = icmp.quoted(packet, header)
            if quotation is None:
                selection.check(header.source, header.destination, header.protocol)
            else:
                selection.check(quotation.destination, quotation.source, quotation.protocol)

    def send(self, packet: Buffer, now: float, tos: int = 0) -> Send:
        """Seal an inner packet. Raises AuthenticationFailed, PeerNotHeard, SequenceExhausted."""
        if self._sending is None and self.failure is Reason.AUTHENTICATION_FAILED:
            raise AuthenticationFailed(f"{self.name} and this end did not prove to each other who they are")
        return super().send(packet, now, tos)

    def answer_dummy(self, now: float) -> Sequence[Send]:
        """Nothing: IKE asks whether a peer is alive."""
        return ()

    def words_due_at(self) -> float | None:
        """An end behind a NAT keeps it open (RFC 3948 §4); one that speaks first does so for a firewall that may be there."""
        if self._sending is None or self._sent_at is None:
            return None
        if not self.speaks_first and not self._sending.session.nat.here:
            return None
        return self._sent_at + KEEPALIVE_INTERVAL

    def speak(self, now: float) -> Send:
        self._sent_at = now  # even when nothing can be sent
        return self.keep_alive(now)

    def waited_for(self, now: float) -> Session | None:
        """The conversation whose peer has been silent for a while, if packets were sent to it since the last call."""
        packets_before, self._packets_seen = self._packets_seen, self.counters.sent.packets
        session = None if self._sending is None else self._sending.session
        if session is None or session.heard_at is None or self._packets_seen == packets_before:
            return None
        return session if now - session.heard_at >= session.settings.probe_waiting else None

    # Children

    def open(self, session: Session, child: Child, *, waits: bool, now: float) -> None:
        """Receive through a child from now on, and send through it unless it `waits`."""
        keys = child.keys
        outbound = OutboundSa(keys.outbound.spi, child.cipher, keys.outbound.material)
        inbound = InboundSa(keys.inbound.spi, child.cipher, keys.inbound.material)
        pair = self.pairs[child.spi] = Pair(session, outbound, inbound, _selection_of(child), waits)
        self.note_demands()
        self.heard_at = self._sent_at = now
        if self._sending is None or not waits:
            self._send_through(pair)

    def retire(self, spi: int) -> None:
        """Send nothing more through a child; what is under way in it may still come."""
        pair = self.pairs.pop(spi, None)
        if pair is None:
            return
        self._draining[spi] = pair
        if pair is self._sending:
            self._send_through(next(reversed(self.pairs.values()), None))

    def forget(self, spi: int) -> None:
        """Receive nothing more through a retired child."""
        self._draining.pop(spi, None)

    def _send_through(self, pair: Pair | None) -> None:
        self._sending = pair
        self.outbound = None if pair is None else pair.outbound
        self.selects_outbound = pair is not None and pair.is_demanding
        if pair is None:
            self.heard_at = None
            self.path.forget()
        else:
            pair.waits = False

    # Conversations

    def begin(self, session: Session) -> None:
        """A conversation with the peer is under way."""
        self.sessions[session] = session.current.local_spi

    def authenticate(self, session: Session, now: float) -> None:
        """The peer proved who it is. What went wrong before is history, and a key that is good once has done its work."""
        self.sessions.pop(session, None)
        self.begin(session)
        self.established_at = now
        self.failure = None
        self.policy = replace(self.policy, spent=self.policy.once)
        if self.policy.spent and self._record is not None:
            self._record.spend(self.policy.psk)

    def follow_rekeys(self, session: Session) -> bool:
        """Notice whether another IKE SA took the place of the one that a conversation was on."""
        spi = session.current.local_spi
        if self.sessions.get(session, spi) == spi:
            return False
        self.sessions[session] = spi
        self.ike_rekeys += 1
        return True

    def end(self, session: Session, failure: Reason | None) -> None:
        """A conversation is over."""
        self.sessions.pop(session, None)
        if failure is not None:
            self.failure = failure
        if not self.is_connected:
            self.established_at = self.obtained = None

    @property
    def is_connected(self) -> bool:
        """Whether any conversation is established."""
        return any(session.state is State.ESTABLISHED for session in self.sessions)
