"""The packet engine of a gateway: packets and datagrams in, effects out. It performs no I/O and reads no clock.

    TUN ──► outbound: parse, interface check, peer by destination, MSS, size ──► ESP ──► Send
    UDP ──► inbound: ESP (authenticate, replay), parse, traffic selector, interface check, ECN, MSS ──► Deliver
                     IKE ──► negotiation ──► Send, and other associations for a peer

Batches go through in order. A packet that breaks a rule raises a RemoteError where the rule stands; here it is counted, on the
peer once that is known, and forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network
from math import inf

from dataplane import icmp, ipv4, mss
from dataplane.agenda import Agenda
from dataplane.check import EniCheck
from dataplane.directory import Directory
from dataplane.errors import (
    DropReason,
    EniSourceDestCheckRestriction,
    IkeNotSupported,
    LocalError,
    MalformedEsp,
    MalformedPacket,
    NoPeerForDestination,
    PacketTooBig,
    RemoteError,
    UnknownSpi,
)
from dataplane.esp import NEXT_HEADER_DUMMY, NEXT_HEADER_IPV4, Opened
from dataplane.headers import HeaderRules, take_over_congestion
from dataplane.ike.numbers import IKE_PORT
from dataplane.ipv4 import Ipv4Header
from dataplane.keylog import KeyLog
from dataplane.limiter import TokenBucket
from dataplane.meters import Meters
from dataplane.negotiated import NegotiatedPeer
from dataplane.negotiation import IkeSetup, Negotiation
from dataplane.packets import (
    Buffer,
    Datagram,
    Deliver,
    Effect,
    Endpoint,
    PathReport,
    Send,
)
from dataplane.path_mtu import PathMtu
from dataplane.peer import KEEPALIVE, RemoteGateway

SPI_LENGTH = 4
IKE_MARKER = 0  # RFC 3948 §2.2: where an ESP packet has its SPI

ERRORS_PER_SECOND = 100.0
ERROR_BURST = 50.0
"""ICMP errors sent, and such as are heard. Our choice: plenty for path MTU discovery, too few to be worth provoking."""


DEFAULT_RULES = HeaderRules()


class Engine:
    """All tunnels of one gateway. `mtu` is that of the overlay, `icmp_source` the address that its ICMP errors carry.

    The path to a peer may carry less than `mtu`: what is sent to it is held to `peer.path.mtu`.

    `check` is the source/destination check of the gateway's own interface where no fabric enforces it; it may be replaced at any
    time. Without `ike`, IKE messages are dropped, and all peers are keyed by hand. `keylog` is told of keys, where one is asked
    for. `now` is in seconds of a monotonic clock, the same one in every call.
    """

    def __init__(
        self,
        peers: Iterable[RemoteGateway],
        *,
        mtu: int,
        icmp_source: IPv4Address,
        now: float,
        check: EniCheck | None = None,
        ike: IkeSetup | None = None,
        rules: HeaderRules = DEFAULT_RULES,
        keylog: KeyLog | None = None,
        meters: Meters | None = None,
    ) -> None:
        self._directory = Directory(peers)
        self.peers = self._directory.by_name
        self.peers_by_spi = self._directory.by_spi
        self.peer_behind = self._directory.behind
        self.mtu = mtu
        self.check = check
        self.keylog = keylog
        self.meters = meters
        self.started_at = now
        self.drops: Counter[DropReason] = Counter()
        self.keepalives_received = 0
        self._overflows = 0
        self._icmp_source = int(icmp_source)
        self._rules = rules
        self._tos_mask = rules.tos_mask
        self._errors = TokenBucket(ERRORS_PER_SECOND, ERROR_BURST, now)
        self._reports = TokenBucket(ERRORS_PER_SECOND, ERROR_BURST, now)
        self._agenda = Agenda[RemoteGateway]()
        self._held = Agenda[RemoteGateway]()
        self._ike = ike
        self.negotiation = None if ike is None else Negotiation(ike, self.peers_by_spi, self.drops, self._plan, now, keylog)
        for peer in self.peers.values():
            self._negotiate_with(peer)
            self._adopt(peer)

    def _adopt(self, peer: RemoteGateway) -> None:
        peer.path = PathMtu(self.mtu, discover=self._rules.discover_mtu)
        peer.wake, peer.holds = self._plan, self._plan_release
        self._plan(peer)

    def _negotiate_with(self, peer: RemoteGateway) -> None:
        """Raises LocalError when that cannot be."""
        if not isinstance(peer, NegotiatedPeer):
            return
        if self.negotiation is None:
            raise LocalError(f"peer {peer.name} is keyed by IKE, which this dataplane does not speak; set underlay.ike to true")
        self.negotiation.add(peer)

    def _plan(self, peer: RemoteGateway) -> None:
        """Have the peer speak when it is due. Whenever that may be earlier than before, this is called."""
        due = peer.due_at()
        if due is not None:
            self._agenda.plan(peer, due)

    def _plan_release(self, peer: RemoteGateway) -> None:
        """Have what waits for the peer's inbound bandwidth go on when it may."""
        due = peer.release_due_at()
        if due is not None:
            self._held.plan(peer, due)

    # What a packet from the TUN device meets

    def outbound(self, packets: Sequence[Buffer], now: float) -> list[Effect]:
        """Take packets off the TUN device. The effects are sends, and deliveries of ICMP errors back to it."""
        effects: list[Effect] = []
        for packet in packets:
            try:
                header = ipv4.parse_packet(packet)
                peer = self.route(header)
            except RemoteError as error:
                self.drops[error.reason] += 1
                continue
            try:
                self._send(peer, packet, header, now, effects)
            except RemoteError as error:
                peer.counters.drops[error.reason] += 1
        return effects

    def route(self, header: Ipv4Header) -> RemoteGateway:
        """Whom a packet from the TUN device goes to. Raises EniSourceDestCheckRestriction, NoPeerForDestination."""
        self._check_from_lan(header)
        return self._peer_for(header)

    @property
    def checks(self) -> bool:
        """Whether a packet has to pass the source/destination check here."""
        return self.check is not None and self.check.enabled

    def outer_tos(self, tos: int) -> int:
        """The TOS byte of the outer header of a packet with that one."""
        return tos & self._tos_mask

    def _check_from_lan(self, header: Ipv4Header) -> None:
        """The receiving half of the interface's check, for forwarded packets: what the gateway itself sends never came in."""
        check = self.check
        if check is None or not check.enabled or IPv4Address(header.source) in check.addresses:
            return
        destination = IPv4Address(header.destination)
        if not check.permits_inbound(destination):
            raise EniSourceDestCheckRestriction(f"received for {destination}, which is not the interface's own")

    def _peer_for(self, header: Ipv4Header) -> RemoteGateway:
        peer = self.peer_behind(header.destination)
        if peer is None:
            raise NoPeerForDestination(f"{IPv4Address(header.destination)} lies behind no peer")
        return peer

    def _send(self, peer: RemoteGateway, packet: Buffer, header: Ipv4Header, now: float, effects: list[Effect]) -> None:
        peer.permit(packet, header)
        tos, mtu = self.outer_tos(header.tos), peer.path.mtu
        if header.total_length <= mtu:
            effects.append(peer.send(self._clamp(packet, header, mtu), now, tos))
        elif header.dont_fragment:
            self._refuse_size(packet, header, mtu, now, effects)
        else:
            effects.extend(peer.send(piece, now, tos) for piece in ipv4.fragments(packet, header, mtu))

    def _clamp(self, packet: Buffer, header: Ipv4Header, mtu: int) -> Buffer:
        """What either end of a TCP connection announces must fit the tunnel, for each is the other's sender."""
        if header.protocol != mss.PROTOCOL_TCP or not self._rules.clamp_mss:
            return packet
        return mss.clamp(packet, header, mtu - mss.HEADERS_LENGTH)

    def _refuse_size(self, packet: Buffer, header: Ipv4Header, mtu: int, now: float, effects: list[Effect]) -> None:
        """Tell the sender what fits, so that path MTU discovery works (RFC 1191), and raise PacketTooBig."""
        if icmp.may_be_answered(packet, header) and self._errors.take(now):
            effects.append(Deliver(icmp.fragmentation_needed(packet, header, mtu, self._icmp_source)))
        raise PacketTooBig(f"{header.total_length} bytes do not fit the tunnel's {mtu}")

    # What a datagram from the underlay meets

    def inbound(self, datagrams: Sequence[Datagram], now: float) -> list[Effect]:
        """Take datagrams off the underlay socket. The effects are deliveries, and answers to IKE messages and dummy packets."""
        effects: list[Effect] = []
        for datagram in datagrams:
            payload, endpoint = datagram.payload, datagram.endpoint
            if payload == KEEPALIVE:
                self.keepalives_received += 1
                continue
            try:
                spi = _spi_of(payload)
                if spi == IKE_MARKER:
                    effects.extend(self._receive_ike(payload[SPI_LENGTH:], endpoint, now))
                    continue
                peer = self.peer_of(spi)
            except RemoteError as error:
                self.drops[error.reason] += 1
                continue
            try:
                opened = peer.receive(spi, payload, endpoint, now)
                effects.extend(self.take(peer, opened, datagram.tos, now))
            except RemoteError as error:
                peer.counters.drops[error.reason] += 1
        return effects

    def inbound_ike(self, datagrams: Sequence[Datagram], now: float) -> list[Effect]:
        """Take datagrams off UDP/500, where there is IKE alone and no marker before it."""
        if self._ike is None or self.negotiation is None:
            raise LocalError("this dataplane speaks no IKE")
        local = (self._ike.local[0], IKE_PORT)
        return [
            effect
            for datagram in datagrams
            for effect in self.negotiation.receive(datagram.payload, local, datagram.endpoint, now)
        ]

    def _receive_ike(self, message: Buffer, endpoint: Endpoint, now: float) -> list[Effect]:
        if self._ike is None or self.negotiation is None:
            raise IkeNotSupported("an IKE message")
        return self.negotiation.receive(message, self._ike.local, endpoint, now)

    def peer_of(self, spi: int) -> RemoteGateway:
        """Whom an inbound SPI belongs to. Raises UnknownSpi."""
        peer = self.peers_by_spi.get(spi)
        if peer is None:
            raise UnknownSpi(f"SPI {spi}")
        return peer

    def take(self, peer: RemoteGateway, opened: Opened, outer_tos: int, now: float) -> Sequence[Effect]:
        """What a payload leads to that the peer sent. Raises RemoteError."""
        if opened.next_header == NEXT_HEADER_DUMMY:
            peer.counters.received.dummies += 1
            return peer.take_dummy(opened.packet, now)
        return self._take_packet(peer, opened, outer_tos, now)

    def _take_packet(self, peer: RemoteGateway, opened: Opened, outer_tos: int, now: float) -> Sequence[Effect]:
        if opened.next_header != NEXT_HEADER_IPV4:
            raise MalformedPacket(f"next header {opened.next_header} is not {NEXT_HEADER_IPV4}")
        header = ipv4.parse_padded(opened.packet)
        packet = opened.packet[: header.total_length]
        self.admit(peer, packet, header)
        take_over_congestion(packet, header, outer_tos)
        return peer.accept(self._clamp(packet, header, peer.path.mtu), now)

    def admit(self, peer: RemoteGateway, packet: Buffer, header: Ipv4Header) -> None:
        """Raises OutsideSelector, MalformedPacket or EniSourceDestCheckRestriction unless a packet of the peer may pass."""
        peer.admit(packet, header)
        self._check_to_lan(header)

    def _check_to_lan(self, header: Ipv4Header) -> None:
        """The sending half of the interface's check, for forwarded packets: what is for the gateway itself never goes out."""
        check = self.check
        if check is None or not check.enabled or IPv4Address(header.destination) in check.addresses:
            return
        source = IPv4Address(header.source)
        if not check.permits_outbound(source):
            raise EniSourceDestCheckRestriction(f"to be sent from {source}, which is not the interface's own")

    # What the underlay says of itself

    def reported(self, reports: Iterable[PathReport], now: float) -> None:
        """Take what the kernel learned about datagrams that were too big for their path."""
        for report in reports:
            for peer in self.peers.values() if report.is_local or self._reports.take(now) else ():
                if peer.endpoint == report.endpoint:
                    peer.hear_of_path(report, now)

    def overflowed(self, total: int) -> None:
        """The underlay's receive buffer was full, `total` times since the start, modulo 2^32."""
        missed = (total - self._overflows) % 2**32
        if missed:
            self._overflows = total
            self.drops[DropReason.UNDERLAY_OVERFLOWED] += missed

    # What time brings

    def tick(self, now: float) -> list[Effect]:
        """What is due: all that IKE has to say, packets that had to wait, what opens a conversation, probes of the paths."""
        effects: list[Effect] = [] if self.negotiation is None else self.negotiation.tick(now)
        for peer in self._held.take(now):
            if self.peers.get(peer.name) is peer:
                effects += peer.release(now)
                self._plan_release(peer)
        for peer in self._agenda.take(now):
            if self.peers.get(peer.name) is not peer:
                continue  # it was removed meanwhile
            effects += self._speak(peer, now)
            self._plan(peer)
        return effects

    def _speak(self, peer: RemoteGateway, now: float) -> Sequence[Effect]:
        due = peer.due_at()
        if due is None or due > now:
            return ()  # it was put off
        try:
            return peer.tick(now)
        except RemoteError as error:
            peer.counters.drops[error.reason] += 1
            return ()

    def deadline(self) -> float:
        """When `tick` is to be called next, infinity for never."""
        negotiation = inf if self.negotiation is None else self.negotiation.deadline()
        return min(self._agenda.next(), self._held.next(), negotiation)

    def close(self, now: float) -> list[Effect]:
        """Take leave of the peers that are keyed by IKE. The engine is of no use afterwards."""
        return [] if self.negotiation is None else self.negotiation.close(now)

    # What the gateway's owner changes

    def set_prefixes(self, name: str, prefixes: Sequence[IPv4Network], *, take_over: bool = False) -> None:
        """Change what lies behind a peer, from the next packet on. Raises LocalError, and then nothing is changed.

        With `take_over` a prefix may be another peer's: what goes there is sent to this one at once, and what the other one sends
        from there is taken until its own prefixes are set. So a network changes over from one to the other without a loss.
        """
        self._directory.set_prefixes(name, prefixes, take_over=take_over)

    def add_peer(self, peer: RemoteGateway) -> None:
        """Serve one more peer, from the next packet on. Raises LocalError, and then nothing is changed."""
        self._directory.refuse(peer)
        self._negotiate_with(peer)
        self._directory.add(peer)
        self._adopt(peer)

    def remove_peer(self, name: str) -> None:
        """Forget a peer, its keys and its counters. Raises LocalError for an unknown one."""
        peer = self._directory.remove(name)
        if self.negotiation is not None and isinstance(peer, NegotiatedPeer):
            self.negotiation.remove(peer)

    def set_bandwidth(self, name: str, bandwidth: int | None, inbound: int | None = None) -> None:
        """Change the most that is sent to a peer and taken from it, in bit/s, from the next packet on.

        Raises LocalError for an unknown one.
        """
        peer = self._directory.named(name)
        peer.bandwidth, peer.inbound_bandwidth = bandwidth, inbound
        self._plan_release(peer)

    def rekey(self, name: str, what: str) -> None:
        """Replace a peer's "child" or its "ike" association at the next tick. Raises LocalError."""
        peer = self._directory.named(name)
        if self.negotiation is None or not isinstance(peer, NegotiatedPeer):
            raise LocalError(f"peer {name!r} is keyed by hand")
        if what == "child":
            self.negotiation.rekey_child(peer)
        else:
            self.negotiation.rekey_ike(peer)

    def refused(self, effect: Effect, reason: DropReason) -> None:
        """The kernel did not take an effect of ours. A probe carries nothing, and that it does not get through is an answer."""
        if isinstance(effect, Send) and effect.is_probe:
            return
        peer = None if isinstance(effect, Deliver) else self.peers.get(effect.peer)
        drops = self.drops if peer is None else peer.counters.drops
        drops[reason] += 1


def _spi_of(payload: Buffer) -> int:
    if len(payload) < SPI_LENGTH:
        raise MalformedEsp(f"{len(payload)} bytes hold no SPI")
    return int.from_bytes(payload[:SPI_LENGTH], "big")

