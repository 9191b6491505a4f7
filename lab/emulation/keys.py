"""Keys for the security associations of a run, made fresh each time and handed over in memory only.

Manual keying: the lab plays the part of the key exchange until IKEv2 takes it over. A set of keys serves one run of one
dataplane; nothing is ever started twice on the same keys, because a counter that starts again would repeat a nonce.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.topology import Topology

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


def make_keys(topology: Topology, cipher: str) -> dict[str, PairKeys]:
    """Fresh keys for every tunnel of a topology, by the peer's name."""
    ends: dict[str, list[str]] = {}
    for node in topology.nodes:
        for service in node.services:
            for peer in service.peers:
                ends.setdefault(peer.name, []).append(node.name)
    return {name: _fresh(*nodes, cipher=cipher) for name, nodes in ends.items() if len(nodes) == 2}


def _fresh(first: str, second: str, *, cipher: str) -> PairKeys:
    forth, back = (
        SaKeys(_FIRST_SPI + secrets.randbelow(2**32 - _FIRST_SPI), secrets.token_bytes(CIPHERS[cipher] + _SALT)) for _ in range(2)
    )
    return PairKeys(first, second, forth, back)


def keys_memfd(keys: Iterable[tuple[str, PairKeys]], node: str) -> int:
    """A memfd with what one node's dataplane needs, positioned at its start. The caller closes it."""
    fd = os.memfd_create("keys", os.MFD_CLOEXEC)
    os.write(fd, json.dumps({name: pair.seen_from(node) for name, pair in keys}).encode())
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _as_json(keys: SaKeys) -> dict[str, object]:
    return {"spi": keys.spi, "key": keys.key.hex()}
