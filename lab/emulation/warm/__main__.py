"""`python -m lab.emulation.warm`: forks a dataplane for each message on the socket that is its standard input.

Answers each with the number of the new process and a descriptor of it. Ends with the socket; the dataplanes then go on, and with
the lab's PID namespace they end too.
"""

from __future__ import annotations

import gc
import os
import selectors
import socket
import sys
from functools import partial
from pathlib import Path

from dataplane.__main__ import run as run_dataplane
from dataplane.errors import LocalError
from dataplane.linux.agent import end_with
from dataplane.linux.status import CANNOT_START, complain
from lab.emulation.namespace import enter_node
from lab.emulation.warm.birth import KEYS_FD, MESSAGE_LENGTH, Birth
from lab.emulation.warm.rehearsal import rehearse


def main() -> int:
    supervisor = socket.socket(fileno=sys.stdin.fileno())
    rehearse()
    gc.collect()
    gc.freeze()  # the collector would write to memory that all share until one writes
    with selectors.DefaultSelector() as selector:
        selector.register(supervisor, selectors.EVENT_READ, partial(_bear, supervisor, selector))
        while True:
            for key, _ in selector.select():
                if not key.data():
                    return 0


def _bear(supervisor: socket.socket, selector: selectors.BaseSelector) -> bool:
    """Fork one dataplane. False when nobody will ask any more."""
    message, descriptors, _, _ = socket.recv_fds(supervisor, MESSAGE_LENGTH, Birth.DESCRIPTORS)
    if not message:
        return False
    pid = os.fork()
    if pid == 0:
        end_with(lambda: _live(Birth.read(message), *descriptors))
    for descriptor in descriptors:
        os.close(descriptor)
    pidfd = os.pidfd_open(pid)
    socket.send_fds(supervisor, [str(pid).encode()], [pidfd])
    selector.register(pidfd, selectors.EVENT_READ, partial(_bury, pid, pidfd, selector))
    return True


def _bury(pid: int, pidfd: int, selector: selectors.BaseSelector) -> bool:
    os.waitpid(pid, 0)
    selector.unregister(pidfd)
    os.close(pidfd)
    return True


def _live(birth: Birth, keys: int, out: int, err: int) -> int:
    """The life of a dataplane, in a forked process: with nothing of the parent's but its memory."""
    os.setsid()  # out of reach of the terminal's Ctrl-C
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, descriptor in enumerate((out, err, keys), start=1):
        os.dup2(descriptor, number)
    os.closerange(KEYS_FD + 1, os.sysconf("SC_OPEN_MAX"))
    try:
        enter_node(birth.node)
    except OSError as error:
        return complain(LocalError(f"the node cannot be entered: {error.strerror}"), CANNOT_START)
    return run_dataplane(Path(birth.config))


if __name__ == "__main__":
    sys.exit(main())
