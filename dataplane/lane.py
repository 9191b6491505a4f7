"""The lane of ordinary packets: one packet, straight through. It performs no I/O and reads no clock.

Most packets that come alone have no options, are no errors and open no connection, and their peer is connected and takes
everything. For those all that the engine asks is a few comparisons, which stand here in its order. Whatever is not ordinary is
not judged here: the answer is None, nothing has happened yet, and the engine takes the packet. So the outcome and the counters
are the engine's; the lane takes half of its time, measured by calling both in turn.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag

from dataplane import ipv4
from dataplane.engine import Engine
from dataplane.esp import (
    ALIGNMENT,
    ASSOCIATED_LENGTH,
    MINIMUM_LENGTH,
    NEXT_HEADER_IPV4,
    PADDING,
    PAYLOAD_OFFSET,
    TRAILER_LENGTH,
    trailer,
)
from dataplane.headers import ECN_MASK
from dataplane.packets import Buffer, Deliver, Endpoint, Send
from dataplane.suites import LARGE_PACKET

_HEADER = struct.Struct("!BBH5xB2xII")  # RFC 791 §3.1: version and length, TOS, total length, protocol, both addresses
_ESP_HEADER = struct.Struct("!IIQ")  # SPI, sequence number, IV
_SPI_AND_SEQUENCE = struct.Struct("!II")

_NO_OPTIONS = ipv4.VERSION << 4 | ipv4.HEADER_LENGTH // 4
_TCP_FLAGS = ipv4.HEADER_LENGTH + 13  # RFC 9293 §3.1
_SYN = 0x02
_ICMP_TYPE = ipv4.HEADER_LENGTH
_ECHOES = (0, 8)  # RFC 792: the reply and the request
_LONGEST = LARGE_PACKET - ALIGNMENT - TRAILER_LENGTH  # bytes of a packet that costs a key no more than one of its uses

_TRAILERS = [trailer(length, NEXT_HEADER_IPV4) for length in range(ALIGNMENT)]
"""By the length of the packet, modulo ALIGNMENT."""


_effect = tuple.__new__
"""Makes a named tuple of all its members without the function that stands in for what is not given: 0.1 µs, not 0.5."""


class Lane:
    """Takes for an engine what it can."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def outbound(self, packet: Buffer, now: float) -> Send | None:
        """What a complete packet from the TUN device becomes."""
        length = len(packet)
        if not ipv4.HEADER_LENGTH < length <= _LONGEST:
            return None
        first, tos, total, protocol, _, destination = _HEADER.unpack_from(packet)
        engine = self._engine
        peer = engine.peer_behind(destination)
        if first != _NO_OPTIONS or total != length or peer is None or engine.checks:
            return None
        if protocol == ipv4.PROTOCOL_TCP and (length <= _TCP_FLAGS or packet[_TCP_FLAGS] & _SYN):
            return None
        sa, endpoint = peer.outbound, peer.endpoint
        if sa is None or endpoint is None or peer.heard_at is None or peer.selects_outbound or length > peer.path.mtu:
            return None
        sequence = sa.sequence + 1
        if sequence > sa.last_sequence:
            return None
        sa.sequence = sequence
        head = _ESP_HEADER.pack(sa.spi, sequence, sequence)
        plain = b"".join((packet, _TRAILERS[length % ALIGNMENT]))
        sealed = sa.encrypt(sa.salt + head[ASSOCIATED_LENGTH:], plain, head[:ASSOCIATED_LENGTH])
        entry = peer.sent_one(length, now)
        return _effect(Send, (head + sealed, endpoint, peer.name, engine.outer_tos(tos), False, entry))

    def inbound(self, datagram: Buffer, endpoint: Endpoint, outer_tos: int, now: float) -> Sequence[Deliver] | None:
        """What a datagram from the underlay becomes: nothing (yet) where the peer's inbound bandwidth is spent."""
        if len(datagram) < MINIMUM_LENGTH or len(datagram) % ALIGNMENT:
            return None
        spi, sequence = _SPI_AND_SEQUENCE.unpack_from(datagram)
        engine = self._engine
        peer = engine.peers_by_spi.get(spi)
        if peer is None or engine.checks:
            return None
        sa = peer.inbound_sa(spi)
        if sequence <= sa.window.highest or not sa.may_open(1) or peer.selects_inbound:
            return None
        nonce = sa.salt + datagram[ASSOCIATED_LENGTH:PAYLOAD_OFFSET]
        try:
            payload = sa.decrypt(nonce, datagram[PAYLOAD_OFFSET:], datagram[:ASSOCIATED_LENGTH])
        except InvalidTag:
            return None
        pad = payload[-TRAILER_LENGTH]
        length = len(payload) - TRAILER_LENGTH - pad
        if payload[-1] != NEXT_HEADER_IPV4 or length <= ipv4.HEADER_LENGTH or payload[length:-TRAILER_LENGTH] != PADDING[:pad]:
            return None
        first, tos, total, protocol, source, _ = _HEADER.unpack_from(payload)
        if first != _NO_OPTIONS or total != length or not peer.is_behind(source) or (tos ^ outer_tos) & outer_tos & ECN_MASK:
            return None
        if protocol == ipv4.PROTOCOL_TCP and (length <= _TCP_FLAGS or payload[_TCP_FLAGS] & _SYN):
            return None
        if protocol == ipv4.PROTOCOL_ICMP and payload[_ICMP_TYPE] not in _ECHOES:
            return None
        sa.window.accept(sequence)
        peer.heard(spi, endpoint, now, newest=True)
        packet = payload[:length]
        if peer.inbound_shaper is not None:
            return peer.accept(packet, now)
        return (_effect(Deliver, (packet, peer.counters.received.count(length))),)
