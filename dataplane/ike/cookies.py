"""Proof that an initiator receives what is sent to the address it claims, without keeping anything about it. RFC 7296 §2.6."""

from __future__ import annotations

import hashlib
import hmac

from dataplane.ike.algorithms import Entropy

SECRET_LENGTH = 32
COOKIE_LENGTH = 16  # 1 to 64 by RFC 7296 §2.6
SECRET_SECONDS = 60.0
"""How long one secret makes cookies; they are taken for as long again. Our choice."""


class Cookies:
    def __init__(self, entropy: Entropy, now: float) -> None:
        self._entropy = entropy
        self._secrets = (entropy(SECRET_LENGTH), entropy(SECRET_LENGTH))  # the newest first
        self._renew_at = now + SECRET_SECONDS

    def make(self, nonce: bytes, host: str, spi: bytes, now: float) -> bytes:
        self._renew(now)
        return _cookie(self._secrets[0], nonce, host, spi)

    def is_valid(self, cookie: bytes, nonce: bytes, host: str, spi: bytes, now: float) -> bool:
        self._renew(now)
        return any(hmac.compare_digest(cookie, _cookie(secret, nonce, host, spi)) for secret in self._secrets)

    def _renew(self, now: float) -> None:
        if now < self._renew_at:
            return
        late = now >= self._renew_at + SECRET_SECONDS
        self._secrets = (self._entropy(SECRET_LENGTH), self._entropy(SECRET_LENGTH) if late else self._secrets[0])
        self._renew_at = now + SECRET_SECONDS


def _cookie(secret: bytes, nonce: bytes, host: str, spi: bytes) -> bytes:
    """Keyed BLAKE2 (RFC 7693 §2.9), which takes a third of the time of HMAC: during a flood it is most of what a cookie costs."""
    return hashlib.blake2b(nonce + host.encode() + spi, digest_size=COOKIE_LENGTH, key=secret).digest()
