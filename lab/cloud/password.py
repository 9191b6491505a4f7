"""Passwords: what is kept of one is an argon2id hash (RFC 9106), and nothing else of it is ever written down or shown."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

SALT_BYTES = 16  # RFC 9106 §3.1
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """`memory` is in KiB."""

    memory: int
    passes: int
    lanes: int


# OWASP, Password Storage Cheat Sheet: the least of argon2id. RFC 9106 §4 recommends more; a lab hashes a thousand at a time.
COST = Cost(memory=19 * 1024, passes=2, lanes=1)


class Password:
    """A password on its way into the cloud. What is written down of a call that was given one is its hash.

    `clear` is there while the call is under way only, and never for one that was written down and is given again. A call has a
    copy of its own, so that who gave one may give it again.
    """

    __slots__ = ("clear", "hash")

    def __init__(self, clear: str | None = None, hash: str = "") -> None:
        self.clear = clear
        self.hash = hash

    def __repr__(self) -> str:
        return "Password(…)"

    def copy(self) -> Password:
        return Password(self.clear, self.hash)

    def seal(self, salt: bytes) -> str:
        """The hash, made now if it was not made before."""
        if not self.hash:
            self.hash = _hashed(self.clear or "", salt)
        return self.hash

    def opens(self, hash: str) -> bool:
        """Whether this is the password that `hash` was made from. Takes as long whether or not it is."""
        if self.clear is None:
            return hmac.compare_digest(self.hash, hash)
        if not _verified(self.clear, hash):
            return False
        self.hash = hash
        return True

    def forget(self) -> None:
        """Let go of the clear text."""
        self.clear = None


def hashed_ahead(clears: Sequence[str], salts: Sequence[bytes]) -> Iterator[Password]:
    """Passwords that are hashed already, in this order, on all processors: argon2 leaves the interpreter to others meanwhile."""
    from concurrent.futures import ThreadPoolExecutor  # few labs have so many accounts

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        hashes = pool.map(_hashed, clears, salts)
        yield from (Password(clear, hash) for clear, hash in zip(clears, hashes, strict=True))


def decoy() -> str:
    """The hash of a password that nobody has: what is compared where there is no account, so that it takes as long."""
    return _decoy(COST)


@cache
def _decoy(_cost: Cost) -> str:
    return _hashed("\0", bytes(SALT_BYTES))


def _hashed(clear: str, salt: bytes) -> str:
    from argon2.low_level import Type, hash_secret  # few labs have accounts

    return hash_secret(clear.encode(), salt, COST.passes, COST.memory, COST.lanes, _HASH_BYTES, Type.ID).decode()


def _verified(clear: str, hash: str) -> bool:
    from argon2.exceptions import VerifyMismatchError
    from argon2.low_level import Type, verify_secret

    try:
        return verify_secret(hash.encode(), clear.encode(), Type.ID)
    except VerifyMismatchError:
        return False
