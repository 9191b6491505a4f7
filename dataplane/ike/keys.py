"""Keys from secrets: SKEYSEED and what follows from it, and the proof of knowing the pre-shared key. RFC 7296 §2.14 to §2.18."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from dataplane.config import PeerKeys, SaKeys
from dataplane.errors import DropReason
from dataplane.ike.algorithms import Prf
from dataplane.ike.errors import Refusal
from dataplane.ike.identity import Identity
from dataplane.ike.numbers import Notice
from dataplane.ike.offers import IkeSuite
from dataplane.suites import Suite

KEY_PAD = b"Key Pad for IKEv2"  # RFC 7296 §2.15


@dataclass(frozen=True, slots=True)
class IkeKeys:
    """The keys of an IKE SA. `i` and `r` are its initiator and responder; AEAD ciphers need no SK_a (RFC 5282 §7.1)."""

    prf: Prf
    derive: bytes = field(repr=False)  # SK_d
    seal_i: bytes = field(repr=False)  # SK_ei with its salt
    seal_r: bytes = field(repr=False)  # SK_er with its salt
    prove_i: bytes = field(repr=False)  # SK_pi
    prove_r: bytes = field(repr=False)  # SK_pr


@dataclass(frozen=True, slots=True)
class Nonces:
    """Those of one exchange, by who sent the request of it."""

    initiator: bytes
    responder: bytes

    @property
    def both(self) -> bytes:
        return self.initiator + self.responder

    @property
    def lowest(self) -> bytes:
        """What tells which of two simultaneous rekeys yields: RFC 7296 §2.8.1."""
        return min(self.initiator, self.responder)


def first_seed(prf: Prf, shared: bytes, nonces: Nonces) -> bytes:
    """SKEYSEED of a first IKE SA (§2.14)."""
    return prf(nonces.both, shared)


def next_seed(old: IkeKeys, shared: bytes, nonces: Nonces) -> bytes:
    """SKEYSEED of an IKE SA that replaces another, by the old one's PRF (§2.18)."""
    return old.prf(old.derive, shared + nonces.both)


def derive_ike_keys(suite: IkeSuite, seed: bytes, nonces: Nonces, spi_i: bytes, spi_r: bytes) -> IkeKeys:
    sizes = (suite.prf.length, *(suite.cipher.material_length,) * 2, *(suite.prf.length,) * 2)
    material = suite.prf.plus(seed, nonces.both + spi_i + spi_r, sum(sizes))
    return IkeKeys(suite.prf, *_cut(material, sizes))


def derive_child_keys(keys: IkeKeys, cipher: Suite, nonces: Nonces, shared: bytes = b"") -> tuple[bytes, bytes]:
    """Keys with salts of the exchange's initiator's direction, then of the responder's (§2.17)."""
    size = cipher.material_length
    to_responder, to_initiator = _cut(keys.prf.plus(keys.derive, shared + nonces.both, 2 * size), (size, size))
    return to_responder, to_initiator


def child_keys(material: tuple[bytes, bytes], inbound_spi: int, outbound_spi: int, *, initiator: bool) -> PeerKeys:
    """Both directions from one end's view, which initiated the exchange or did not."""
    to_responder, to_initiator = material
    outbound, inbound = (to_responder, to_initiator) if initiator else (to_initiator, to_responder)
    return PeerKeys(SaKeys(outbound_spi, outbound), SaKeys(inbound_spi, inbound))


def proof(prf: Prf, psk: bytes, prove: bytes, message: bytes, nonce: bytes, identity: Identity) -> bytes:
    """The content of AUTH (§2.15): over the signer's first `message`, the other end's nonce and the signer's identity."""
    signed = message + nonce + prf(prove, identity.body())
    return prf(prf(psk, KEY_PAD), signed)


def verify_proof(expected: bytes, received: bytes) -> None:
    """Raises Refusal AUTHENTICATION_FAILED, in a time that tells nothing."""
    if not hmac.compare_digest(expected, received):
        why = "the proof of the pre-shared key is wrong"
        raise Refusal(Notice.AUTHENTICATION_FAILED, why, reason=DropReason.IKE_WRONG_KEY)


def _cut(material: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(material[start : start + size])
        start += size
    return pieces
