"""What joins a worker to the agent: a pair of sockets, on which one asks and the other answers, with descriptors.

Messages keep their bounds (SOCK_SEQPACKET), so that neither end has to look for them in what the other sent.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass

from dataplane.errors import LocalError
from dataplane.linux.requests import MESSAGE_LENGTH, Request, decode, encode

REASON_LENGTH = 600
"""Characters of a refusal. Our choice: a message holds as many, however JSON has to write them."""


class Refused(LocalError):
    """The agent did not do what it was asked, for the reason that the error bears."""


class AgentGone(LocalError):
    """Nobody answers any more."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One end of it, the worker's or the agent's."""

    socket: socket.socket

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    # The worker's end

    def order(self, request: Request) -> None:
        """Have something done. Raises Refused, AgentGone."""
        self._ask(request)

    def obtain(self, request: Request) -> int:
        """Have something opened, and return the descriptor. Raises Refused, AgentGone."""
        descriptors = self._ask(request)
        if len(descriptors) != 1:
            raise AgentGone(f"{request} was answered with {len(descriptors)} descriptors")
        return descriptors[0]

    def _ask(self, request: Request) -> list[int]:
        try:
            self.socket.send(encode(request))
            answer, descriptors, _, _ = socket.recv_fds(self.socket, MESSAGE_LENGTH, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise AgentGone(f"the agent is gone: {error.strerror}") from error
        if not answer:
            raise AgentGone("the agent is gone")
        refusal = json.loads(answer)
        if refusal is not None:
            raise Refused(refusal)
        return descriptors

    # The agent's end

    def receive(self) -> Request | None:
        """The next request, None when there will be none. Descriptors beside it are not taken. Raises MalformedRequest."""
        message = self.socket.recv(MESSAGE_LENGTH + 1)  # one more byte tells a message that is too long
        return decode(message) if message else None

    def answer(self, descriptor: int | None) -> None:
        """It is done, and this is what was opened."""
        socket.send_fds(self.socket, [json.dumps(None).encode()], [] if descriptor is None else [descriptor])

    def refuse(self, reason: str) -> None:
        self.socket.send(json.dumps(reason[:REASON_LENGTH]).encode())


def channel() -> tuple[Channel, Channel]:
    """The agent's end and the worker's. The agent's never blocks: a worker that does not listen must not hold it up."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return Channel(ours), Channel(theirs)
