"""Workers of dataplanes, each in the namespaces of its node, and the agent that serves all of them.

`python -m dataplane` has an agent for each worker. Here one process is the agent of all: it does for each worker what
the worker's configuration grants, inside the network namespace of its node.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from dataplane.__main__ import load
from dataplane.config import Config
from dataplane.errors import LocalError
from dataplane.linux.agent import Worker, start_worker
from dataplane.linux.channel import Channel
from dataplane.linux.grants import Grants
from dataplane.linux.privileges import Identity
from dataplane.linux.signals import hold_back
from dataplane.linux.status import CANNOT_START, complain
from dataplane.linux.worker import work
from lab.emulation.namespace import enter_node, inside
from lab.emulation.warm.birth import MESSAGE_LENGTH, Answer, Birth


@dataclass(frozen=True)
class _Child:
    """A worker, the network namespace of its node, and where it complains. Two are the same when they are one."""

    worker: Worker
    namespace: int
    stderr: TextIO

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """In the namespace of the node, where what is said goes to the child's standard error."""
        with inside(self.namespace), contextlib.redirect_stderr(self.stderr), contextlib.suppress(BrokenPipeError):
            yield  # nobody may listen any more to what is said


class Nursery:
    """Serves the supervisor and the children until the supervisor closes its end."""

    def __init__(self, supervisor: socket.socket) -> None:
        self._supervisor = supervisor
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, _Child] = {}
        self._running = True

    def run(self) -> None:
        self._selector.register(self._supervisor, selectors.EVENT_READ, self._attend)
        while self._running:
            for key, _ in self._selector.select():
                key.data()

    def _attend(self) -> None:
        """Do what the supervisor asks for. Who has ended is buried before: a new dataplane may take its place and its socket."""
        message, descriptors, _, _ = socket.recv_fds(self._supervisor, MESSAGE_LENGTH, Birth.DESCRIPTORS)
        if not message:
            self._running = False
            return
        for child in [child for child in self._children.values() if _has_ended(child.worker)]:
            self._bury(child)
        try:
            child = self._bear(Birth.read(message), *descriptors)
        except (LocalError, OSError) as error:
            self._supervisor.send(bytes(Answer(error=str(error))))
        else:
            socket.send_fds(self._supervisor, [bytes(Answer(child.worker.pid))], [child.worker.pidfd])

    def _bear(self, birth: Birth, keys: int, out: int, err: int) -> _Child:
        """Fork a worker. Standard error is kept, for what there is to say of it. Raises LocalError, OSError."""
        try:
            config, identity = load(Path(birth.config))
            namespace = os.open(f"/proc/{birth.node}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            worker = start_worker(Grants(config), lambda channel: _live(birth.node, config, identity, (keys, out, err), channel))
        except (LocalError, OSError):
            os.close(err)
            raise
        finally:
            os.close(keys)
            os.close(out)
        child = _Child(worker, namespace, os.fdopen(err, "w"))
        self._children[worker.pid] = child
        self._selector.register(worker.channel, selectors.EVENT_READ, partial(self._serve, child))
        self._selector.register(worker.pidfd, selectors.EVENT_READ, partial(self._bury, child))
        return child

    def _serve(self, child: _Child) -> None:
        if self._children.get(child.worker.pid) is not child:
            return  # it was buried since the selector reported it
        served = False
        with child.at_home():
            served = child.worker.serve()
        if not served:
            self._selector.unregister(child.worker.channel)

    def _bury(self, child: _Child) -> None:
        if self._children.get(child.worker.pid) is not child:
            return
        del self._children[child.worker.pid]
        self._selector.unregister(child.worker.pidfd)
        with contextlib.suppress(KeyError):  # it was unregistered already when the worker had closed its end
            self._selector.unregister(child.worker.channel)
        with child.at_home():
            child.worker.grants.take_back()
            child.worker.reap()
        os.close(child.namespace)
        with contextlib.suppress(BrokenPipeError):
            child.stderr.close()


def _has_ended(worker: Worker) -> bool:
    return os.waitid(os.P_PIDFD, worker.pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _live(node: int, config: Config, identity: Identity, descriptors: tuple[int, int, int], channel: Channel) -> int:
    """The life of a worker, in a forked process. Returns its exit status."""
    hold_back()
    os.setsid()  # out of reach of the terminal's Ctrl-C
    keys, out, err = descriptors
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
        os.dup2(descriptor, number)
    try:
        enter_node(node)
    except OSError as error:
        return complain(LocalError(f"the node cannot be entered: {error.strerror}"), CANNOT_START)
    return work(config, identity, keys, channel)
