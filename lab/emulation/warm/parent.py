"""The supervisor's side of a warm parent: it has dataplanes born, and holds a descriptor of each."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lab.emulation.warm.birth import MESSAGE_LENGTH, Answer, Birth
from lab.errors import MachineError

_ENDS_WITHIN = 20.0  # seconds that a process may take to end; then it is killed


@dataclass(frozen=True, slots=True)
class Dataplane:
    """A process that a warm parent has forked. `fileno`, for select, is readable once it has ended."""

    pid: int
    pidfd: int
    stdout: BinaryIO
    stderr: BinaryIO

    def fileno(self) -> int:
        return self.pidfd

    @property
    def has_ended(self) -> bool:
        return self._ends_within(0)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._signal(signal.SIGTERM)
        if not self._ends_within(_ENDS_WITHIN):
            self._signal(signal.SIGKILL)
            self._ends_within(_ENDS_WITHIN)
        os.close(self.pidfd)
        self.stdout.close()
        self.stderr.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            signal.pidfd_send_signal(self.pidfd, number)

    def _ends_within(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(1000 * seconds))


class WarmParent:
    """Starts at once, and loads while its maker does other things. It dies with the maker, who calls `close` in the end.

    `lifeline` is a descriptor that is readable once it has ended.
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lab.emulation.warm"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # out of reach of the terminal's Ctrl-C
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # of threads, a fork keeps only the one that forks
            )
        self.lifeline = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def bear(self, node: int, config: Path, keys: int) -> Dataplane:
        """Start a dataplane in the namespaces of the process `node`. `keys` is a descriptor of its keys.

        A parent that is found dead is replaced: its end may not have been noticed yet, and what it had begun died with it.
        Raises MachineError if that does not help, and when the parent refuses.
        """
        try:
            return self._bear(node, config, keys)
        except _ParentGone:
            self.close()
            self._start()
            return self._bear(node, config, keys)

    def _bear(self, node: int, config: Path, keys: int) -> Dataplane:
        out, theirs_out = os.pipe()
        err, theirs_err = os.pipe()
        try:
            return Dataplane(*self._ask(Birth(node, str(config)), [keys, theirs_out, theirs_err]), _open(out), _open(err))
        except MachineError:
            os.close(out)
            os.close(err)
            raise
        finally:
            os.close(theirs_out)
            os.close(theirs_err)

    def _ask(self, birth: Birth, descriptors: list[int]) -> tuple[int, int]:
        """Returns the new process, and a descriptor of it. Raises _ParentGone, and MachineError when it refuses."""
        try:
            socket.send_fds(self._socket, [bytes(birth)], descriptors)
            message, answered, _, _ = socket.recv_fds(self._socket, MESSAGE_LENGTH, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise _ParentGone(f"no dataplane can be started: {error.strerror}") from error
        if not message:
            raise _ParentGone("no dataplane can be started: the process that forks them has ended")
        answer = Answer.read(message)
        if answer.error:
            raise MachineError(f"no dataplane can be started: {answer.error}")
        return answer.pid, answered[0]

    def close(self) -> None:
        """End it, and the dataplanes that still live with it."""
        self._socket.close()
        self._process.wait()
        os.close(self.lifeline)


class _ParentGone(MachineError):
    """The process that forks dataplanes has ended."""


def _open(pipe: int) -> BinaryIO:
    return os.fdopen(pipe, "rb", 0)
