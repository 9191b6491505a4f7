"""What can go wrong outside the cloud: wrong usage, and a machine that cannot do what a lab needs."""

from __future__ import annotations


class LabError(Exception):
    """Base of the errors that end a run with exit code 2 and one clear message."""


class UsageError(LabError):
    """What was asked for does not exist or does not fit: an unknown scenario, step or cipher."""


class MachineError(LabError):
    """The machine cannot do what is needed: not root, no TUN, no nftables, a command that failed."""


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C, or the run was asked to end. No Exception, so that no library swallows it as one."""
