"""`python -m lab.emulation.home CALLERS UPCALL`: becomes the controller, and forks the callers, whose socket is CALLERS.

The controller's own socket is its standard input, and it asks the lab at UPCALL. Neither outlives its socket's other end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from contextlib import suppress

from lab.emulation.home.callers import Callers
from lab.emulation.home.errands import Errand, run_errands


def main() -> int:
    callers, upcall = map(int, sys.argv[1:])
    if os.fork() == 0:
        os.close(upcall)
        os._exit(_callers(callers))
    os.close(callers)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the callers, whose end the lab sees by their socket
    from lab.emulation.home.controller import Controller  # what the callers need not have loaded

    return _run(sys.stdin.fileno(), Controller(upcall).do)


def _callers(callers: int) -> int:
    """The life of the callers, in a forked process that must not unwind into the other one's."""
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
        return _run(callers, Callers().do)
    except BaseException:
        traceback.print_exc()
        return 1


def _run(descriptor: int, do: Errand) -> int:
    with suppress(ConnectionResetError, BrokenPipeError):  # the lab has ended
        asyncio.run(run_errands(descriptor, do))
    return 0


if __name__ == "__main__":
    sys.exit(main())
