"""The packet engine of a gateway: packets and datagrams in, effects out. It performs no I/O and reads no clock.

    TUN ──► outbound: parse, interface check, peer by destination, size ──► ESP ──► Send
    UDP ──► inbound: ESP (authenticate, replay), parse, traffic selector, interface check ──► Deliver

Batches go through in order. A packet that breaks a rule raises a RemoteError where the rule stands; here it is counted, on the
peer once that is known, and forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from dataplane import icmp, ipv4
from dataplane.check import EniCheck
from dataplane.config import Config, PeerConfig, PeerKeys
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
from dataplane.esp import NEXT_HEADER_DUMMY, NEXT_HEADER_IPV4, InboundSa, Opened, OutboundSa
from dataplane.ipv4 import Ipv4Header
from dataplane.limiter import TokenBucket
from dataplane.packets import Buffer, Datagram, Deliver, Effect, Endpoint, Send
from dataplane.peer import KEEPALIVE, Peer
from dataplane.prefixes import PrefixTable

SPI_LENGTH = 4
IKE_MARKER = 0  # RFC 3948 §2.2: where an ESP packet has its SPI

ERRORS_PER_SECOND = 100.0
ERROR_BURST = 50.0
"""ICMP errors sent. Our choice: plenty for path MTU discovery, too few to be worth provoking."""


class Engine:
    """All tunnels of one gateway. `mtu` is that of the overlay, `icmp_source` the address that its ICMP errors carry.

    `check` is the source/destination check of the gateway's own interface where no fabric enforces it; it may be replaced at any
    time. `now` is in seconds of a monotonic clock, the same one in every call.
    """

    def __init__(
        self, peers: Iterable[Peer], *, mtu: int, icmp_source: IPv4Address, now: float, check: EniCheck | None = None
    ) -> None:
        self.peers = {peer.name: peer for peer in peers}
        self.mtu = mtu
        self.check = check
        self.started_at = now
        self.drops: Counter[DropReason] = Counter()
        self.keepalives_received = 0
        self._icmp_source = int(icmp_source)
        self._errors = TokenBucket(ERRORS_PER_SECOND, ERROR_BURST, now)
        self._by_spi = {peer.inbound.spi: peer for peer in self.peers.values()}
        if len(self._by_spi) < len(self.peers):
            raise LocalError("two peers share an inbound SPI")
        self._index()

    def _index(self) -> None:
        self._speakers = tuple(peer for peer in self.peers.values() if peer.speaks_first)
        self._by_prefix = PrefixTable((prefix, peer) for peer in self.peers.values() for prefix in peer.prefixes)

    # What a packet from the TUN device meets

    def outbound(self, packets: Sequence[Buffer], now: float) -> list[Effect]:
        """Take packets off the TUN device. The effects are sends, and deliveries of ICMP errors back to it."""
        effects: list[Effect] = []
        for packet in packets:
            try:
                header = ipv4.parse_packet(packet)
                self._check_from_lan(header)
                peer = self._peer_for(header)
            except RemoteError as error:
                self.drops[error.reason] += 1
                continue
            try:
                self._send(peer, packet, header, now, effects)
            except RemoteError as error:
                peer.counters.drops[error.reason] += 1
        return effects

    def _check_from_lan(self, header: Ipv4Header) -> None:
        """The receiving half of the interface's check, for forwarded packets: what the gateway itself sends never came in."""
        check = self.check
        if check is None or not check.enabled or IPv4Address(header.source) in check.addresses:
            return
        destination = IPv4Address(header.destination)
        if not check.permits_inbound(destination):
            raise EniSourceDestCheckRestriction(f"received for {destination}, which is not the interface's own")

    def _peer_for(self, header: Ipv4Header) -> Peer:
        peer = self._by_prefix.lookup(header.destination)
        if peer is None:
            raise NoPeerForDestination(f"{IPv4Address(header.destination)} lies behind no peer")
        return peer

    def _send(self, peer: Peer, packet: Buffer, header: Ipv4Header, now: float, effects: list[Effect]) -> None:
        if header.total_length <= self.mtu:
            effects.append(peer.send(packet, now))
        elif header.dont_fragment:
            self._refuse_size(packet, header, now, effects)
        else:
            effects.extend(peer.send(piece, now) for piece in ipv4.fragments(packet, header, self.mtu))

    def _refuse_size(self, packet: Buffer, header: Ipv4Header, now: float, effects: list[Effect]) -> None:
        """Tell the sender what fits, so that path MTU discovery works (RFC 1191), and raise PacketTooBig."""
        if icmp.may_be_answered(packet, header) and self._errors.take(now):
            effects.append(Deliver(icmp.fragmentation_needed(packet, header, self.mtu, self._icmp_source)))
        raise PacketTooBig(f"{header.total_length} bytes do not fit the overlay's {self.mtu}")

    # What a datagram from the underlay meets

    def inbound(self, datagrams: Sequence[Datagram], now: float) -> list[Effect]:
        """Take datagrams off the underlay socket. The effects are deliveries, and dummy packets that answer dummy packets."""
        effects: list[Effect] = []
        for payload, endpoint in datagrams:
            if payload == KEEPALIVE:
                self.keepalives_received += 1
                continue
            try:
                peer = self._peer_of(payload)
            except RemoteError as error:
                self.drops[error.reason] += 1
                continue
            try:
                effects.extend(self._receive(peer, payload, endpoint, now))
            except RemoteError as error:
                peer.counters.drops[error.reason] += 1
        return effects

    def _peer_of(self, payload: Buffer) -> Peer:
        if len(payload) < SPI_LENGTH:
            raise MalformedEsp(f"{len(payload)} bytes hold no SPI")
        spi = int.from_bytes(payload[:SPI_LENGTH], "big")
        if spi == IKE_MARKER:
            raise IkeNotSupported("an IKE message")
        peer = self._by_spi.get(spi)
        if peer is None:
            raise UnknownSpi(f"SPI {spi}")
        return peer

    def _receive(self, peer: Peer, payload: Buffer, endpoint: Endpoint, now: float) -> Sequence[Effect]:
        opened = peer.inbound.decapsulate(payload)
        peer.hear(opened, endpoint, now)
        if opened.next_header == NEXT_HEADER_DUMMY:
            return self._receive_dummy(peer, now)
        return self._receive_packet(peer, opened)

    def _receive_dummy(self, peer: Peer, now: float) -> Sequence[Effect]:
        """Only the end that does not speak first answers, so two ends never answer each other's answers."""
        peer.counters.received.dummies += 1
        return () if peer.speaks_first else (peer.send_dummy(now),)

    def _receive_packet(self, peer: Peer, opened: Opened) -> Sequence[Effect]:
        if opened.next_header != NEXT_HEADER_IPV4:
            raise MalformedPacket(f"next header {opened.next_header} is not {NEXT_HEADER_IPV4}")
        header = ipv4.parse_padded(opened.packet)
        packet = opened.packet[: header.total_length]
        peer.admit(packet, header)
        self._check_to_lan(header)
        peer.counters.received.add(header.total_length)
        return (Deliver(packet),)

    def _check_to_lan(self, header: Ipv4Header) -> None:
        """The sending half of the interface's check, for forwarded packets: what is for the gateway itself never goes out."""
        check = self.check
        if check is None or not check.enabled or IPv4Address(header.destination) in check.addresses:
            return
        source = IPv4Address(header.source)
        if not check.permits_outbound(source):
            raise EniSourceDestCheckRestriction(f"to be sent from {source}, which is not the interface's own")

    # What time brings

    def tick(self, now: float) -> list[Effect]:
        """What is due: dummy packets that open a conversation, keepalives that hold one open."""
        effects: list[Effect] = []
        for peer in self._speakers:
            due = peer.due_at()
            if due is None or due > now:
                continue
            try:
                effects.append(peer.speak(now))
            except RemoteError as error:
                peer.counters.drops[error.reason] += 1
        return effects

    def deadline(self) -> float | None:
        """When `tick` is to be called next, None for never."""
        return min((due for peer in self._speakers if (due := peer.due_at()) is not None), default=None)

    # What the gateway's owner changes

    def set_prefixes(self, name: str, prefixes: Sequence[IPv4Network]) -> None:
        """Change what lies behind a peer, from the next packet on. Raises LocalError, and then nothing is changed."""
        peer = self.peers.get(name)
        if peer is None:
            raise LocalError(f"peer {name!r} is unknown; known: {', '.join(sorted(self.peers))}")
        self._refuse_shared(name, prefixes)
        peer.prefixes = tuple(prefixes)
        self._index()

    def add_peer(self, peer: Peer) -> None:
        """Serve one more peer, from the next packet on. Raises LocalError, and then nothing is changed."""
        if peer.name in self.peers:
            raise LocalError(f"peer {peer.name!r} is there already; remove it first")
        if peer.inbound.spi in self._by_spi:
            raise LocalError(f"SPI {peer.inbound.spi} of {peer.name} is that of {self._by_spi[peer.inbound.spi].name}")
        self._refuse_shared(peer.name, peer.prefixes)
        self.peers[peer.name] = peer
        self._by_spi[peer.inbound.spi] = peer
        self._index()

    def remove_peer(self, name: str) -> None:
        """Forget a peer, its keys and its counters. Raises LocalError for an unknown one."""
        peer = self.peers.pop(name, None)
        if peer is None:
            raise LocalError(f"peer {name!r} is unknown; known: {', '.join(sorted(self.peers))}")
        del self._by_spi[peer.inbound.spi]
        self._index()

    def _refuse_shared(self, name: str, prefixes: Sequence[IPv4Network]) -> None:
        """A prefix lies behind one peer only."""
        for other in self.peers.values():
            for prefix in set(other.prefixes).intersection(prefixes) if other.name != name else ():
                raise LocalError(f"prefix {prefix} of {name} already lies behind {other.name}; take it away there first")

    def refused(self, effect: Effect, reason: DropReason) -> None:
        """The kernel did not take an effect of ours."""
        peer = self.peers.get(effect.peer) if isinstance(effect, Send) else None
        drops = self.drops if peer is None else peer.counters.drops
        drops[reason] += 1


def build_engine(config: Config, keys: Mapping[str, PeerKeys], now: float) -> Engine:
    """The engine that a configuration describes."""
    peers = [build_peer(peer, keys[peer.name]) for peer in config.peers]
    return Engine(peers, mtu=config.tun.mtu, icmp_source=config.icmp_source, now=now, check=config.eni_check)


def build_peer(config: PeerConfig, keys: PeerKeys) -> Peer:
    """The peer that a configuration describes."""
    return Peer(
        config.name,
        OutboundSa(keys.outbound.spi, config.suite, keys.outbound.material),
        InboundSa(keys.inbound.spi, config.suite, keys.inbound.material),
        config.prefixes,
        config.endpoint,
        speaks_first=config.speaks_first,
    )
