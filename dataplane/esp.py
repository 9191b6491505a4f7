"""ESP in tunnel mode, as it stands in a UDP datagram. RFC 4303, RFC 4106, RFC 7634, RFC 3948.

     0      4         8     16                                       -16
     ┌──────┬─────────┬─────┬────────────────────────────────────────┬─────┐
     │ SPI  │sequence │ IV  │ packet, padding, pad length, next header│ ICV │
     └──────┴─────────┴─────┴────────────────────────────────────────┴─────┘
      authenticated alone    encrypted and authenticated

The nonce is the salt followed by the IV. The IV is the sequence number, so it never repeats under one key as long as a key
serves one association and no association is ever resumed.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from dataplane.errors import AuthenticationFailed, KeyExhausted, LocalError, MalformedEsp, SequenceExhausted
from dataplane.packets import Buffer
from dataplane.replay import ReplayWindow
from dataplane.suites import FORGERIES, ICV_LENGTH, IV_LENGTH, LARGE_PACKET, Suite

NEXT_HEADER_IPV4 = 4  # RFC 4303 §2.6, IANA protocol numbers
NEXT_HEADER_DUMMY = 59  # RFC 4303 §2.6: to be discarded
FIRST_FREE_SPI = 256  # RFC 4303 §2.1: 1 to 255 are reserved, 0 is for local use and marks IKE in UDP (RFC 3948 §2.2)
LAST_SPI = 2**32 - 1
LAST_SEQUENCE = 2**32 - 1  # RFC 4303 §2.2: without extended numbers it must not cycle
ALIGNMENT = 4  # RFC 4303 §2.4

ASSOCIATED_LENGTH = 8  # SPI and sequence number: RFC 4106 §5, RFC 7634 §2.1
PAYLOAD_OFFSET = ASSOCIATED_LENGTH + IV_LENGTH
TRAILER_LENGTH = 2  # pad length and next header
OUTER_LENGTH = 20 + 8  # IPv4 without options (RFC 791) and UDP (RFC 768); over IPv6 it would be 40 + 8
MINIMUM_LENGTH = PAYLOAD_OFFSET + ALIGNMENT + ICV_LENGTH

_HEAD = struct.Struct("!IIQ")
_PADDING = bytes(range(1, 256))  # RFC 4303 §2.4: 1, 2, 3, …


class Opened(NamedTuple):
    """An authenticated payload. `newest` says whether its sequence number is the highest so far."""

    next_header: int
    packet: memoryview
    newest: bool


class _SecurityAssociation:
    """What both directions share: the SPI, the cipher under its key, the salt. The key is kept by the cipher alone."""

    def __init__(self, spi: int, suite: Suite, material: bytes) -> None:
        if not FIRST_FREE_SPI <= spi <= LAST_SPI:
            raise LocalError(f"SPI {spi} is reserved: use {FIRST_FREE_SPI} to {LAST_SPI} (RFC 4303 §2.1)")
        if len(material) != suite.material_length:
            raise LocalError(f"{suite.name} takes {suite.material_length} bytes of key and salt, not {len(material)}")
        self.spi = spi
        self.suite = suite
        self._aead = suite.aead(material[: suite.key_length])
        self._salt = material[suite.key_length :]
        self._lifetime = min(LAST_SEQUENCE, suite.packets)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(spi={self.spi}, suite={self.suite.name!r})"


class OutboundSa(_SecurityAssociation):
    """The sending direction of a security association. RFC 4303 §3.3."""

    def __init__(self, spi: int, suite: Suite, material: bytes) -> None:
        super().__init__(spi, suite, material)
        self.sequence = 0
        self.last_sequence = self._lifetime
        """The number of the last packet that the key may seal. What large ones cost above their one number is taken off it."""

    @property
    def wear(self) -> float:
        """What part of the key's life is over, from 0 to 1."""
        return 1 - (self.last_sequence - self.sequence) / self._lifetime

    def encapsulate(self, packet: Buffer, next_header: int = NEXT_HEADER_IPV4) -> bytearray:
        """The payload of a UDP datagram that carries `packet`. Raises SequenceExhausted, KeyExhausted."""
        length = len(packet)
        pad = -(length + TRAILER_LENGTH) % ALIGNMENT
        trailer = PAYLOAD_OFFSET + length + pad
        end = trailer + TRAILER_LENGTH
        if end - PAYLOAD_OFFSET > LARGE_PACKET:
            self.last_sequence -= self.suite.large_cost - 1
        if self.sequence >= self.last_sequence:
            raise self._exhausted()
        self.sequence += 1
        datagram = bytearray(end + ICV_LENGTH)
        _HEAD.pack_into(datagram, 0, self.spi, self.sequence, self.sequence)
        datagram[PAYLOAD_OFFSET : PAYLOAD_OFFSET + length] = packet
        datagram[PAYLOAD_OFFSET + length : trailer] = _PADDING[:pad]
        datagram[trailer] = pad
        datagram[trailer + 1] = next_header
        view = memoryview(datagram)
        nonce = self._salt + view[ASSOCIATED_LENGTH:PAYLOAD_OFFSET]
        # In place: the ciphertext takes exactly the room of the plaintext, and the ICV the room behind it.
        self._aead.encrypt_into(nonce, view[PAYLOAD_OFFSET:end], view[:ASSOCIATED_LENGTH], view[PAYLOAD_OFFSET:])
        return datagram

    def _exhausted(self) -> SequenceExhausted | KeyExhausted:
        if self.sequence >= LAST_SEQUENCE:
            return SequenceExhausted(f"SPI {self.spi} has sent its last sequence number")
        return KeyExhausted(f"SPI {self.spi}: {self.suite.name} has sealed all that one key may")


class InboundSa(_SecurityAssociation):
    """The receiving direction of a security association. RFC 4303 §3.4."""

    def __init__(self, spi: int, suite: Suite, material: bytes) -> None:
        super().__init__(spi, suite, material)
        self.window = ReplayWindow()
        self.forgeries = 0

    @property
    def wear(self) -> float:
        """What part of the key's life is over, from 0 to 1, by what the peer sealed and by what others forged."""
        return max(self.window.highest / self._lifetime, self.forgeries / FORGERIES)

    def decapsulate(self, datagram: Buffer) -> Opened:
        """Authenticate, decrypt, and only then consult the replay window.

        Raises MalformedEsp, KeyExhausted, AuthenticationFailed, Replayed.
        """
        view = memoryview(datagram)
        if len(view) < MINIMUM_LENGTH or len(view) % ALIGNMENT:
            raise MalformedEsp(f"{len(view)} bytes; {MINIMUM_LENGTH} at least, in steps of {ALIGNMENT}")
        if self.forgeries >= FORGERIES:
            raise KeyExhausted(f"SPI {self.spi}: {self.forgeries} forgeries were tried on its key")
        payload = self._open(view)
        sequence = int.from_bytes(view[4:ASSOCIATED_LENGTH], "big")
        self.window.accept(sequence)
        return Opened(payload[-1], _without_trailer(payload), sequence == self.window.highest)

    def _open(self, view: memoryview) -> memoryview:
        payload = bytearray(len(view) - PAYLOAD_OFFSET - ICV_LENGTH)
        nonce = self._salt + view[ASSOCIATED_LENGTH:PAYLOAD_OFFSET]
        try:
            self._aead.decrypt_into(nonce, view[PAYLOAD_OFFSET:], view[:ASSOCIATED_LENGTH], payload)
        except InvalidTag:
            self.forgeries += 1
            raise AuthenticationFailed(f"SPI {self.spi}: the integrity check value is wrong") from None
        return memoryview(payload)


def _without_trailer(payload: memoryview) -> memoryview:
    """The packet in front of the padding, whose content is checked as RFC 4303 §2.4 asks. Raises MalformedEsp."""
    pad = payload[-TRAILER_LENGTH]
    end = len(payload) - TRAILER_LENGTH - pad
    if end < 0:
        raise MalformedEsp(f"{pad} bytes of padding in a payload of {len(payload)}")
    if payload[end : end + pad] != _PADDING[:pad]:
        raise MalformedEsp("the padding does not count 1, 2, 3, …")
    return payload[:end]


def overlay_mtu(underlay_mtu: int) -> int:
    """The largest inner packet whose datagram fits `underlay_mtu` bytes with its IPv4 and UDP headers."""
    payload = (underlay_mtu - OUTER_LENGTH - PAYLOAD_OFFSET - ICV_LENGTH) // ALIGNMENT * ALIGNMENT
    return payload - TRAILER_LENGTH


def datagram_length(packet_length: int) -> int:
    """The bytes of the datagram, with its IPv4 and UDP headers, that carries an inner packet."""
    payload = -(-(packet_length + TRAILER_LENGTH) // ALIGNMENT) * ALIGNMENT
    return OUTER_LENGTH + PAYLOAD_OFFSET + payload + ICV_LENGTH
