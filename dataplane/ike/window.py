"""Message IDs, repetition and its answer, with a window of one request in each direction. RFC 7296 §2.1 to §2.3.

A request is sent again, the same bytes, until its response comes. A response is kept until the next request, which proves that it
came. So every request is carried out once, however often it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dataplane.ike.errors import IkeOutOfWindow
from dataplane.ike.policy import Retransmission

Purpose = TypeVar("Purpose")


@dataclass(slots=True)
class Pending(Generic[Purpose]):
    """A request that waits for its response. `purpose` is what the response will be about."""

    message_id: int
    exchange: int
    data: bytes = field(repr=False)
    purpose: Purpose
    since: float
    due: float
    wait: float
    attempts_left: int


class Outbox(Generic[Purpose]):
    """Our requests."""

    def __init__(self, retransmission: Retransmission) -> None:
        self._plan = retransmission
        self.next_id = 0
        self.pending: Pending[Purpose] | None = None

    def follow(self, retransmission: Retransmission) -> None:
        """Repeat requests by another plan from the next one on."""
        self._plan = retransmission

    def post(self, exchange: int, data: bytes, purpose: Purpose, now: float) -> None:
        """A request with `next_id` is being sent for the first time."""
        wait = self._plan.first
        self.pending = Pending(self.next_id, exchange, data, purpose, now, now + wait, wait, self._plan.attempts - 1)
        self.next_id += 1

    def expect(self, message_id: int, exchange: int) -> Pending[Purpose]:
        """The request that a response answers. Raises IkeOutOfWindow."""
        pending = self.pending
        if pending is None or (pending.message_id, pending.exchange) != (message_id, exchange):
            raise IkeOutOfWindow(f"response {message_id} of exchange {exchange} answers nothing")
        return pending

    def settle(self) -> None:
        """The response is there and authentic."""
        self.pending = None

    def repeat(self, now: float) -> bytes | None:
        """What is to be sent again at its due time, None when it was sent often enough."""
        pending = self.pending
        if pending is None or not pending.attempts_left:
            return None
        pending.attempts_left -= 1
        pending.wait *= self._plan.factor
        pending.due = now + pending.wait
        return pending.data


class Inbox:
    """The peer's requests."""

    def __init__(self) -> None:
        self.next_id = 0
        self._answer: bytes | None = None

    def is_repeated(self, message_id: int) -> bool:
        """Whether a request is the last one again; otherwise it is the next one. Raises IkeOutOfWindow when it is neither."""
        if message_id == self.next_id:
            return False
        if message_id == self.next_id - 1 and self._answer is not None:
            return True
        raise IkeOutOfWindow(f"request {message_id} where {self.next_id} is due")

    def answer(self, data: bytes) -> None:
        """The next request was carried out, and this is its response."""
        self._answer = data
        self.next_id += 1

    @property
    def last_answer(self) -> bytes:
        return self._answer or b""
