"""However a run dies, the machine is then as it was before: processes, namespaces, links, tables, routes, mounts, files."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.emulation.host import DIRECTORIES, ROOT, on_host
from tests.emulation.lab_process import all_results
from tests.emulation.machine_state import MachineState, machine_state, processes_named, running_processes

pytestmark = pytest.mark.emulation

SAGLAB = Path(sys.executable).parent / "saglab"
WITHIN = 30.0  # seconds after a death within which nothing may be left
HAPPENS_WITHIN = 120.0
CAPTURE = Path("/run/capture.pcapng")
CLEAN_WORDS = "nothing of the lab is left", "nothing of it is left", "interrupted"

Run = subprocess.Popen[str]
Victim = Callable[[Run], None]


# Moments


def after(seconds: float) -> Callable[[Run], None]:
    def moment(run: Run) -> None:
        time.sleep(seconds)  # the moment is meant to be arbitrary

    return moment


def when_said(words: str) -> Callable[[Run], None]:
    def moment(run: Run) -> None:
        assert run.stdout is not None
        said = ""
        while words not in said:
            ready, _, _ = select.select([run.stdout], [], [], HAPPENS_WITHIN)
            piece = os.read(run.stdout.fileno(), 4096).decode() if ready else ""
            assert piece, f"it ended, or was silent for {HAPPENS_WITHIN:.0f} s, without {words!r}; it said {said!r}"
            said += piece

    return moment


def when_running(program: str, then: float = 0) -> Callable[[Run], None]:
    """When a program runs, and some seconds later."""

    def moment(run: Run) -> None:
        deadline = time.monotonic() + HAPPENS_WITHIN
        while not processes_named(program):
            assert run.poll() is None, f"it ended before {program} ran: {run.communicate()}"
            assert time.monotonic() < deadline, f"{program} did not run within {HAPPENS_WITHIN:.0f} s"
            time.sleep(0.01)
        time.sleep(then)  # the moment is meant to be arbitrary

    return moment


# Victims


def the_command(number: signal.Signals) -> Victim:
    return lambda run: run.send_signal(number)


def its_group(number: signal.Signals) -> Victim:
    """What a terminal does at Ctrl-C."""
    return lambda run: os.killpg(run.pid, number)


def kill_descendant(depth: int) -> Victim:
    """SIGKILL for the lab's init (1) or its supervisor (2)."""

    def victim(run: Run) -> None:
        pid = run.pid
        for _ in range(depth):
            pid = min(_children(pid))
        os.kill(pid, signal.SIGKILL)

    return victim


def _children(pid: int) -> Iterator[int]:
    return map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


# Cases


@dataclass(frozen=True)
class Case:
    """`status` is the exit status to expect; None before the command has loaded, when Python itself answers the signal."""

    id: str
    moment: Callable[[Run], None]
    victim: Victim
    status: int | None
    options: tuple[str, ...] = ()
    scenario: str = "vcpe-ping"


KILL, INT, TERM, HUP = signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP
BEFORE_THE_LAB = (0.05, 0.5, 1.0)
AFTER_THE_FIRST_NODE = (0, 0.1, 0.3, 0.6)

CASES = [
    *(Case(f"kill -9 after {delay} s", after(delay), the_command(KILL), -KILL) for delay in BEFORE_THE_LAB),
    *(
        Case(f"kill -9 {delay} s after the first node", when_running("bash", delay), the_command(KILL), -KILL)
        for delay in AFTER_THE_FIRST_NODE
    ),
    Case("kill -9 during the ping", when_running("fping"), the_command(KILL), -KILL),
    Case("kill -9 during stop", when_said("passed in"), the_command(KILL), -KILL),
    Case("kill -9 while tcpdump runs", when_running("tcpdump"), the_command(KILL), -KILL, ("--pcap", str(CAPTURE))),
    Case("kill -9 of init", when_running("fping"), kill_descendant(1), 2),
    Case("kill -9 of the supervisor", when_running("fping"), kill_descendant(2), 2),
    Case("ctrl-c while nodes start", when_running("bash"), its_group(INT), 2),
    Case("ctrl-c during the ping", when_running("fping"), its_group(INT), 2),
    Case("ctrl-c with captures", when_running("fping"), its_group(INT), 2, ("--pcap", str(CAPTURE))),
    Case("ctrl-c early", after(0.2), its_group(INT), None),
    Case("terminated during the ping", when_running("fping"), the_command(TERM), 2),
    Case("terminated during stop", when_said("passed in"), the_command(TERM), 2),
    Case("terminated early", after(0.2), the_command(TERM), None),
    Case("terminal closed during the ping", when_running("fping"), the_command(HUP), 2),
]


@dataclass(frozen=True)
class Outcome:
    """What came of a case. `during` is what there was beside the state before, when the signal was sent."""

    status: int
    stderr: str
    during: dict[str, tuple[list[str], list[str]]]
    left: dict[str, tuple[list[str], list[str]]]


def _state() -> MachineState:
    return machine_state(DIRECTORIES)


def die(case: Case) -> Outcome:
    """On a host of its own: run, strike, and wait until the machine is as it was, or time is up."""
    before = _state()
    run = subprocess.Popen(
        [SAGLAB, "run", case.scenario, *([] if "during stop" in case.id else ["--keep"]), *case.options],
        stdin=subprocess.PIPE,  # stays open: with --keep, what survives its death waits here for ever, and is seen
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=ROOT,
    )
    case.moment(run)
    during = _state().difference(before) if "during the ping" in case.id else {}
    case.victim(run)
    status = run.wait(HAPPENS_WITHIN)
    deadline = time.monotonic() + WITHIN
    while running_processes() - before.processes and time.monotonic() < deadline:
        time.sleep(0.01)  # the last of it to go; a look at everything costs much more
    left = _left(before)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)  # a poll of the condition, with the deadline above
        left = _left(before)
    stderr = "" if left else run.communicate(timeout=HAPPENS_WITHIN)[1]
    return Outcome(status, stderr, during, left)


def _left(before: MachineState) -> dict[str, tuple[list[str], list[str]]]:
    CAPTURE.unlink(missing_ok=True)  # what was asked for
    return _state().difference(before)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """Every case, each on a host of its own."""
    return all_results({case.id: partial(die, case) for case in CASES}, on_host)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_nothing_is_left(outcomes: dict[str, Outcome], case: Case) -> None:
    assert outcomes[case.id].left == {}


@pytest.mark.parametrize("case", [case for case in CASES if case.status is not None], ids=lambda case: case.id)
def test_exit_status(outcomes: dict[str, Outcome], case: Case) -> None:
    assert outcomes[case.id].status == case.status, outcomes[case.id].stderr


@pytest.mark.parametrize("case", [case for case in CASES if case.status == 2], ids=lambda case: case.id)
def test_it_says_so_in_one_line(outcomes: dict[str, Outcome], case: Case) -> None:
    lines = outcomes[case.id].stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("saglab: ")
    assert any(words in lines[0] for words in CLEAN_WORDS)


def test_there_was_something_to_leave(outcomes: dict[str, Outcome]) -> None:
    """The comparison sees a running lab, so an empty difference says something."""
    during = outcomes["kill -9 during the ping"].during
    assert set(during) == {"processes", "namespaces"}, during
    assert len(during["processes"][0]) > 10
    assert sum(line.startswith("net:") for line in during["namespaces"][0]) == 9
