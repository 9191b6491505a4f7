"""Labs side by side: each function runs as a lab's supervisor does, in a process of its own, and its result comes back."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import traceback
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

from lab.emulation.sandbox import run_in_sandbox
from lab.errors import LabError, MachineError

T = TypeVar("T")

_PR_SET_PDEATHSIG = 1  # Linux, include/uapi/linux/prctl.h


class Worker(Generic[T]):
    """`function` in namespaces of its own, started at once. What it returns must pickle. Call it with one thread only."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._reader)
            _live(function, writer)
        os.close(writer)

    def result(self) -> T:
        """Wait for the end. Raises MachineError when the function raised, or died."""
        with os.fdopen(self._reader, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        if not answer:
            raise MachineError(f"a lab ended without a result, with status {os.waitstatus_to_exitcode(status)}")
        done, value = pickle.loads(answer)  # noqa: S301 - our own child wrote it
        if not done:
            raise MachineError(value)
        return value  # type: ignore[no-any-return]


def _live(function: Callable[[], object], writer: int) -> NoReturn:
    """The child's whole life, which ends with its parent's; it must not return into the code of its parent."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        status = run_in_sandbox(lambda: _tell(function, writer))
    except LabError as error:
        print(f"saglab: {error}")
    finally:
        os._exit(status)


def _tell(function: Callable[[], object], writer: int) -> int:
    try:
        answer = (True, function())
    except LabError as error:
        answer = (False, str(error))
    except Exception:  # told to the parent, whatever it was
        answer = (False, traceback.format_exc())
    with os.fdopen(writer, "wb") as pipe:
        pickle.dump(answer, pipe)
    return 0
