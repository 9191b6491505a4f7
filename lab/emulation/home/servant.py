"""The two processes of a home, as the lab sees them: started, asked, ended."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
from typing import Any

from lab.emulation.home.upcall import Desk
from lab.errors import MachineError

Json = dict[str, Any]  # an object of JSON

_ANSWERS_WITHIN = 60.0  # seconds; our choice: 20 were not enough for six labs at a time under software emulation


class ServantEnded(MachineError):
    """The process has died, perhaps while it was asked."""


class Servant:
    """A process at the other end of a socket, which does what it is asked as `errands` has it."""

    def __init__(self, name: str, line: socket.socket) -> None:
        line.settimeout(_ANSWERS_WITHIN)
        self._name = name
        self._socket = line
        self._line = line.makefile("rwb")

    @property
    def lifeline(self) -> int:
        """A descriptor that is readable once it has ended."""
        return self._socket.fileno()

    @property
    def has_ended(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)  # it says nothing unasked, so only the end can be read
        return bool(poll.poll(0))

    def ask(self, **message: object) -> Json:
        """Raises ServantEnded when it has died, MachineError when it does not answer."""
        try:
            self._line.write(json.dumps(message).encode() + b"\n")
            self._line.flush()
            answer = self._line.readline()
        except TimeoutError as error:
            raise MachineError(f"the {self._name} does not do {message['op']}: {error}") from error
        except OSError as error:
            raise ServantEnded(f"the {self._name} does not do {message['op']}: {error}") from error
        if not answer:
            raise ServantEnded(f"the {self._name} does not do {message['op']}: its process has ended")
        answered: Json = json.loads(answer)
        return answered

    def close(self) -> None:
        """Let it end."""
        self._socket.close()
        with contextlib.suppress(OSError):  # what was still to be written has no reader
            self._line.close()


class Household:
    """The controller and the callers. Start at once, load while their maker does other things, and die with the maker."""

    def __init__(self) -> None:
        controller, theirs = socket.socketpair()
        callers, others = socket.socketpair()
        desk, upcall = socket.socketpair()
        with theirs, others, upcall:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lab.emulation.home", str(others.fileno()), str(upcall.fileno())],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                pass_fds=[others.fileno(), upcall.fileno()],
                start_new_session=True,  # out of reach of the terminal's Ctrl-C
            )
        self.controller = Servant("controller", controller)
        self.callers = Servant("callers", callers)
        self.desk = Desk(desk)

    @property
    def has_ended(self) -> bool:
        """Whether one of them has died, of whatever."""
        return self.controller.has_ended or self.callers.has_ended

    def close(self) -> None:
        """End them, and wait until the controller has."""
        self.callers.close()
        self.controller.close()
        self.desk.close()
        self._process.wait()
