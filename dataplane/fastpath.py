"""The fast path: what the kernel hands over as one goes through as one. It performs no I/O and reads no clock.

    TUN ──► super-packet: parse, interface check, peer, selectors ──► cut ──► seal ──► SendBatch
    UDP ──► burst: open, replay ──► run of one flow: parse, selector, interface check, congestion ──► DeliverSuperPacket

Every rule is the engine's, asked once for all packets that share the headers it looks at. What comes alone, or in small numbers,
takes the lane; and whatever is not quite regular is left to the engine, packet by packet. So the outcome and the counters are the
same on either path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from dataplane import ipv4
from dataplane.bursts import Burst, Receiver
from dataplane.checksums import MODULUS
from dataplane.coalescing import Coalescer, Run
from dataplane.cutting import cut
from dataplane.engine import Engine
from dataplane.errors import MalformedPacket, RemoteError
from dataplane.esp import Opened, OutboundSa, without_trailer
from dataplane.headers import has_news_of_congestion
from dataplane.lane import Lane
from dataplane.packets import BatchEffect, Buffer, Datagram, DeliverSuperPacket, Effect, Endpoint, SendBatch
from dataplane.peer import RemoteGateway
from dataplane.segmentation import Segmenter
from dataplane.superpacket import UDP_CHECKSUM, SuperPacket, parse_superpacket
from dataplane.virtio import GSO_NONE, NEEDS_CHECKSUM, Offload

RUNS_LOOKED_FOR = 4
"""In one burst. Our choice: looking costs as much as ten packets, and a burst of many short runs gains nothing from it."""


FEWEST = 8
"""Datagrams of a burst, or packets of a super-packet, that are taken together. Our choice: what is done once for all of them
costs as much as so many do one by one."""


class FastPath:
    """Stands between an engine and a shell. `protocols` are those of which the TUN device takes super-packets.

    Fewer than `fewest` packets are taken one by one.

    `room` is where the shell puts what comes in one read of the underlay's socket.
    """

    def __init__(self, engine: Engine, protocols: Collection[int], fewest: int = FEWEST) -> None:
        self._engine = engine
        self._fewest = fewest
        self._lane = Lane(engine)
        self._segmenter = Segmenter()
        self._receiver = Receiver()
        self._coalescer = Coalescer(self._receiver.memory, protocols)

    @property
    def room(self) -> memoryview:
        return self._receiver.room

    # What comes from the TUN device

    def outbound(self, packet: memoryview, offload: Offload, now: float) -> Iterator[Effect | BatchEffect]:
        """Take what one read of the TUN device gave, in memory that may be changed."""
        if offload.gso_type == GSO_NONE:
            yield from self.outbound_packet(packet, offload, now)
        else:
            yield from self._outbound_superpacket(packet, offload, now)

    def outbound_packet(self, packet: memoryview, offload: Offload, now: float) -> Sequence[Effect]:
        """The same for what is no super-packet."""
        if offload.flags & NEEDS_CHECKSUM:
            _finish_checksum(packet, offload)
        return self._send_one(packet, now)

    def _outbound_superpacket(self, packet: memoryview, offload: Offload, now: float) -> Iterator[Effect | BatchEffect]:
        engine = self._engine
        try:
            superpacket = parse_superpacket(packet, offload)
        except MalformedPacket as error:
            engine.drops[error.reason] += 1  # nobody can tell how many packets it stands for
            return
        try:
            peer = engine.route(superpacket.header)
        except RemoteError as error:
            engine.drops[error.reason] += superpacket.pieces
            return
        sa = peer.outbound
        if sa is None or not _is_regular(superpacket, peer, sa):
            yield from engine.outbound(list(cut(superpacket)), now)
            return
        try:
            peer.permit(packet, superpacket.header)
        except RemoteError as error:
            peer.counters.drops[error.reason] += superpacket.pieces
            return
        if superpacket.pieces < self._fewest or peer.is_metered:
            for piece in cut(superpacket):
                yield from self._send_one(piece, now)
        else:
            yield from self._send(superpacket, peer, sa, now)

    def _send_one(self, packet: Buffer, now: float) -> Sequence[Effect]:
        send = self._lane.outbound(packet, now)
        return self._engine.outbound((packet,), now) if send is None else (send,)

    def _send(self, superpacket: SuperPacket, peer: RemoteGateway, sa: OutboundSa, now: float) -> Iterator[SendBatch]:
        tos = self._engine.outer_tos(superpacket.header.tos)
        length = superpacket.header.total_length + (superpacket.pieces - 1) * superpacket.head_length
        endpoint = peer.sent(superpacket.pieces, length, now)
        for batch in self._segmenter.seal(superpacket, sa):
            yield SendBatch(batch.payload, batch.segment, endpoint, peer.name, tos)

    # What comes from the underlay

    def inbound(self, length: int, stride: int, endpoint: Endpoint, tos: int, now: float) -> Iterator[Effect | BatchEffect]:
        """Take what one read of the socket put into `room`: `length` bytes, of which every `stride` are a datagram.

        It may have to wait for more, until the next read or `settle`.
        """
        for burst in self._receiver.take(length, stride, endpoint, tos):
            yield from self._take(burst, now)

    def inbound_datagram(self, length: int, endpoint: Endpoint, tos: int, now: float) -> Sequence[Effect]:
        """The same for a datagram that came alone, when nothing waits: `settle` was called since the last burst."""
        return self._take_one(Datagram(self._receiver.memory[:length], endpoint, tos), now)

    def settle(self, now: float) -> Iterator[Effect | BatchEffect]:
        """There is nothing more to read."""
        for burst in self._receiver.finish():
            yield from self._take(burst, now)

    def _take(self, burst: Burst, now: float) -> Iterator[Effect | BatchEffect]:
        is_regular = burst.pieces >= self._fewest and burst.is_regular()
        peer = self._engine.peers_by_spi.get(burst.spi) if is_regular else None
        sa = None if peer is None else peer.inbound_sa(burst.spi)
        if peer is None or sa is None or not sa.may_open(burst.pieces):
            for datagram in burst.each():
                yield from self._take_one(datagram, now)
            return
        highest = sa.window.highest
        refused = burst.open(sa)
        for reason in refused.values():
            peer.counters.drops[reason] += 1
        if len(refused) < burst.pieces:
            peer.heard(burst.spi, burst.endpoint, now, newest=sa.window.highest > highest)
        yield from self._deliver(burst, refused, peer, now)

    def _take_one(self, datagram: Datagram, now: float) -> Sequence[Effect]:
        delivers = self._lane.inbound(*datagram, now)
        return self._engine.inbound((datagram,), now) if delivers is None else delivers

    def _deliver(self, burst: Burst, refused: Collection[int], peer: RemoteGateway, now: float) -> Iterator[Effect | BatchEffect]:
        place = 0
        goes_together = peer.inbound_shaper is None and not peer.is_metered
        looks = 0 if goes_together else RUNS_LOOKED_FOR  # what may have to wait, or is put down, goes packet by packet
        while place < burst.pieces:
            run = None
            if not refused and looks < RUNS_LOOKED_FOR:
                run = self._coalescer.run(burst, place)
                looks += 1
            if run is not None and not has_news_of_congestion(run.header.tos, burst.tos):
                yield from self._deliver_run(run, peer)
                place += run.pieces
                continue
            if place not in refused:
                yield from self._deliver_one(burst, place, peer, now)
            place += 1

    def _deliver_run(self, run: Run, peer: RemoteGateway) -> Iterator[DeliverSuperPacket]:
        try:
            self._engine.admit(peer, run.packets[0], run.header)
        except RemoteError as error:
            peer.counters.drops[error.reason] += run.pieces
            return
        peer.counters.received.add(run.length, run.pieces)
        yield DeliverSuperPacket(run.offload.pack(), (run.head, *run.payloads), run.packets)

    def _deliver_one(self, burst: Burst, place: int, peer: RemoteGateway, now: float) -> Iterator[Effect]:
        payload = burst.payload(place)
        try:
            opened = Opened(payload[-1], without_trailer(payload), newest=False)
            yield from self._engine.take(peer, opened, burst.tos, now)
        except RemoteError as error:
            peer.counters.drops[error.reason] += 1


def _is_regular(superpacket: SuperPacket, peer: RemoteGateway, sa: OutboundSa) -> bool:
    """Whether all its packets meet with the same: the peer can be sent to, they fit the tunnel, the key lasts."""
    fits = superpacket.packet_length <= peer.path.mtu
    return fits and peer.is_reachable and sa.lasts_for(superpacket.packet_length, superpacket.pieces)


def _finish_checksum(packet: memoryview, offload: Offload) -> None:
    """Add the transport's part to the sum of the pseudo-header that the kernel left. Nothing is done out of bounds."""
    place = offload.checksum_start + offload.checksum_offset
    if place + 2 <= len(packet):
        checksum = ipv4.checksum(packet[offload.checksum_start :])
        if not checksum and offload.checksum_offset == UDP_CHECKSUM:
            checksum = MODULUS  # RFC 768: 0 says that there is none
        packet[place : place + 2] = checksum.to_bytes(2, "big")
