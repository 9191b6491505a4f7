"""The one thread that touches a lab, and the jobs that others hand it.

A lab is changed and asked in one thread only: its order is the order of the jobs, and what it starts is started by a thread that
lives as long as the lab (PR_SET_PDEATHSIG fires when the starting thread ends).
"""

from __future__ import annotations

import os
import queue
import select
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Desk:
    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_SEMAPHORE)  # counts the jobs

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Have a job done when its turn comes. Any thread may call this."""
        future: Future[T] = Future()
        self._put(lambda: _do(job, future))
        return future

    def close(self) -> None:
        """End `work` once the jobs handed in before are done."""
        self._put(None)

    def _put(self, job: Callable[[], None] | None) -> None:
        self._jobs.put(job)
        os.eventfd_write(self._bell, 1)

    def work(
        self, *, idle: Callable[[], None], every: float, lifelines: Callable[[], Iterable[int]], died: Callable[[], None]
    ) -> None:
        """Do jobs until `close`. `idle` is called every so many seconds, after a job that takes longer once it is done.

        `died` is called, before any job, as soon as one of the descriptors of `lifelines` is readable; it has to see to that.
        """
        due = time.monotonic() + every
        while True:
            left = due - time.monotonic()
            ready = _readable([self._bell, *lifelines()], max(0.0, left))
            if ready - {self._bell}:
                died()
            elif left <= 0:
                idle()
                due = time.monotonic() + every
            elif ready:
                os.eventfd_read(self._bell)
                job = self._jobs.get()
                if job is None:
                    return
                job()


def _readable(descriptors: Iterable[int], within: float) -> set[int]:
    """Those that are readable now, or become so first; none after so many seconds."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(1000 * within)}


def _do(job: Callable[[], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(job())
    except Exception as error:  # told to whoever handed the job in
        future.set_exception(error)
    except BaseException as error:  # an interrupt ends the lab, and whoever waits is told
        future.set_exception(error)
        raise
