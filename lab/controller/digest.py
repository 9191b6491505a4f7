"""HTTP Digest authentication with SHA-256 (RFC 7616), both halves: a device proves that it has its key, and does not send it.

Only what the two of us need: quality of protection "auth", one algorithm, names and paths without quotes in them.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

SCHEME = "Digest"
ALGORITHM = "SHA-256"
QOP = "auth"

# Our choices: how long a nonce is good for after its last use, in seconds, and how many are remembered.
NONCE_LIFETIME = 300.0
MOST_NONCES = 4096

_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s",]+))')


class MalformedCredentials(ValueError):
    """No Digest credentials, or not those that were asked for."""


class Stale(Exception):
    """The nonce is unknown, too old, or was used for this request before: the answer to another one will do."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server asks (RFC 7616 §3.3). `stale`: nothing was wrong but the nonce."""

    realm: str
    nonce: str
    stale: bool = False

    def __str__(self) -> str:
        stale = ", stale=true" if self.stale else ""
        return f'{SCHEME} realm="{self.realm}", qop="{QOP}", algorithm={ALGORITHM}, nonce="{self.nonce}"{stale}'

    @staticmethod
    def parse(header: str) -> Challenge:
        """Raises MalformedCredentials, also for an algorithm or a quality that is not spoken here."""
        given = _parameters(header)
        if given.get("algorithm") != ALGORITHM or QOP not in given.get("qop", "").replace(" ", "").split(","):
            raise MalformedCredentials(f"not {ALGORITHM} with qop {QOP}: {header}")
        return Challenge(given.get("realm", ""), given.get("nonce", ""), given.get("stale", "").lower() == "true")

    def answer(self, name: str, key: bytes, method: str, path: str, *, count: int, entropy: str) -> Credentials:
        """What a client answers to it for a request, the `count`-th with this nonce."""
        asked = Credentials(name, self.realm, self.nonce, path, count, entropy, "")
        return Credentials(name, self.realm, self.nonce, path, count, entropy, asked.expected(key, method))


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client answers (RFC 7616 §3.4)."""

    name: str
    realm: str
    nonce: str
    path: str
    count: int
    entropy: str
    response: str

    def __str__(self) -> str:
        return (
            f'{SCHEME} username="{self.name}", realm="{self.realm}", nonce="{self.nonce}", uri="{self.path}", '
            f'algorithm={ALGORITHM}, qop={QOP}, nc={self.count:08x}, cnonce="{self.entropy}", response="{self.response}"'
        )

    @staticmethod
    def parse(header: str) -> Credentials:
        """Raises MalformedCredentials."""
        given = _parameters(header)
        if given.get("algorithm") != ALGORITHM or given.get("qop") != QOP:
            raise MalformedCredentials(f"not {ALGORITHM} with qop {QOP}")
        try:
            name, realm, nonce, path = (given[name] for name in ("username", "realm", "nonce", "uri"))
            return Credentials(name, realm, nonce, path, int(given["nc"], 16), given["cnonce"], given["response"])
        except (KeyError, ValueError) as error:
            raise MalformedCredentials(f"missing or malformed: {error}") from error

    def prove(self, key: bytes, method: str) -> bool:
        """Whether who made them has this key."""
        return hmac.compare_digest(self.response.encode(), self.expected(key, method).encode())

    def expected(self, key: bytes, method: str) -> str:
        """The response of who has this key (RFC 7616 §3.4.1)."""
        secret = _hash(f"{self.name}:{self.realm}:".encode() + key)
        request = _hash(f"{method}:{self.path}".encode())
        return _hash(f"{secret}:{self.nonce}:{self.count:08x}:{self.entropy}:{QOP}:{request}".encode())


class Nonces:
    """Those that a server has given out, with how often each was used."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def issue(self, entropy: str, *, now: float) -> str:
        self._used[entropy] = (0, now)
        while len(self._used) > MOST_NONCES:
            self._used.popitem(last=False)
        return entropy

    def spend(self, nonce: str, count: int, *, now: float) -> None:
        """Use a nonce for the `count`-th time, so that nobody can do so again. Raises Stale."""
        last, when = self._used.get(nonce, (0, float("-inf")))
        if now - when > NONCE_LIFETIME or count <= last:
            raise Stale
        self._used[nonce] = (count, now)
        self._used.move_to_end(nonce)


def _parameters(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != SCHEME.lower():
        raise MalformedCredentials(f"the scheme is {scheme!r}, not {SCHEME}")
    return {name: quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
