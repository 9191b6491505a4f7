"""Key exchange, key derivation and the proof of the pre-shared key, against published vectors and against hmac spelled out."""

from __future__ import annotations

import hashlib
import hmac
import os

import pytest

from dataplane.ike import identity
from dataplane.ike.algorithms import GROUPS, P256, PRFS, SHA256, SHA384, X25519, Group, Prf
from dataplane.ike.errors import MalformedIke, Refusal
from dataplane.ike.keys import (
    Nonces,
    child_keys,
    derive_child_keys,
    derive_ike_keys,
    first_seed,
    next_seed,
    proof,
    verify_proof,
)
from dataplane.ike.offers import IkeSuite
from dataplane.suites import SUITES

NONCES = Nonces(b"i" * 32, b"r" * 24)
SHARED = bytes(range(32))
HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384}
SPI_I, SPI_R = b"initiate", b"response"


def spelled_out(prf: Prf, key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, HASHES[prf.name]).digest()


def spelled_out_plus(prf: Prf, key: bytes, seed: bytes, length: int) -> bytes:
    """T1 | T2 | T3 | …, Tn = prf(K, Tn-1 | S | n)."""
    blocks = [b""]
    for index in range(1, 30):
        blocks.append(spelled_out(prf, key, blocks[-1] + seed + bytes([index])))
    return b"".join(blocks)[:length]


def test_prf_plus_is_the_expansion_of_hkdf() -> None:
    """RFC 5869 appendix A.1: HKDF-Expand and prf+ are one construction."""
    key = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert SHA256.plus(key, bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), 42).hex() == expected


# RFC 4231 §4.3
HMAC_VECTORS = [
    pytest.param(SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", id="sha256"),
    pytest.param(
        SHA384, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649", id="sha384"
    ),
]


@pytest.mark.parametrize(("prf", "expected"), HMAC_VECTORS)
def test_prf_is_hmac(prf: Prf, expected: str) -> None:
    assert prf(b"Jefe", b"what do ya want for nothing?").hex() == expected
    assert prf.length == len(bytes.fromhex(expected))


def p256_seed(private: str) -> bytes:
    """What entropy has to give for this private key: the key less one, in 40 bytes."""
    return (int(private.replace(" ", ""), 16) - 1).to_bytes(40, "big")


# RFC 7748 §6.1, RFC 5903 §8.1: what entropy gives each end, both public values, the shared secret
EXCHANGES = [
    pytest.param(
        X25519,
        bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"),
        bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        id="x25519",
    ),
    pytest.param(
        P256,
        p256_seed("C88F01F5 10D9AC3F 70A292DA A2316DE5 44E9AAB8 AFE84049 C62A9C57 862D1433"),
        p256_seed("C6EF9C5D 78AE012A 011164AC B397CE20 88685D8F 06BF9BE0 B283AB46 476BEE53"),
        "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
        "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
        "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
        "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
        id="p256",
    ),
]


@pytest.mark.parametrize(("group", "left", "right", "left_public", "right_public", "shared"), EXCHANGES)
def test_key_exchange(group: Group, left: bytes, right: bytes, left_public: str, right_public: str, shared: str) -> None:
    ours, theirs = group.generate(lambda _: left), group.generate(lambda _: right)
    assert (ours.public.hex(), theirs.public.hex()) == (left_public, right_public)
    assert (ours.agree(theirs.public).hex(), theirs.agree(ours.public).hex()) == (shared, shared)


BAD_PUBLIC_VALUES = [
    pytest.param(X25519, bytes(31), id="x25519-too-short"),
    pytest.param(X25519, bytes(33), id="x25519-too-long"),
    pytest.param(X25519, bytes(32), id="x25519-of-small-order"),
    pytest.param(P256, bytes(63), id="p256-too-short"),
    pytest.param(P256, bytes(65), id="p256-too-long"),
    pytest.param(P256, bytes(64), id="p256-not-on-the-curve"),
    pytest.param(P256, b"", id="p256-empty"),
]


@pytest.mark.parametrize(("group", "public"), BAD_PUBLIC_VALUES)
def test_bad_public_values_are_refused(group: Group, public: bytes) -> None:
    with pytest.raises(MalformedIke):
        group.generate(os.urandom).agree(public)


@pytest.mark.parametrize("prf", PRFS.values(), ids=lambda prf: prf.name)
@pytest.mark.parametrize("cipher", SUITES)
def test_keys_of_an_ike_sa(prf: Prf, cipher: str) -> None:
    suite = IkeSuite(SUITES[cipher], prf, X25519)
    keys = derive_ike_keys(suite, first_seed(prf, SHARED, NONCES), NONCES, SPI_I, SPI_R)
    seed = spelled_out(prf, NONCES.initiator + NONCES.responder, SHARED)
    size, hash_size = SUITES[cipher].material_length, HASHES[prf.name]().digest_size
    stream = spelled_out_plus(prf, seed, b"i" * 32 + b"r" * 24 + SPI_I + SPI_R, 3 * hash_size + 2 * size)
    assert keys.derive + keys.seal_i + keys.seal_r + keys.prove_i + keys.prove_r == stream
    assert [len(keys.seal_i), len(keys.seal_r), len(keys.prove_r)] == [size, size, hash_size]

    again = spelled_out(prf, keys.derive, SHARED + NONCES.both)
    assert next_seed(keys, SHARED, NONCES) == again


@pytest.mark.parametrize("shared", [b"", SHARED], ids=["without-exchange", "with-exchange"])
@pytest.mark.parametrize("cipher", SUITES)
def test_keys_of_a_child(cipher: str, shared: bytes) -> None:
    keys = derive_ike_keys(IkeSuite(SUITES[cipher], SHA256, P256), b"seed", NONCES, SPI_I, SPI_R)
    material = derive_child_keys(keys, SUITES[cipher], NONCES, shared)
    assert b"".join(material) == spelled_out_plus(SHA256, keys.derive, shared + NONCES.both, len(b"".join(material)))
    left = child_keys(material, 1001, 2002, initiator=True)
    right = child_keys(material, 2002, 1001, initiator=False)
    assert (left.outbound, left.inbound) == (right.inbound, right.outbound)
    assert left.outbound.material == material[0]


@pytest.mark.parametrize("prf", PRFS.values(), ids=lambda prf: prf.name)
def test_proof_of_the_pre_shared_key(prf: Prf) -> None:
    who = identity.key_id("sage6m2p")
    body = b"\x0b\0\0\0sage6m2p"
    made = proof(prf, b"secret", b"sk_p", b"message", b"nonce", who)
    inner = spelled_out(prf, b"secret", b"Key Pad for IKEv2")
    assert made == spelled_out(prf, inner, b"message" + b"nonce" + spelled_out(prf, b"sk_p", body))
    verify_proof(made, made)
    for other in (made[:-1], made + b"\0", bytes(len(made)), b""):
        with pytest.raises(Refusal, match="AUTHENTICATION_FAILED"):
            verify_proof(made, other)


def test_no_key_shows_itself() -> None:
    keys = derive_ike_keys(IkeSuite(SUITES["aes-256-gcm"], SHA256, X25519), b"seed", NONCES, SPI_I, SPI_R)
    shown = repr(keys) + repr(child_keys((b"a" * 36, b"b" * 36), 1001, 2002, initiator=True))
    assert not any(secret in shown for secret in (repr(keys.derive), repr(keys.seal_i), repr(b"a" * 36)))


def test_groups_are_those_of_the_registry() -> None:
    assert set(GROUPS) == {19, 31}
