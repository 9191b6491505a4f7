"""A client's connection to the controller: HTTP (RFC 9112) over TLS, one request at a time."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import h11

from lab.controller.admission import Refusal
from lab.controller.forms import HOST
from lab.phoning import Validity
from lab.status import CERTIFICATE_NOT_TRUSTED

CONNECTED_WITHIN = 2.0  # seconds; our choice

_CHUNK = 65536
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: the time is that of the lab, and looked at by who knows it


class LineBroken(Exception):
    """The controller does not answer as one."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`body` is JSON; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any


def trusting(authority: str) -> ssl.SSLContext:
    """What a client trusts: certificates of this authority, given as PEM, for the controller's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    context.load_verify_locations(cadata=authority)
    return context


class HttpConnection:
    """`close` drops it at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @property
    def certificate(self) -> Validity:
        """From when to when the controller's certificate is good."""
        shown = self._writer.get_extra_info("peercert")
        ends = (datetime.fromtimestamp(ssl.cert_time_to_seconds(shown[name]), UTC) for name in ("notBefore", "notAfter"))
        return Validity(*ends)

    async def ask(
        self, method: str, path: str, body: Any, headers: Sequence[tuple[str, str]], *, within: float
    ) -> HttpAnswer:
        """What the controller answers within so many seconds. Raises LineBroken and OSError when it is none or away."""
        try:
            async with asyncio.timeout(within):
                return await self._request(method, path, b"" if body is None else json.dumps(body).encode(), headers)
        except (h11.ProtocolError, ValueError, KeyError) as error:
            raise LineBroken(str(error)) from error

    async def _request(self, method: str, path: str, body: bytes, headers: Sequence[tuple[str, str]]) -> HttpAnswer:
        told = [("host", HOST), ("content-length", str(len(body))), *headers]
        request = h11.Request(method=method, target=path, headers=told)
        for event in (request, h11.Data(body), h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()
        return await self._response()

    async def _response(self) -> HttpAnswer:
        status, headers, received = 0, {}, b""
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            match event:
                case h11.Response():
                    status = event.status_code
                    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
                case h11.Data():
                    received += event.data
                case h11.ConnectionClosed():
                    raise LineBroken("the controller closed the connection in the middle of its answer")
        self._http.start_next_cycle()
        return HttpAnswer(status, headers, json.loads(received))

    async def _next(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_CHUNK))
        return event

    def close(self) -> None:
        self._writer.transport.abort()


async def dial(made: socket.socket, home: tuple[str, int], trust: ssl.SSLContext) -> HttpConnection:
    """A connection over a socket that was made where the client is.

    Raises Refusal for a certificate that is not trusted, OSError.
    """
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
    return HttpConnection(reader, writer)
