"""Asking a running dataplane something: the client side of its control socket."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from dataplane.errors import LocalError

TIMEOUT = 5.0
"""Seconds for the whole conversation. Our choice."""

CHUNK = 65536


class ControlError(LocalError):
    """The dataplane cannot be asked, or answered with an error."""


def request(path: str | Path, *, timeout: float = TIMEOUT, **message: Any) -> dict[str, Any]:
    """Send one message (`op=…` and its fields) and return the answer. Raises ControlError.

    request(path, op="status")
    request(path, op="set_prefixes", peer="sag-1", prefixes=["10.0.0.0/16"])
    request(path, op="set_eni_check", addresses=["10.0.2.10"], enabled=False)
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps(message).encode() + b"\n")
            line = _read_line(connection)
        except OSError as error:
            raise ControlError(f"the dataplane at {path} does not answer: {error}") from error
    return _parse(line, path)


def _read_line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = connection.recv(CHUNK)
        if not chunk:
            raise ConnectionResetError("it closed the connection in the middle of its answer")
        received += chunk
    return bytes(received)


def _parse(line: bytes, path: str | Path) -> dict[str, Any]:
    try:
        reply = json.loads(line)
    except ValueError as error:
        raise ControlError(f"the dataplane at {path} answered with no JSON") from error
    if not isinstance(reply, dict):
        raise ControlError(f"the dataplane at {path} answered with no JSON object")
    if "error" in reply:
        raise ControlError(f"the dataplane at {path} refused: {reply['error']}")
    return reply
