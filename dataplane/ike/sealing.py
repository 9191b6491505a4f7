"""The AEAD of sealed messages. RFC 5282 for AES-GCM, RFC 7634 §2 for ChaCha20-Poly1305; both build the nonce alike.

The IV is a counter. A key seals in one direction of one IKE SA, which is never resumed, so no nonce is used twice; a message that
is sent again is the same bytes.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag

from dataplane.errors import LocalError
from dataplane.ike.errors import IkeForged, MalformedIke
from dataplane.suites import ICV_LENGTH, IV_LENGTH, Suite

OVERHEAD = IV_LENGTH + ICV_LENGTH


class _Keyed:
    """What both directions share. `material` is the key, then the salt. The key is kept by the cipher alone."""

    def __init__(self, suite: Suite, material: bytes) -> None:
        if len(material) != suite.material_length:
            raise LocalError(f"{suite.name} takes {suite.material_length} bytes of key and salt, not {len(material)}")
        self._aead = suite.aead(material[: suite.key_length])
        self._salt = material[suite.key_length :]


class Sealer(_Keyed):
    def __init__(self, suite: Suite, material: bytes) -> None:
        super().__init__(suite, material)
        self._counter = 0

    def seal(self, plain: bytes, associated: bytes) -> bytes:
        """The IV, what encrypts `plain`, and the ICV."""
        self._counter += 1
        iv = self._counter.to_bytes(IV_LENGTH, "big")
        sealed = bytearray(len(plain) + ICV_LENGTH)
        self._aead.encrypt_into(self._salt + iv, plain, associated, sealed)
        return iv + bytes(sealed)


class Opener(_Keyed):
    def open(self, sealed: bytes, associated: bytes) -> bytes:
        """Raises MalformedIke, IkeForged."""
        if len(sealed) < OVERHEAD:
            raise MalformedIke(f"SK payload: {len(sealed)} bytes, {OVERHEAD} at least")
        plain = bytearray(len(sealed) - OVERHEAD)
        try:
            self._aead.decrypt_into(self._salt + sealed[:IV_LENGTH], sealed[IV_LENGTH:], associated, plain)
        except InvalidTag:
            raise IkeForged("the integrity check value is wrong") from None
        return bytes(plain)
