"""Which lab a verb speaks of: `--lab`, or the only one that is up."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lab.cli.completion import completed_by
from lab.errors import MachineError, UsageError

if TYPE_CHECKING:
    from lab.supervisor.client import Client

_MACHINES = ("host", "gateway")


def add_lab(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """`again` where a parser above has the option, too: then what was said there stands if nothing is said here."""
    default = argparse.SUPPRESS if again else None
    lab = parser.add_argument("--lab", metavar="LAB", default=default, help="which lab (default: the only one that is up)")
    completed_by(lab, lambda _options: living_labs())


def add_node(parser: argparse.ArgumentParser, name: str = "node", help: str = "a node, as `saglab status` names it") -> None:
    node = parser.add_argument(name, metavar="NODE", help=help)
    completed_by(node, lambda options: [node.name for node in the_lab(options).status().nodes])


def add_machines(parser: argparse.ArgumentParser) -> None:
    """Where a packet comes from, and where it is to go."""
    source = parser.add_argument("source", metavar="SRC", help="the machine that sends, by its name or id")
    destination = parser.add_argument("destination", metavar="DST", help="a machine, or an address")
    for action in (source, destination):
        completed_by(action, lambda options: [node.name for node in the_lab(options).status().nodes if node.kind in _MACHINES])


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


def living_labs() -> list[str]:
    from lab.supervisor.door import living

    return living()


def _only_one() -> str:
    names = living_labs()
    if not names:
        raise UsageError("no lab is up; `saglab up vcpe-ping` brings one up")
    if len(names) > 1:
        raise UsageError(f"{len(names)} labs are up; say which one with --lab: {', '.join(names)}")
    return names[0]
