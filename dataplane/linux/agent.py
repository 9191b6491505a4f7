"""The agent: the part of a dataplane that stays root. It starts workers, does for them what is on the list, and ends with them.

    agent (root) ── channel ── worker (no privilege): TUN, UDP/4500, UDP/500, control socket, keys

It never sees a packet, and reads no key. Whatever happens to one of them, the other ends too: the kernel kills a worker whose
agent is gone, and the agent sees a worker's end through a descriptor of the process.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from dataplane.errors import LocalError
from dataplane.linux.channel import Channel, channel
from dataplane.linux.grants import Grants
from dataplane.linux.poller import READ, Poller
from dataplane.linux.requests import MalformedRequest
from dataplane.linux.signals import caught, hold_back
from dataplane.linux.status import FAILED, complain

LEAVE_SECONDS = 5.0
"""How long a worker may take to end once it is asked to; then it is killed. Our choice."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A forked process: its number, a descriptor that is readable once it has ended, our end of the channel, its grants."""

    pid: int
    pidfd: int
    channel: Channel
    grants: Grants

    def serve(self) -> bool:
        """Answer one request. False when there will be none. One that breaks the rules has been taken over, and is killed."""
        try:
            request = self.channel.receive()
            if request is not None:
                self.grants.answer(request, self.channel)
                return True
        except ConnectionError:
            pass  # it is ending
        except (MalformedRequest, OSError) as error:
            complain(LocalError(f"the worker is killed, because it broke the channel's rules: {error}"), FAILED)
            self.signal(signal.SIGKILL)
        return False

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # a signal of ours may come while it is being reaped
            signal.pidfd_send_signal(self.pidfd, number)

    def reap(self) -> int:
        """Once it has ended: its exit status, or that of a failure when it was killed. Nothing of it is left open."""
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            code = complain(LocalError(f"the worker was killed by {signal.Signals(-code).name}"), FAILED)
        os.close(self.pidfd)
        self.channel.close()
        return code


def start_worker(grants: Grants, work: Callable[[Channel], int]) -> Worker:
    """Fork a worker, which ends with the status that `work` returns."""
    ours, theirs = channel()
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # the collector would write to memory that both processes share until one writes
    pid = os.fork()
    if pid == 0:
        _end_with(lambda: work(theirs))
    theirs.close()
    return Worker(pid, os.pidfd_open(pid), ours, grants)


class Agent:
    """Starts workers, and then serves them until the last one has ended."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants
        self._poller = Poller()
        self._workers: list[Worker] = []
        self._status = 0
        self._kill_at: float | None = None
        hold_back()

    def start(self, work: Callable[[Channel], int]) -> None:
        """Fork a worker, which ends with the status that `work` returns. All of them are started before `serve`."""
        worker = start_worker(self._grants, work)
        self._workers.append(worker)
        self._poller.register(worker.channel, READ, lambda: self._serve(worker))
        self._poller.register(worker.pidfd, READ, lambda: self._reap(worker))

    def serve(self) -> int:
        """Do what workers ask for until all have ended, and return the highest status. SIGTERM and SIGINT end them."""
        with self._poller, self._grants, caught(self.stop, self._poller):
            while self._workers:
                for handle in self._poller.ready(self._timeout()):
                    handle()
                if self._timeout() == 0:
                    self._kill_at = None
                    self._signal_all(signal.SIGKILL)
        return self._status

    def stop(self) -> None:
        """Ask all workers to end."""
        self._signal_all(signal.SIGTERM)
        if self._kill_at is None:
            self._kill_at = time.monotonic() + LEAVE_SECONDS

    def _timeout(self) -> float | None:
        return None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())

    def _signal_all(self, number: signal.Signals) -> None:
        for worker in self._workers:
            worker.signal(number)

    def _serve(self, worker: Worker) -> None:
        if worker not in self._workers:
            return  # it was reaped since the poller reported it
        if not worker.serve():
            self._poller.unregister(worker.channel)

    def _reap(self, worker: Worker) -> None:
        """One has ended, so the others shall."""
        self._workers.remove(worker)
        self._poller.unregister(worker.pidfd)
        with contextlib.suppress(KeyError):  # it was unregistered already when the worker had closed its end
            self._poller.unregister(worker.channel)
        self._status = max(self._status, worker.reap())
        self.stop()


def _end_with(work: Callable[[], int]) -> None:
    """End this forked process with what `work` returns; never return into the agent's code."""
    status = FAILED
    try:
        status = work()
    except BaseException:  # a forked process must not unwind further, whatever it was
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):  # nobody reads what it said
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
