"""The control socket's server where a process would meet it only by chance."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dataplane.linux.control import CLIENTS, ControlServer, listen
from dataplane.linux.poller import Poller


def test_client_dropped_in_the_same_round_that_it_spoke(tmp_path: Path) -> None:
    """One connection too many closes the oldest, whose line the poller has already reported."""
    path = tmp_path / "control.sock"
    with Poller() as poller:
        server = ControlServer(listen(path), lambda line: line + b"\n", poller)
        clients = [_connect(path, poller) for _ in range(CLIENTS)]
        newcomer = _client(path)  # the poller reports it first, so that its handler can drop another
        for client in clients:
            client.sendall(b"hello\n")
        clients.append(newcomer)
        handlers = poller.ready(5)
        assert len(handlers) == CLIENTS + 1
        for handle in handlers:
            handle()
        for handle in poller.ready(5):
            handle()
        with pytest.raises(ConnectionResetError):
            clients[0].recv(100)
        assert clients[1].recv(100) == b"hello\n"
        for client in clients:
            client.close()
        server.close()


def _client(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(str(path))
    return client


def _connect(path: Path, poller: Poller) -> socket.socket:
    """A client that has been accepted."""
    client = _client(path)
    for handle in poller.ready(5):
        handle()
    return client
