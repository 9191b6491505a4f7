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
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from dataplane.errors import (
    AuthenticationFailed,
    DropReason,
    KeyExhausted,
    LocalError,
    MalformedEsp,
    Replayed,
    SequenceExhausted,
)
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
PADDING = bytes(range(1, 256))  # RFC 4303 §2.4: 1, 2, 3, …


class Opened(NamedTuple):
    """An authenticated payload. `newest` says whether its sequence number is the highest so far."""

    next_header: int
    packet: memoryview
    newest: bool


class Slot(NamedTuple):
    """One datagram of a batch, as the cipher takes it: in place, the ciphertext where the plaintext is, the ICV behind it."""

    nonce: memoryview
    associated: memoryview
    plain: memoryview
    sealed: memoryview


class _SecurityAssociation:
    """What both directions share: the SPI, the cipher under its key, the salt. The key is kept by the cipher alone."""

    __slots__ = ("_aead", "_lifetime", "salt", "spi", "suite")

    def __init__(self, spi: int, suite: Suite, material: bytes) -> None:
        if not FIRST_FREE_SPI <= spi <= LAST_SPI:
            raise LocalError(f"SPI {spi} is reserved: use {FIRST_FREE_SPI} to {LAST_SPI} (RFC 4303 §2.1)")
        if len(material) != suite.material_length:
            raise LocalError(f"{suite.name} takes {suite.material_length} bytes of key and salt, not {len(material)}")
        self.spi = spi
        self.suite = suite
        self._aead = suite.aead(material[: suite.key_length])
        self.salt = material[suite.key_length :]
        self._lifetime = min(LAST_SEQUENCE, suite.packets)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(spi={self.spi}, suite={self.suite.name!r})"


class OutboundSa(_SecurityAssociation):
    """The sending direction of a security association. RFC 4303 §3.3."""

    __slots__ = ("encrypt", "last_sequence", "sequence")

    def __init__(self, spi: int, suite: Suite, material: bytes) -> None:
        super().__init__(spi, suite, material)
        self.encrypt = self._aead.encrypt
        self.sequence = 0
        self.last_sequence = self._lifetime
        """The number of the last packet that the key may seal. What large ones cost above their one number is taken off it."""

    @property
    def wear(self) -> float:
        """What part of the key's life is over, from 0 to 1."""
        return 1 - (self.last_sequence - self.sequence) / self._lifetime

    def encapsulate(self, packet: Buffer, next_header: int = NEXT_HEADER_IPV4) -> bytearray:
        """The payload of a UDP datagram that carries `packet`. Raises SequenceExhausted, KeyExhausted."""
        datagram = bytearray(sealed_length(len(packet)))
        self.encapsulate_into(memoryview(datagram), packet, next_header)
        return datagram

    def encapsulate_into(self, datagram: memoryview, packet: Buffer, next_header: int = NEXT_HEADER_IPV4) -> None:
        """The same in given memory, which is exactly as long as it takes. Raises SequenceExhausted, KeyExhausted."""
        sequence = self.reserve(len(packet))
        end = PAYLOAD_OFFSET + len(packet)
        _HEAD.pack_into(datagram, 0, self.spi, sequence, sequence)
        datagram[PAYLOAD_OFFSET:end] = packet
        datagram[end:-ICV_LENGTH] = trailer(len(packet), next_header)
        nonce = self.salt + datagram[ASSOCIATED_LENGTH:PAYLOAD_OFFSET]
        # In place: the ciphertext takes exactly the room of the plaintext, and the ICV the room behind it.
        sealed = datagram[PAYLOAD_OFFSET:]
        self._aead.encrypt_into(nonce, sealed[:-ICV_LENGTH], datagram[:ASSOCIATED_LENGTH], sealed)

    def reserve(self, packet_length: int, count: int = 1) -> int:
        """The sequence number of the first of `count` packets of a length; nothing else will use theirs.

        Raises SequenceExhausted or KeyExhausted when there are fewer left, and then reserves none.
        """
        if not self.lasts_for(packet_length, count):
            raise self._exhausted(count)
        self.last_sequence = self._last_after(packet_length, count)
        self.sequence += count
        return self.sequence - count + 1

    def _exhausted(self, count: int) -> SequenceExhausted | KeyExhausted:
        if self.sequence + count > LAST_SEQUENCE:
            return SequenceExhausted(f"SPI {self.spi} has sent its last sequence number")
        return KeyExhausted(f"SPI {self.spi}: {self.suite.name} has sealed all that one key may")

    def lasts_for(self, packet_length: int, count: int) -> bool:
        """Whether `reserve` would grant as much."""
        return self.sequence + count <= self._last_after(packet_length, count)

    def _last_after(self, packet_length: int, count: int) -> int:
        """What `last_sequence` becomes when so many packets of a length are sealed."""
        is_large = sealed_length(packet_length) - PAYLOAD_OFFSET - ICV_LENGTH > LARGE_PACKET
        return self.last_sequence - (count * (self.suite.large_cost - 1) if is_large else 0)

    def seal(self, slots: Iterable[Slot]) -> None:
        """Encrypt and authenticate datagrams that are written but for that, their nonces with them."""
        encrypt_into = self._aead.encrypt_into
        for nonce, associated, plain, sealed in slots:
            encrypt_into(nonce, plain, associated, sealed)


class InboundSa(_SecurityAssociation):
    """The receiving direction of a security association. RFC 4303 §3.4."""

    __slots__ = ("decrypt", "forgeries", "window")

    def __init__(self, spi: int, suite: Suite, material: bytes) -> None:
        super().__init__(spi, suite, material)
        self.decrypt = self._aead.decrypt
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
        return Opened(payload[-1], without_trailer(payload), sequence == self.window.highest)

    def may_open(self, count: int) -> bool:
        """Whether the key bears as many forgeries more."""
        return self.forgeries + count <= FORGERIES

    def open(self, slots: Iterable[Slot], sequences: list[int]) -> dict[int, DropReason]:
        """Open a batch, whose lengths are right, in place. Returns why which of its datagrams were refused, by their place."""
        refused: dict[int, DropReason] = {}
        decrypt_into = self._aead.decrypt_into
        for index, (nonce, associated, plain, sealed) in enumerate(slots):
            try:
                decrypt_into(nonce, sealed, associated, plain)
            except InvalidTag:
                self.forgeries += 1
                refused[index] = DropReason.AUTHENTICATION_FAILED
        if refused or not self.window.accept_run(sequences):
            for index, sequence in enumerate(sequences):
                if index not in refused and not self._is_new(sequence):
                    refused[index] = DropReason.REPLAYED
        return refused

    def _is_new(self, sequence: int) -> bool:
        try:
            self.window.accept(sequence)
        except Replayed:
            return False
        return True

    def _open(self, view: memoryview) -> memoryview:
        payload = bytearray(len(view) - PAYLOAD_OFFSET - ICV_LENGTH)
        nonce = self.salt + view[ASSOCIATED_LENGTH:PAYLOAD_OFFSET]
        try:
            self._aead.decrypt_into(nonce, view[PAYLOAD_OFFSET:], view[:ASSOCIATED_LENGTH], payload)
        except InvalidTag:
            self.forgeries += 1
            raise AuthenticationFailed(f"SPI {self.spi}: the integrity check value is wrong") from None
        return memoryview(payload)


def sealed_length(packet_length: int) -> int:
    """Bytes of the ESP packet that carries an inner packet."""
    padded = -(-(packet_length + TRAILER_LENGTH) // ALIGNMENT) * ALIGNMENT
    return PAYLOAD_OFFSET + padded + ICV_LENGTH


def trailer(packet_length: int, next_header: int) -> bytes:
    """What stands between an inner packet and the ICV. RFC 4303 §2.4."""
    pad = -(packet_length + TRAILER_LENGTH) % ALIGNMENT
    return PADDING[:pad] + bytes((pad, next_header))


def without_trailer(payload: memoryview) -> memoryview:
    """The packet in front of the padding, whose content is checked as RFC 4303 §2.4 asks. Raises MalformedEsp."""
    pad = payload[-TRAILER_LENGTH]
    end = len(payload) - TRAILER_LENGTH - pad
    if end < 0:
        raise MalformedEsp(f"{pad} bytes of padding in a payload of {len(payload)}")
    if payload[end : end + pad] != PADDING[:pad]:
        raise MalformedEsp("the padding does not count 1, 2, 3, …")
    return payload[:end]


def overlay_mtu(underlay_mtu: int) -> int:
    """The largest inner packet whose datagram fits `underlay_mtu` bytes with its IPv4 and UDP headers."""
    payload = (underlay_mtu - OUTER_LENGTH - PAYLOAD_OFFSET - ICV_LENGTH) // ALIGNMENT * ALIGNMENT
    return payload - TRAILER_LENGTH


def datagram_length(packet_length: int) -> int:
    """The bytes of the datagram, with its IPv4 and UDP headers, that carries an inner packet."""
    return OUTER_LENGTH + sealed_length(packet_length)
