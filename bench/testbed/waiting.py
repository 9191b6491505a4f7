"""What several contenders need to start."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.emulation.machine import Machine
from lab.errors import MachineError

_WITHIN = 10.0  # seconds


def until(what: str, condition: Callable[[], bool]) -> None:
    """Wait for something to be so. Raises MachineError when it is not in time."""
    deadline = time.monotonic() + _WITHIN
    while not condition():
        if time.monotonic() > deadline:
            raise MachineError(f"waited {_WITHIN:.0f} s in vain for {what}")
        time.sleep(0.02)  # a poll of the condition, with the deadline above


def cover_run(machine: Machine) -> None:
    """A /run of the node's own, where two daemons of a kind would else meet in one file."""
    machine.run("mount", "-t", "tmpfs", "tmpfs", "/run")
