"""Which lab a verb speaks of: `--lab`, or the only one that is up."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import MachineError, UsageError

if TYPE_CHECKING:
    from lab.supervisor.client import Client


def add_lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lab", metavar="LAB", help="which lab (default: the only one that is up)")


def the_lab(options: argparse.Namespace) -> Client:
    """Raises UsageError when it is not clear which lab is meant, MachineError for anyone but root."""
    from lab.supervisor.client import Client

    require_root()
    return Client(options.lab or _only_one())


def require_root() -> None:
    """Raises MachineError."""
    if os.geteuid() != 0:
        raise MachineError("labs that are up belong to root; use sudo")


def default_directory(name: str) -> Path:
    """Where the state of a lab is kept."""
    from lab.supervisor.keeping import STATES

    return STATES / name


def _only_one() -> str:
    from lab.supervisor.door import living

    names = living()
    if not names:
        raise UsageError("no lab is up; `saglab up vcpe-ping` brings one up")
    if len(names) > 1:
        raise UsageError(f"{len(names)} labs are up; say which one with --lab: {', '.join(names)}")
    return names[0]
