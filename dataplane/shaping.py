"""Peak bandwidth: what stands between the TUN device and the engine while a peer has one. It performs no I/O and reads no clock.

    TUN ──► has the peer a bandwidth? ── no ────────────────► fast path
                    └─ yes ──► its shaper ── later, or now ──►

Each end shapes what it sends, so both directions of a gateway are held to its peak bandwidth. What counts are the bytes of inner
IP packets. A peer that is not trusted to hold itself back has an inbound bandwidth besides, which is the engine's affair.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataplane import ipv4
from dataplane.agenda import Agenda
from dataplane.cutting import cut
from dataplane.engine import Engine
from dataplane.errors import DropReason, MalformedPacket
from dataplane.packets import Buffer
from dataplane.peer import RemoteGateway
from dataplane.shaper import Held, Shaper
from dataplane.superpacket import SuperPacket, parse_superpacket
from dataplane.virtio import COMPLETE, GSO_NONE, Offload

SLICE = 0.006
"""Seconds that one piece may take: a larger super-packet is cut. Our choice: 64 KB go as one from 90 Mbit/s on."""

_DESTINATION = slice(16, 20)  # RFC 791 §3.1


class Shaping:
    """Holds for an engine what its peers' shapers do not let pass yet."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._agenda = Agenda[RemoteGateway]()

    def take(self, packet: memoryview, offload: Offload, now: float) -> bool:
        """Whether what one read of the TUN device gave waits now, or was dropped. If not, it may go."""
        if len(packet) < ipv4.HEADER_LENGTH:
            return False  # the engine counts it, here and below
        peer = self._engine.peer_behind(int.from_bytes(packet[_DESTINATION], "big"))
        shaper = None if peer is None else peer.shaper
        if peer is None or shaper is None:
            return False
        if offload.gso_type == GSO_NONE:
            return self._pass_or_hold(peer, shaper, packet, offload, len(packet), 1, now)
        try:
            superpacket = parse_superpacket(packet, offload)
        except MalformedPacket:
            return False
        size = superpacket.header.total_length + (superpacket.pieces - 1) * superpacket.head_length
        if size <= SLICE * shaper.rate:
            return self._pass_or_hold(peer, shaper, packet, offload, size, superpacket.pieces, now)
        self._hold_pieces(peer, shaper, superpacket)
        return True

    def _pass_or_hold(
        self, peer: RemoteGateway, shaper: Shaper, packet: Buffer, offload: Offload, size: int, pieces: int, now: float
    ) -> bool:
        if shaper.may_pass(size, now):
            return False
        if not shaper.hold(Held(bytearray(packet), offload, size)):
            peer.counters.exceeded(DropReason.PEAK_BANDWIDTH_EXCEEDED, pieces)
        self._plan(peer, shaper)
        return True

    def _hold_pieces(self, peer: RemoteGateway, shaper: Shaper, superpacket: SuperPacket) -> None:
        """Cut, and let each packet wait; what may go at once is due at once."""
        for piece in cut(superpacket):
            if not shaper.hold(Held(piece, COMPLETE, len(piece))):
                peer.counters.exceeded(DropReason.PEAK_BANDWIDTH_EXCEEDED)
        self._plan(peer, shaper)

    def release(self, now: float) -> Iterator[Held]:
        """What may go by now."""
        for peer in self._agenda.take(now):
            shaper = peer.shaper
            if shaper is None or self._engine.peers.get(peer.name) is not peer:
                continue  # the peer was removed meanwhile
            yield from shaper.release(now)
            self._plan(peer, shaper)

    def deadline(self) -> float:
        """When `release` is to be called next, infinity for never."""
        return self._agenda.next()

    def _plan(self, peer: RemoteGateway, shaper: Shaper) -> None:
        due = shaper.due()
        if due is not None:
            self._agenda.plan(peer, due)
