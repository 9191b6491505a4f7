"""The ciphers of ESP: AES-GCM (RFC 4106) and ChaCha20-Poly1305 (RFC 7634), which share one layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from dataplane.packets import Buffer

SALT_LENGTH = 4  # RFC 4106 §4, RFC 7634 §2
IV_LENGTH = 8  # RFC 4106 §3.1, RFC 7634 §2
ICV_LENGTH = 16  # RFC 4106 §6, RFC 7634 §2


GCM_PACKETS = 2**28
GCM_LARGE_PACKETS = 2**23
LARGE_PACKET = 2**11
"""What one key of AES-GCM may seal: so many packets of up to LARGE_PACKET bytes, or so many of up to 2^16, which are as many
blocks; the bounds are on blocks. draft-irtf-cfrg-aead-limits §5."""

UNBOUNDED = 2**64
"""ChaCha20-Poly1305 gives out before its bounds do: ESP numbers fewer packets. RFC 8446 §5.5."""

FORGERIES = 2**36
"""Failed authentications under one key, of either cipher, after which it is not used any more. RFC 9147 §4.5.3."""


class Aead(Protocol):
    """Authenticated encryption as the `cryptography` package offers it. The tag follows the ciphertext."""

    def encrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes: ...

    def decrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes: ...

    def encrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int: ...

    def decrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int: ...


@dataclass(frozen=True, slots=True)
class Suite:
    """One cipher. `key_length` is in bytes and without the salt.

    One key seals `packets` packets at most, and one of more than LARGE_PACKET bytes counts for `large_cost` of them.
    """

    name: str
    key_length: int
    aead: Callable[[bytes], Aead]
    packets: int
    large_cost: int

    @property
    def material_length(self) -> int:
        """Bytes of keying material for one direction: the key, then the salt (RFC 4106 §8.1, RFC 7634 §2)."""
        return self.key_length + SALT_LENGTH


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("aes-128-gcm", 16, AESGCM, GCM_PACKETS, GCM_PACKETS // GCM_LARGE_PACKETS),
        Suite("aes-256-gcm", 32, AESGCM, GCM_PACKETS, GCM_PACKETS // GCM_LARGE_PACKETS),
        Suite("chacha20-poly1305", 32, ChaCha20Poly1305, UNBOUNDED, 1),
    )
}
