"""The API served on a lab's door, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from lab.supervisor.door import is_admitted


class _RootOnly(H11Protocol):
    """HTTP for those who are root; anyone else's connection is closed unheard."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if not is_admitted(transport.get_extra_info("socket")):
            transport.abort()


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve from now on, until the process ends. The thread leaves signals alone: they are the lab's."""
    config = uvicorn.Config(app, http=_RootOnly, ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listener],), name="api", daemon=True).start()
