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


class Aead(Protocol):
    """Authenticated encryption as the `cryptography` package offers it. The tag follows the ciphertext."""

    def encrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int: ...

    def decrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int: ...


@dataclass(frozen=True, slots=True)
class Suite:
    """One cipher. `key_length` is in bytes and without the salt."""

    name: str
    key_length: int
    aead: Callable[[bytes], Aead]

    @property
    def material_length(self) -> int:
        """Bytes of keying material for one direction: the key, then the salt (RFC 4106 §8.1, RFC 7634 §2)."""
        return self.key_length + SALT_LENGTH


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("aes-128-gcm", 16, AESGCM),
        Suite("aes-256-gcm", 32, AESGCM),
        Suite("chacha20-poly1305", 32, ChaCha20Poly1305),
    )
}
