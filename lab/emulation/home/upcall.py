"""What the controller cannot decide by itself: it asks the lab, over a socket on which only it begins to speak.

    controller: Upcall ── a JSON object a line, each with a number of its own ──▶ lab: Desk
                       ◀── the answer, with the same number ──
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
from collections.abc import Callable
from itertools import count
from typing import Any

from lab.controller.forms import answer_json, answer_of, visit_json, visit_of
from lab.emulation.home.errands import LINE_LENGTH
from lab.logon import SERVICE_UNAVAILABLE, AppAnswer, AppVisit, Serve

_ANSWERED_WITHIN = 15.0  # seconds; our choice: the lab may be busy with a change of its network
_CHUNK = 65536


class Upcall:
    """The controller's end. `live` takes in the answers until the lab has ended."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._open = asyncio.Event()
        self._write: Callable[[bytes], None] = _nowhere
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[AppAnswer]] = {}

    async def live(self) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=self._socket, limit=LINE_LENGTH)
        self._write = writer.write
        self._open.set()
        while line := await reader.readline():
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["number"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer_of(answer))
        writer.close()

    async def ask(self, visit: AppVisit) -> AppAnswer:
        """What the lab answers. One that does not is told of as an answer."""
        number = next(self._numbers)
        waiting: asyncio.Future[AppAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await self._open.wait()
                self._write(json.dumps(visit_json(visit) | {"number": number}).encode() + b"\n")
                return await waiting
        except TimeoutError:
            return AppAnswer(SERVICE_UNAVAILABLE, "the service does not answer; try again")
        finally:
            self._waiting.pop(number, None)


def _nowhere(_line: bytes) -> None:
    """What is written before there is a connection."""


class Desk:
    """The lab's end: `serve` answers what has come."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._read = b""

    def fileno(self) -> int:
        return self._line.fileno()

    def wait(self, seconds: float) -> None:
        """Until something has come, or so many seconds have passed."""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        poll.poll(1000 * seconds)

    def serve(self, serve: Serve) -> int:
        """Answer what is asked by now. Returns how many were answered; a controller that has died asks nothing."""
        *lines, self._read = (self._read + self._received()).split(b"\n")
        for line in lines:
            asked: dict[str, Any] = json.loads(line)
            answer = answer_json(serve(visit_of(asked))) | {"number": asked["number"]}
            try:
                self._line.sendall(json.dumps(answer).encode() + b"\n")
            except BrokenPipeError:
                break
        return len(lines)

    def _received(self) -> bytes:
        received = b""
        while True:
            try:
                chunk = self._line.recv(_CHUNK, socket.MSG_DONTWAIT)
            except (BlockingIOError, ConnectionResetError):
                return received
            if not chunk:
                return received
            received += chunk

    def close(self) -> None:
        self._line.close()
