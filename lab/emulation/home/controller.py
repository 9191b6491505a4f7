"""The controller's process: what the lab may ask of it.

Once it listens in the namespace of its node it gives up every privilege: it is spoken to by whoever is on the lab's internet.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import time

# What starlette imports when it is first used: by then this process may not read it.
import anyio._backends._asyncio  # noqa: F401
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from dataplane.linux.privileges import drop_privileges, identity_of
from lab.controller.app_service import AppService
from lab.controller.certificates import Authority
from lab.controller.forms import HOST, entry_of, validity_of
from lab.controller.roll import Roll
from lab.controller.service import Service
from lab.emulation.home.errands import Json
from lab.emulation.home.upcall import Upcall
from lab.emulation.namespace import inside_network
from lab.phoning import Validity

_BACKLOG = 512
_IDLE = 60  # seconds until a silent connection is closed; our choice, above all intervals between reports
_FILES = "/proc/self/fd"
_NOBODY = 65534  # the user of that name, on every Linux


class Controller:
    """What the lab may ask: "serve", "register", "bury" and "status"."""

    """`upcall` is a socket by which it asks the lab what it cannot decide by itself."""

    def __init__(self, upcall: int) -> None:
        os.chdir(_FILES)  # where the lab runs, nobody may not even be let through the root directory
        self._authority = Authority()
        self._roll = Roll()
        self._certificate: Validity | None = None
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self._server: uvicorn.Server | None = None
        self._upcall = Upcall(upcall)
        self._tasks: list[asyncio.Task[None]] = []

    def do(self, asked: Json) -> Json:
        match asked["op"]:
            case "register":
                self._take_register(asked)
            case "bury":
                self._roll.bury(asked["serial_numbers"])
            case "serve":
                self._serve(asked["node"], asked["address"], asked["port"])
        return self._status()

    def _take_register(self, asked: Json) -> None:
        self._roll.load(map(entry_of, asked["entries"]), every=asked["every"], anew=asked["anew"])
        certificate = validity_of(asked["certificate"])
        if certificate != self._certificate:
            self._certificate = certificate
            self._hang_up()  # who is connected has seen another one
            present(self._tls, self._authority.issue(HOST, certificate), files=".")

    def _serve(self, node: int, address: str, port: int) -> None:
        """Listen where the process `node` is, and serve from there."""
        with inside_network(node):
            listener = socket.create_server((address, port), backlog=_BACKLOG)
        app = Service(self._roll, AppService(self._upcall.ask).routes()).app()
        self._server = make_server(app, self._tls)  # it imports, and nobody may read our files
        drop_privileges(identity_of(_NOBODY))
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._server.serve(sockets=[listener])), loop.create_task(self._upcall.live())]

    def _hang_up(self) -> None:
        if self._server is not None:
            hang_up(self._server)

    def _status(self) -> Json:
        now = time.monotonic()
        return {
            "pid": os.getpid(),
            "authority": self._authority.certificate.decode(),
            "reasons": self._roll.reasons(now=now),
            "changes": self._roll.changes(now=now),
        }


def make_server(app: ASGIApp, tls: ssl.SSLContext) -> uvicorn.Server:
    """HTTP over TLS for an application, to be served on sockets of the caller's."""
    config = uvicorn.Config(
        app,
        http=H11Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
    )
    config.load()
    logging.getLogger("uvicorn.error").addFilter(_tells_of_a_mistake)
    config.ssl = tls  # of a key that was never in a file
    return uvicorn.Server(config)


def _tells_of_a_mistake(record: logging.LogRecord) -> bool:
    """A request that ends because this process does is none."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def hang_up(server: uvicorn.Server) -> None:
    """End all connections at once."""
    for connection in tuple(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()


def present(context: ssl.SSLContext, pem: bytes, files: str = _FILES) -> None:
    """Show this key's certificate from now on. Python takes a certificate by a path only: here that of a file in memory.

    `files` is the way to this process's open files.
    """
    fd = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(fd, pem)
        context.load_cert_chain(f"{files}/{fd}")
    finally:
        os.close(fd)

