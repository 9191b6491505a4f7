"""A lab in a PID namespace and a mount namespace of its own, so that everything dies with the run, however it dies.

    the command ── init (PID 1 of the lab) ── supervisor ── nodes, dataplanes, pings …

When the command dies, the kernel kills init (PR_SET_PDEATHSIG); when init dies, the kernel kills every process of its PID
namespace, also those that changed their user or session; with the last process go network namespaces, links and the
tmpfs. Nothing of it has a name on the host, so nothing has to be cleaned up there.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from lab.emulation.identity import VARIABLE, LabId
from lab.errors import Interrupted, MachineError

RUNTIME = Path("/dev/shm")  # noqa: S108 - covered by a private tmpfs inside the lab; a directory every Linux has
KILLED = 2  # the exit status of a run whose lab was killed

_RAISED_AGAIN_AFTER = 1.0  # seconds

_CLONE_NEWNS = 0x00020000
_CLONE_NEWPID = 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def run_in_sandbox(function: Callable[[], int], name: str = "run") -> int:
    """Run `function` in a new lab's namespaces and return its exit status, once every process of the lab is gone.

    All of them bear the lab's id, with its `name`, in their environment.

    Must be called by a process with one thread. SIGINT reaches the supervisor through the terminal, SIGTERM is passed on; both
    raise Interrupted there. Raises MachineError when the kernel grants no namespaces.
    """
    _check(_libc.unshare(_CLONE_NEWPID), "unshare a PID namespace")
    sys.stdout.flush()
    sys.stderr.flush()
    lifeline, held = os.pipe()
    lab = LabId.of_this_process(name)
    init = os.fork()
    if init == 0:
        os.close(held)
        os.environ[VARIABLE] = str(lab)
        _exit_with(lambda: _init(function, lifeline))
    os.close(lifeline)
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: os.kill(init, signal.SIGTERM))
    try:
        _, status = os.waitpid(init, 0)
    finally:
        os.close(held)
        for number, handler in previous.items():
            signal.signal(number, handler)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        print("saglab: the lab was killed; nothing of it is left", file=sys.stderr)
        return KILLED
    return code


def _init(function: Callable[[], int], lifeline: int) -> int:
    """PID 1 of the lab: mounts what it needs, starts the supervisor, reaps every orphan, ends with the supervisor."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "set the parent death signal")
    if _parent_is_gone(lifeline):  # it died before the signal was set, so no signal will come
        return KILLED
    _make_mounts()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    supervisor = os.fork()
    if supervisor == 0:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        _exit_with(function)
    signal.signal(signal.SIGTERM, lambda _number, _frame: os.kill(supervisor, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == supervisor:
            code = os.waitstatus_to_exitcode(status)
            if code < 0:
                print("saglab: the lab's supervisor was killed; nothing of the lab is left", file=sys.stderr)
            return code if code >= 0 else KILLED


def _parent_is_gone(lifeline: int) -> bool:
    poll = select.poll()
    poll.register(lifeline, select.POLLHUP)
    return bool(poll.poll(0))


def _make_mounts() -> None:
    """A private view of the mounts: /proc of the new PID namespace, and an empty tmpfs for run-time files."""
    _check(_libc.unshare(_CLONE_NEWNS), "unshare a mount namespace")
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _mount("tmpfs", str(RUNTIME), "tmpfs", _MS_NOSUID | _MS_NODEV)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind)]
    _check(_libc.mount(*encoded, ctypes.c_ulong(flags), None), f"mount {kind or 'private'} on {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise MachineError(f"cannot {what}: {os.strerror(error)}; `saglab doctor` says what this machine can do")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise, and raise again until the process ends: an exception that lands in a destructor or a callback is lost."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, _RAISED_AGAIN_AFTER)
    raise Interrupted


def _exit_with(function: Callable[[], int]) -> None:
    """End this forked process with the function's result; never return into the code of the parent."""
    code = KILLED
    try:
        code = function()
    except KeyboardInterrupt:
        print("saglab: interrupted; nothing of the lab is left", file=sys.stderr)
    except MachineError as error:
        print(f"saglab: {error}", file=sys.stderr)
    except BaseException:  # a forked process must not unwind further, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
