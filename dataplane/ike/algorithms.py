"""The algorithms that IKE may choose from, under the numbers that IANA gave their transforms."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dataplane.ike.errors import MalformedIke
from dataplane.suites import SUITES, Suite

Entropy = Callable[[int], bytes]
"""Gives that many bytes that nobody can guess."""

X25519_LENGTH = 32
COORDINATE_LENGTH = 32  # of a point on P-256
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # FIPS 186-4 D.1.2.3
EXTRA_LENGTH = 8  # bytes drawn beyond the order's length, so that the remainder is not biased: FIPS 186-4 B.4.1

_UNCOMPRESSED = b"\x04"  # SEC 1 §2.3.3; RFC 5903 §7 leaves it out


@dataclass(frozen=True, slots=True)
class Prf:
    """A pseudo-random function. `length` is that of its output and of its keys, in bytes."""

    name: str
    number: int
    length: int

    def __call__(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self.name)

    def plus(self, key: bytes, seed: bytes, length: int) -> bytes:
        """`length` bytes of keying material: prf+ of RFC 7296 §2.13."""
        material, block, index = b"", b"", 1
        while len(material) < length:
            block = self(key, block + seed + bytes([index]))
            material += block
            index += 1
        return material[:length]


class Secret(Protocol):
    """One end's half of a key exchange."""

    @property
    def public(self) -> bytes:
        """What the KE payload carries."""

    def agree(self, peer: bytes) -> bytes:
        """The secret shared with whoever sent `peer`. Raises MalformedIke when that is no public value."""


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    number: int
    generate: Callable[[Entropy], Secret] = field(repr=False)


class _X25519:
    """RFC 8031."""

    def __init__(self, entropy: Entropy) -> None:
        self._private = X25519PrivateKey.from_private_bytes(entropy(X25519_LENGTH))

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def agree(self, peer: bytes) -> bytes:
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(peer))
        except ValueError as error:  # of another length, or of a small order: RFC 8031 §5
            raise MalformedIke(f"KE payload: no X25519 key: {error}") from None


class _P256:
    """RFC 5903: a public value is both coordinates of the point, the shared secret is the first."""

    def __init__(self, entropy: Entropy) -> None:
        number = int.from_bytes(entropy(COORDINATE_LENGTH + EXTRA_LENGTH), "big") % (P256_ORDER - 1) + 1
        self._private = ec.derive_private_key(number, ec.SECP256R1())

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]

    def agree(self, peer: bytes) -> bytes:
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _UNCOMPRESSED + peer)
        except ValueError as error:  # of another length, or not on the curve
            raise MalformedIke(f"KE payload: no point on P-256: {error}") from None
        return self._private.exchange(ec.ECDH(), point)


PRFS: Mapping[int, Prf] = {prf.number: prf for prf in (Prf("sha256", 5, 32), Prf("sha384", 6, 48))}
GROUPS: Mapping[int, Group] = {group.number: group for group in (Group("x25519", 31, _X25519), Group("ecp256", 19, _P256))}

ENCRYPTIONS: Mapping[tuple[int, int | None], Suite] = {
    (20, 128): SUITES["aes-128-gcm"],  # ENCR_AES_GCM_16, RFC 5282 §7.1
    (20, 256): SUITES["aes-256-gcm"],
    (28, None): SUITES["chacha20-poly1305"],  # RFC 7634 §4
}
"""Ciphers by their number and the key length in bits, where the transform names one. IKE and ESP number them alike."""

X25519 = GROUPS[31]
P256 = GROUPS[19]
SHA256 = PRFS[5]
SHA384 = PRFS[6]


def sha1(data: bytes) -> bytes:
    """RFC 7296 §2.23 hides addresses with it; nothing depends on its strength."""
    return hashlib.sha1(data, usedforsecurity=False).digest()
