"""The control socket: a UNIX stream socket, one line in, one line out. Packets never wait for a client of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from dataplane.errors import LocalError
from dataplane.linux.poller import READ, WRITE, Poller

CLIENTS = 16
"""Connections at a time; one more closes the oldest. Our choice."""

BACKLOG = 512
"""Connections that may wait to be accepted; one more would be refused at once. Our choice."""

LINE_LENGTH = 1024 * 1024
"""Bytes; a client whose line is longer is closed. Our choice: some 50,000 prefixes."""

CHUNK = 65536
"""Bytes read or written at a time, so that packets get their turn in between. Our choice."""

OWNER_ONLY = 0o177  # as a umask


class ControlSocketError(LocalError):
    """The control socket's path cannot be had."""


class ControlServer:
    """Hands every line that comes to `listener` to `answer`, which returns the line to send back."""

    def __init__(self, listener: socket.socket, answer: Callable[[bytes], bytes], poller: Poller) -> None:
        """Take over what `listen` returned."""
        listener.setblocking(False)  # a socket that came by its descriptor does not know it yet
        self._listener = listener
        self._answer = answer
        self._poller = poller
        self._clients: dict[_Client, None] = {}  # in the order of their arrival
        poller.register(listener, READ, self._accept)

    def close(self) -> None:
        """Stop listening, and close all connections."""
        for client in tuple(self._clients):
            self._drop(client)
        self._poller.unregister(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # the client left before it was its turn
        connection.setblocking(False)
        if len(self._clients) >= CLIENTS:
            self._drop(next(iter(self._clients)))
        client = _Client(connection)
        self._clients[client] = None
        self._poller.register(connection, READ, lambda: self._serve(client))

    def _serve(self, client: _Client) -> None:
        if client not in self._clients:
            return  # dropped since the poller reported it
        try:
            goes_on = client.step(self._answer)
        except OSError:
            goes_on = False  # whatever happened to a client is its own affair
        if not goes_on:
            self._drop(client)
            return
        self._poller.modify(client.connection, WRITE if client.pending else READ)

    def _drop(self, client: _Client) -> None:
        del self._clients[client]
        self._poller.unregister(client.connection)
        client.connection.close()


class _Client:
    """A connection with what came of the next line so far, and what of the last answer is still to be sent."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.pending = b""
        self._received = b""

    def step(self, answer: Callable[[bytes], bytes]) -> bool:
        """Send a chunk if something waits, else read one; answer the next line once the last answer is gone.

        Returns whether the conversation goes on. Nothing is read while an answer waits, so a client that does not listen costs
        no more than one answer.
        """
        if self.pending:
            self.pending = self.pending[self.connection.send(self.pending[:CHUNK]) :]
        elif chunk := self.connection.recv(CHUNK):
            self._received += chunk
        else:
            return False
        line, newline, rest = self._received.partition(b"\n")
        if newline and not self.pending:
            self._received = rest
            self.pending = answer(line)
        return len(self._received) <= LINE_LENGTH


def listen(path: Path) -> socket.socket:
    """A socket that listens at `path`, for its owner only. Raises ControlSocketError."""
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX)
    umask = os.umask(OWNER_ONLY)
    try:
        listener.bind(str(path))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ControlSocketError(f"control socket {path}: {error.strerror}") from error
    finally:
        os.umask(umask)
    listener.setblocking(False)
    return listener


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that died. Raises ControlSocketError when somebody listens, or it is no socket."""
    if not path.exists():
        return
    if not path.is_socket():
        raise ControlSocketError(f"control socket {path}: a file is in the way; remove it or choose another path")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ControlSocketError(f"control socket {path}: another process listens there; choose another path")
