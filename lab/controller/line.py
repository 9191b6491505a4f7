"""A device's line to its controller: requests over HTTP that are authenticated by Digest."""

from __future__ import annotations

import secrets
import socket
import ssl
from typing import Any
from urllib.parse import quote

from lab.controller.admission import Refusal
from lab.controller.digest import Challenge, MalformedCredentials
from lab.controller.forms import MACHINE
from lab.controller.http import HttpAnswer, HttpConnection, LineBroken, dial, trusting
from lab.phoning import Validity
from lab.status import CONTROLLER_UNREACHABLE

__all__ = ["Line", "LineBroken", "connect", "trusting"]

ANSWERED_WITHIN = 2.0  # seconds; our choice

_ENTROPY_BYTES = 8
_UNAUTHORIZED = 401


class Line:
    """A connection and what authenticates requests on it. `close` drops it at once."""

    def __init__(self, connection: HttpConnection, *, serial_number: str, key: bytes, machine: str) -> None:
        self._connection = connection
        self._name = quote(serial_number, safe="")
        self._key = key
        self._machine = machine
        self._challenge: Challenge | None = None
        self._count = 0

    @property
    def certificate(self) -> Validity:
        """From when to when the controller's certificate is good."""
        return self._connection.certificate

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the controller answers, as JSON. Raises Refusal, and LineBroken or OSError when it is none or away."""
        answer = await self._exchange(method, path, body)
        if answer.status == _UNAUTHORIZED and not answer.body["reason"]:  # the first time, or the nonce is too old
            answer = await self._exchange(method, path, body)
        if answer.status == _UNAUTHORIZED:
            raise Refusal(answer.body["reason"] or CONTROLLER_UNREACHABLE)
        if answer.status != 200:
            raise LineBroken(f"{method} {path} is answered with status {answer.status}")
        return answer.body

    async def _exchange(self, method: str, path: str, body: Any) -> HttpAnswer:
        headers = [(MACHINE, self._machine)]
        if self._challenge is not None:
            self._count += 1
            entropy = secrets.token_hex(_ENTROPY_BYTES)
            proof = self._challenge.answer(self._name, self._key, method, path, count=self._count, entropy=entropy)
            headers.append(("authorization", str(proof)))
        answer = await self._connection.ask(method, path, body, headers, within=ANSWERED_WITHIN)
        challenge = answer.headers.get("www-authenticate")
        if challenge is not None:
            self._learn(challenge)
        return answer

    def _learn(self, challenge: str) -> None:
        try:
            self._challenge, self._count = Challenge.parse(challenge), 0
        except MalformedCredentials as error:
            raise LineBroken(str(error)) from error

    def close(self) -> None:
        self._connection.close()


async def connect(made: socket.socket, home: tuple[str, int], trust: ssl.SSLContext, **who: Any) -> Line:
    """A line over a socket that was made where the device is. Raises Refusal for a certificate that is not trusted, OSError."""
    return Line(await dial(made, home, trust), **who)
