"""The one thread that touches a lab, and the jobs that others hand it.

A lab is changed and asked in one thread only: its order is the order of the jobs, and what it starts is started by a thread that
lives as long as the lab (PR_SET_PDEATHSIG fires when the starting thread ends).
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Desk:
    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Have a job done when its turn comes. Any thread may call this."""
        future: Future[T] = Future()
        self._jobs.put(lambda: _do(job, future))
        return future

    def close(self) -> None:
        """End `work` once the jobs handed in before are done."""
        self._jobs.put(None)

    def work(self, *, idle: Callable[[], None], every: float) -> None:
        """Do jobs until `close`. `idle` is called every so many seconds, after a job that takes longer once it is done."""
        due = time.monotonic() + every
        while True:
            left = due - time.monotonic()
            if left <= 0:
                idle()
                due = time.monotonic() + every
                continue
            try:
                job = self._jobs.get(timeout=left)
            except queue.Empty:
                continue
            if job is None:
                return
            job()


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
