"""Keys for the security associations of a run, made fresh each time and handed over in memory only.

Manual keying: the lab plays the part of the key exchange until IKEv2 takes it over. A set of keys serves one run of one
dataplane; nothing is ever started twice on the same keys, because a counter that starts again would repeat a nonce.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

CIPHERS = {"aes-128-gcm": 16, "aes-256-gcm": 32, "chacha20-poly1305": 32}  # bytes of key; RFC 4106, RFC 7634
DEFAULT_CIPHER = "aes-256-gcm"
_SALT = 4  # bytes, RFC 4106 §4
_FIRST_SPI = 256  # RFC 4303 §2.1 reserves 1 to 255


@dataclass(frozen=True, slots=True)
class SaKeys:
    """One direction: `spi`, and `key` with the salt behind it."""

    spi: int
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PairKeys:
    """Both directions between two nodes, seen from `first`."""

    first: str
    second: str
    forth: SaKeys
    back: SaKeys

    def seen_from(self, node: str) -> dict[str, dict[str, object]]:
        out, into = (self.forth, self.back) if node == self.first else (self.back, self.forth)
        return {"outbound": _as_json(out), "inbound": _as_json(into)}


def fresh_keys(first: str, second: str, *, cipher: str) -> PairKeys:
    """Random keys, salts and SPIs for a tunnel between two nodes."""
    forth, back = (
        SaKeys(_FIRST_SPI + secrets.randbelow(2**32 - _FIRST_SPI), secrets.token_bytes(CIPHERS[cipher] + _SALT)) for _ in range(2)
    )
    return PairKeys(first, second, forth, back)


def _as_json(keys: SaKeys) -> dict[str, object]:
    return {"spi": keys.spi, "key": keys.key.hex()}
