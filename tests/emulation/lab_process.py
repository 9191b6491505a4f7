"""A lab for a test: a function runs as a lab's supervisor does, in a process of its own, and what it returns comes back."""

from __future__ import annotations

import os
import pickle
import select
import signal
import traceback
from collections.abc import Callable, Mapping
from typing import Generic, NoReturn, TypeVar

from lab.emulation.sandbox import run_in_sandbox

T = TypeVar("T")
K = TypeVar("K")

_MOST = 600  # seconds that a lab of a test may last: it is to end some day, also on a machine under software emulation
_AT_ONCE = 4  # a lab spends most of its time waiting: for answers that do not come, for a process that starts


class LabProcess(Generic[T]):
    """`function` in namespaces of its own, started at once. Several may run at the same time.

    The function sees the test's variables as they are now. What it returns must pickle.
    """

    def __init__(self, function: Callable[[], T], most: int = _MOST) -> None:
        self._reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._reader)
            _live(function, writer, most)
        os.close(writer)

    def fileno(self) -> int:
        """For select: readable once there is an answer."""
        return self._reader

    def result(self) -> T:
        """Wait for the end, and return what the function returned. Raises AssertionError with its traceback if it raised."""
        with os.fdopen(self._reader, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        assert answer, f"the lab ended without an answer, with status {os.waitstatus_to_exitcode(status)}"
        ok, value = pickle.loads(answer)  # noqa: S301 - our own child wrote it
        assert ok, value
        return value  # type: ignore[no-any-return]


def all_results(functions: Mapping[K, Callable[[], T]], start: Callable[[Callable[[], T]], LabProcess[T]]) -> dict[K, T]:
    """The result of each function, each from a process that `start` starts; a few at a time."""
    waiting, running, results = dict(functions), dict[K, LabProcess[T]](), dict[K, T]()
    while waiting or running:
        for name in list(waiting)[: _AT_ONCE - len(running)]:
            running[name] = start(waiting.pop(name))
        ready, _, _ = select.select(running.values(), [], [])
        for name in [name for name, process in running.items() if process in ready]:
            results[name] = running.pop(name).result()
    return results


def in_lab(function: Callable[[], T], most: int = _MOST) -> T:
    """The function's result, from a lab of its own that may last so many seconds."""
    return LabProcess(function, most).result()


def _live(function: Callable[[], object], writer: int, most: int) -> NoReturn:
    """The child's whole life. With its end, however it comes, everything of the lab ends."""
    status = 1
    try:
        signal.alarm(most)
        status = run_in_sandbox(lambda: _answer(function, writer))
    except BaseException:  # a forked process must not unwind into the test
        traceback.print_exc()
    finally:
        os._exit(status)


def _answer(function: Callable[[], object], writer: int) -> int:
    try:
        answer = (True, function())
    except BaseException:  # told to the test, whatever it was
        answer = (False, traceback.format_exc())
    with os.fdopen(writer, "wb") as pipe:
        pickle.dump(answer, pipe)
    return 0
