"""Who may begin a handshake. RFC 7296 §2.6.

An initiator that nobody knows costs a session and a key exchange. So while many handshakes are half open, it first has to show
with a cookie that it receives what is sent to its address; and there are never more than a fixed number half open, of all and of
one address.

During a flood this is all that most messages meet, so they are looked at where their bytes lie: the header, then from payload to
payload as far as the nonce. Nothing is parsed, computed or kept for them but the cookie.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Hashable

from dataplane.ike.algorithms import Entropy
from dataplane.ike.cookies import COOKIE_LENGTH, Cookies
from dataplane.ike.errors import IkeOverloaded, MalformedIke
from dataplane.ike.message import GENERIC_LENGTH, HEADER_LENGTH, NO_SPI, SPI_LENGTH, Header
from dataplane.ike.numbers import Exchange, Flag, Notice, PayloadType, Protocol
from dataplane.ike.payloads import NONCE_LENGTHS

COOKIE_THRESHOLD = 64
"""Half-open handshakes from which on cookies are asked for. Our choice: a busy moment, not a flood."""

MOST_HALF_OPEN = 1024
"""Half-open handshakes at most. Our choice: a few megabytes."""

MOST_OF_HOST = 256
"""Half-open handshakes of one address at most. Our choice: many gateways may be behind one NAT, and none fills it alone."""

MOST_PAYLOADS = 16
"""Payloads in front of the nonce. Our choice: there are three or four."""

_GENERIC = struct.Struct("!BBH")
_NOTIFY = struct.Struct("!BBH")
_NOTIFY_LENGTH = _GENERIC.size + _NOTIFY.size + COOKIE_LENGTH
_HEADER = Header(NO_SPI, NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0).pack(PayloadType.NOTIFY, HEADER_LENGTH + _NOTIFY_LENGTH)
_ANSWER = _HEADER[SPI_LENGTH:] + _GENERIC.pack(0, 0, _NOTIFY_LENGTH) + _NOTIFY.pack(Protocol.NONE, 0, Notice.COOKIE)
"""What stands between the initiator's SPI and the cookie, the same in every answer."""


class Doorkeeper:
    """Knows which conversations are half open, and from where they were begun.

    One whose initiator fails to prove who it is counts until it is forgotten: it is as cheap to begin as to leave half open.
    """

    def __init__(self, entropy: Entropy, now: float) -> None:
        self._cookies = Cookies(entropy, now)
        self._hosts: dict[Hashable, str] = {}
        self._of_host: Counter[str] = Counter()

    @property
    def half_open(self) -> int:
        return len(self._hosts)

    def note(self, session: Hashable, host: str) -> None:
        """A handshake was begun from `host`."""
        self._hosts[session] = host
        self._of_host[host] += 1

    def forget(self, session: Hashable) -> None:
        """A conversation is authenticated or gone, if it ever was half open."""
        host = self._hosts.pop(session, None)
        if host is None:
            return
        self._of_host[host] -= 1
        if not self._of_host[host]:
            del self._of_host[host]

    def screen(self, request: bytes, host: str, now: float) -> bytes | None:
        """The answer that asks for a cookie; None for an IKE_SA_INIT from a `host` that may go on, as nearly always.

        `request` is at least a header. Raises MalformedIke when it holds no nonce, IkeOverloaded.
        """
        if self.half_open < COOKIE_THRESHOLD:
            return None
        spi, nonce = request[:SPI_LENGTH], _nonce(request)
        cookie = _cookie(request)
        if cookie is None or not self._cookies.is_valid(cookie, nonce, host, spi, now):
            return spi + _ANSWER + self._cookies.make(nonce, host, spi, now)
        if self.half_open >= MOST_HALF_OPEN or self._of_host[host] >= MOST_OF_HOST:
            raise IkeOverloaded(f"{self.half_open} handshakes are half open, {self._of_host[host]} of them from {host}")
        return None


def _nonce(request: bytes) -> bytes:
    kind, position = request[SPI_LENGTH * 2], HEADER_LENGTH
    for _ in range(MOST_PAYLOADS):
        if kind == PayloadType.NONE or position + GENERIC_LENGTH > len(request):
            break
        following, _, length = _GENERIC.unpack_from(request, position)
        if kind == PayloadType.NONCE:
            nonce = request[position + GENERIC_LENGTH : position + length]
            if len(nonce) == length - GENERIC_LENGTH and len(nonce) in NONCE_LENGTHS:
                return nonce
            break
        kind, position = following, position + max(length, GENERIC_LENGTH)
    raise MalformedIke("IKE_SA_INIT: there is no nonce where one is due")


def _cookie(request: bytes) -> bytes | None:
    """The cookie, which stands before everything else."""
    start = HEADER_LENGTH + GENERIC_LENGTH + _NOTIFY.size
    if request[SPI_LENGTH * 2] != PayloadType.NOTIFY or len(request) < start:
        return None
    length = _GENERIC.unpack_from(request, HEADER_LENGTH)[2]
    spi_length, notice = _NOTIFY.unpack_from(request, HEADER_LENGTH + GENERIC_LENGTH)[1:]
    return request[start + spi_length : HEADER_LENGTH + length] if notice == Notice.COOKIE else None


