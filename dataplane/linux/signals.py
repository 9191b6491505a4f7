"""SIGTERM and SIGINT, which ask a process to end, in one that waits with a poller."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dataplane.linux.poller import READ, Poller

ENDING = (signal.SIGTERM, signal.SIGINT)


def hold_back() -> None:
    """Let them wait until `caught` is entered, so that none comes too early; a forked process inherits it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)


@contextmanager
def caught(handle: Callable[[], None], poller: Poller) -> Iterator[None]:
    """Call `handle` for each. Python's wake-up descriptor makes it return for them."""
    awaken, asleep = socket.socketpair()
    with awaken, asleep:
        awaken.setblocking(False)
        poller.register(asleep, READ, lambda: asleep.recv(64))
        before = signal.set_wakeup_fd(awaken.fileno())
        handlers = [(number, signal.signal(number, lambda *_: handle())) for number in ENDING]
        mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for number, handler in handlers:
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            poller.unregister(asleep)
