"""A device's line to its controller: HTTP (RFC 9112) over TLS, authenticated by Digest, one request at a time."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import ssl
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import h11

from lab.controller.admission import Refusal
from lab.controller.digest import Challenge
from lab.controller.forms import HOST, MACHINE
from lab.phoning import Validity
from lab.status import CERTIFICATE_NOT_TRUSTED, CONTROLLER_UNREACHABLE

# Our choices, in seconds: to connect, and to be answered.
CONNECTED_WITHIN = 2.0
ANSWERED_WITHIN = 2.0

_CHUNK = 65536
_ENTROPY_BYTES = 8
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: the time is that of the lab, and looked at by who knows it
_UNAUTHORIZED = 401


class LineBroken(Exception):
    """The controller does not answer as one."""


def trusting(authority: str) -> ssl.SSLContext:
    """What a device trusts: certificates of this authority, given as PEM, for the controller's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    context.load_verify_locations(cadata=authority)
    return context


class Line:
    """A connection and what authenticates requests on it. `close` drops it at once."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, serial_number: str, key: bytes, machine: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._name = quote(serial_number, safe="")
        self._key = key
        self._machine = machine
        self._challenge: Challenge | None = None
        self._count = 0

    @property
    def certificate(self) -> Validity:
        """From when to when the controller's certificate is good."""
        shown = self._writer.get_extra_info("peercert")
        ends = (datetime.fromtimestamp(ssl.cert_time_to_seconds(shown[name]), UTC) for name in ("notBefore", "notAfter"))
        return Validity(*ends)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the controller answers, as JSON. Raises Refusal, and LineBroken or OSError when it is none or away."""
        status, answer = await self._exchange(method, path, body)
        if status == _UNAUTHORIZED and not answer["reason"]:  # the first time, or the nonce is too old
            status, answer = await self._exchange(method, path, body)
        if status == _UNAUTHORIZED:
            raise Refusal(answer["reason"] or CONTROLLER_UNREACHABLE)
        if status != 200:
            raise LineBroken(f"{method} {path} is answered with status {status}")
        return answer

    async def _exchange(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        try:
            async with asyncio.timeout(ANSWERED_WITHIN):
                return await self._request(method, path, b"" if body is None else json.dumps(body).encode())
        except (h11.ProtocolError, ValueError, KeyError) as error:
            raise LineBroken(str(error)) from error

    async def _request(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        headers = [("host", HOST), (MACHINE, self._machine), ("content-length", str(len(body)))]
        if self._challenge is not None:
            self._count += 1
            entropy = secrets.token_hex(_ENTROPY_BYTES)
            proof = self._challenge.answer(self._name, self._key, method, path, count=self._count, entropy=entropy)
            headers.append(("authorization", str(proof)))
        request = h11.Request(method=method, target=path, headers=headers)
        for event in (request, h11.Data(body), h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()
        return await self._response()

    async def _response(self) -> tuple[int, Any]:
        status, received = 0, b""
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            match event:
                case h11.Response():
                    status = event.status_code
                    self._learn(dict(event.headers))
                case h11.Data():
                    received += event.data
                case h11.ConnectionClosed():
                    raise LineBroken("the controller closed the connection in the middle of its answer")
        self._http.start_next_cycle()
        return status, json.loads(received)

    async def _next(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_CHUNK))
        return event

    def _learn(self, headers: dict[bytes, bytes]) -> None:
        if b"www-authenticate" in headers:
            self._challenge, self._count = Challenge.parse(headers[b"www-authenticate"].decode("ascii")), 0

    def close(self) -> None:
        self._writer.transport.abort()


async def connect(made: socket.socket, home: tuple[str, int], trust: ssl.SSLContext, **who: Any) -> Line:
    """A line over a socket that was made where the device is. Raises Refusal for a certificate that is not trusted, OSError."""
    async with asyncio.timeout(CONNECTED_WITHIN):
        try:
            await asyncio.get_running_loop().sock_connect(made, home)
        except BaseException:
            made.close()
            raise
        try:  # from here on it is asyncio that closes the socket
            reader, writer = await asyncio.open_connection(sock=made, ssl=trust, server_hostname=HOST)
        except ssl.SSLCertVerificationError as error:
            raise Refusal(CERTIFICATE_NOT_TRUSTED) from error
    return Line(reader, writer, **who)
