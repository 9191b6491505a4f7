"""A supervisor in the background: started by the command, it owns a lab until it is told to end.

    saglab up ── fork ── holder (outlives the command) ── init ── supervisor ── nodes, dataplanes …

The holder is what the sandbox calls the command: with it, with init and with the supervisor everything of the lab ends.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lab.emulation.sandbox import run_in_sandbox
from lab.errors import LabError, MachineError, UsageError
from lab.scenario import Scenario
from lab.supervisor.answers import Condition, LabInfo
from lab.supervisor.desk import Desk
from lab.supervisor.door import listen
from lab.supervisor.events import EventLog
from lab.supervisor.keeping import Keeping, Kept
from lab.supervisor.live import LiveLab
from lab.supervisor.options import NetworkOptions

WATCHED_EVERY = 1.0  # seconds between looks at the tunnels; our choice
_ANSWERS_WITHIN = 60.0  # seconds until a new supervisor must answer; a slow machine needs several
_SAYS_SO_FOR = 0.2  # seconds that those who follow the events have to read the last one

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be brought up. Without a `scenario` there must be a state to restore.

    `find` knows scenarios by their names, for when the scripts of one that is restored are needed. Raises UsageError.
    """

    name: str
    scenario: Scenario | None
    left_out: tuple[str, ...]
    directory: Path
    network: NetworkOptions
    find: Callable[[str], Scenario]

    def scenario_of(self, kept: Kept) -> Scenario | None:
        """What was replayed to make a state, if scripts are needed of it. Raises UsageError when nobody knows it."""
        return (self.scenario or self.find(kept.scenario)) if kept.scripts else None


def start(plan: Plan) -> None:
    """Start a supervisor and return once it answers; what it does then, its events tell.

    To be called by a process with one thread. Raises NameTaken, MachineError with what the supervisor said when it ended instead.
    """
    listener = listen(plan.name)
    said = os.memfd_create("log", os.MFD_CLOEXEC)
    ready, ready_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready)
        _detach(plan, listener, said, ready_end)
    listener.close()
    os.close(ready_end)
    os.waitpid(child, 0)
    try:
        answers, _, _ = select.select([ready], [], [], _ANSWERS_WITHIN)
        if not (answers and os.read(ready, 1)):
            raise MachineError(f"the supervisor of {plan.name} does not answer: {_text(said).strip() or 'it said nothing'}")
    finally:
        os.close(ready)
        os.close(said)


def _detach(plan: Plan, listener: socket.socket, said: int, ready: int) -> None:
    """Leave the command's session and terminal for good, then be the holder. Never returns."""
    status = 1
    try:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (said, 1), (said, 2)):
                os.dup2(source, target)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            holder = os.getpid()
            status = run_in_sandbox(lambda: _supervise(plan, listener, ready, holder), plan.name)
        else:
            status = 0
    finally:
        os._exit(status)


def _supervise(plan: Plan, listener: socket.socket, ready: int, holder: int) -> int:
    """Inside the sandbox: own the lab."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    try:
        keeping = Keeping(plan.directory)
        kept = keeping.kept()
        _check(plan, kept)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    scenario = kept.scenario if kept else plan.scenario.name if plan.scenario else ""
    left_out = kept.left_out if kept else plan.left_out
    info = LabInfo(plan.name, scenario, left_out, Condition.STARTING, time.time(), holder, 0, str(plan.directory))
    events = EventLog()
    lab = LiveLab(info, keeping, events, plan.network)
    return _Supervisor(lab, keeping, events).run(plan, listener, ready, kept)


def _check(plan: Plan, kept: Kept | None) -> None:
    """Raises UsageError when what is kept is not what is to be brought up."""
    if kept is None and plan.scenario is None:
        raise UsageError(f"nothing is kept in {plan.directory}; say which scenario to bring up")
    if kept is None or plan.scenario is None:
        return
    if plan.scenario.name != kept.scenario or (plan.left_out and plan.left_out != kept.left_out):
        left_out = f" without step {', '.join(kept.left_out)}" if kept.left_out else ""
        raise UsageError(
            f"{plan.directory} holds a lab of {kept.scenario}{left_out}; forget it with `saglab down --lab {plan.name}`, "
            "or choose another --name"
        )


class _Supervisor:
    """The lab's thread: brings it up, does what it is asked, takes it down."""

    def __init__(self, lab: LiveLab, keeping: Keeping, events: EventLog) -> None:
        self._lab = lab
        self._keeping = keeping
        self._events = events
        self._desk = Desk()
        self._forget = False

    def run(self, plan: Plan, listener: socket.socket, ready: int, kept: Kept | None) -> int:
        self._open(listener, ready)
        try:
            self._bring_up(plan, kept)
        except BaseException as error:
            self._tell(error)
            self._close(forget=kept is None)
            if isinstance(error, Exception):
                return 1
            raise
        try:
            self._desk.work(idle=self._lab.watch, every=WATCHED_EVERY, lifelines=self._lab.lifelines, died=self._lab.heal)
        except MachineError as error:
            self._fall(error)
        self._close(forget=self._forget)
        return 0  # the network ends with init, at once, rather than node by node

    def _close(self, *, forget: bool) -> None:
        try:
            self._lab.close()
        except MachineError as error:
            self._events.add("capture", str(error))
            time.sleep(_SAYS_SO_FOR)
        self._keeping.close(forget=forget)

    def _open(self, listener: socket.socket, ready: int) -> None:
        from lab.supervisor.api import Api
        from lab.supervisor.server import serve

        serve(Api(self._lab, self._desk, self._events, end=self._end, read_log=lambda: _text(1)).app(), listener)
        os.write(ready, b"1")
        os.close(ready)

    def _bring_up(self, plan: Plan, kept: Kept | None) -> None:
        if kept is not None:
            self._lab.restore(self._scripted(plan, kept))
            self._events.add("up", "the lab is up, as it was configured", result=None)
        elif plan.scenario is not None:
            result = self._lab.replay(plan.scenario)
            self._events.add("up", "the lab is up", result=result)

    def _scripted(self, plan: Plan, kept: Kept) -> Scenario | None:
        """The scenario that has the customer's scripts; a lab comes back without them rather than not at all."""
        try:
            return plan.scenario_of(kept)
        except UsageError as error:
            self._events.add("scripts", f"the customer's scripts ({kept.scripts}) do not run again: {error}")
            return None

    def _tell(self, error: BaseException) -> None:
        if not isinstance(error, (LabError, KeyboardInterrupt)):
            _log.error("the lab could not be brought up", exc_info=error)
        self._events.add("failed", str(error) or type(error).__name__)
        time.sleep(_SAYS_SO_FOR)

    def _fall(self, error: MachineError) -> None:
        """Something has died that cannot be healed: better no lab than half of one."""
        self._lab.info = replace(self._lab.info, condition=Condition.ENDING)
        self._events.add("down", f"the lab goes down as a whole: {error}; `saglab up` brings it back as it was configured")
        time.sleep(_SAYS_SO_FOR)

    def _end(self, keep: bool) -> None:
        self._forget = not keep
        self._lab.info = replace(self._lab.info, condition=Condition.ENDING)
        self._events.add("down", "the lab goes down")
        self._desk.close()


def _text(fd: int) -> str:
    """All that was written to the log."""
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0).decode(errors="replace")
