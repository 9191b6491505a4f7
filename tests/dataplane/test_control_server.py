"""The control socket's server where a process would meet it only by chance."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dataplane.linux.control import CLIENTS, ControlServer, listen


def test_client_dropped_in_the_same_round_that_it_spoke(tmp_path: Path) -> None:
    """One connection too many closes the oldest, whose line the selector has already reported."""
    path = tmp_path / "control.sock"
    with selectors.DefaultSelector() as selector:
        server = ControlServer(listen(path), lambda line: line + b"\n", selector)
        clients = [_connect(path, selector) for _ in range(CLIENTS)]
        for client in clients:
            client.sendall(b"hello\n")
        clients.append(_client(path))
        handlers = _ready(selector)
        assert len(handlers) == CLIENTS + 1
        for handle in handlers:
            handle()
        for handle in _ready(selector):
            handle()
        with pytest.raises(ConnectionResetError):
            clients[0].recv(100)
        assert clients[1].recv(100) == b"hello\n"
        for client in clients:
            client.close()
        server.close()


def _ready(selector: selectors.BaseSelector) -> list[Callable[[], None]]:
    """What the selector reports, the listener first: it is the handler that can drop the others."""
    events = sorted((key for key, _ in selector.select(5)), key=lambda key: key.fd)
    return [key.data for key in events]


def _client(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(str(path))
    return client


def _connect(path: Path, selector: selectors.BaseSelector) -> socket.socket:
    """A client that has been accepted."""
    client = _client(path)
    for handle in _ready(selector):
        handle()
    return client
