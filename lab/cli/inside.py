"""`saglab exec` and `shell`: a program in a node of a lab that is up."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from lab.cli.labs import add_lab, add_node, the_lab
from lab.cli.verbs import Verbs


def add_verbs(verbs: Verbs) -> None:
    run = verbs.add_parser(
        "exec",
        help="run a command in a node of a lab",
        description="Run a command in a node: as root, in the node's network, on this machine's files. It ends with the lab.",
        epilog="Example: saglab exec vcpe ip route. Exit status: the command's.",
    )
    add_lab(run)
    add_node(run)
    run.add_argument("command", metavar="CMD", nargs=argparse.REMAINDER, help="the command and its arguments")
    run.set_defaults(handler=_exec)

    shell = verbs.add_parser(
        "shell",
        help="open a shell in a node of a lab",
        description="Open a shell in a node: as root, in the node's network, on this machine's files. It ends with the lab.",
        epilog="Example: saglab shell app",
    )
    add_lab(shell)
    add_node(shell)
    shell.set_defaults(handler=_shell)


def _exec(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    _become(options, command or ["bash", "--norc", "-i"])


def _shell(options: argparse.Namespace) -> int:
    node = options.node
    print(f"A shell in {node}: you are root on this machine's files, in {node}'s network. exit leaves the lab up.")
    os.environ["PS1"] = rf"[{node}] \w # "
    _become(options, ["bash", "--norc", "-i"])


def _become(options: argparse.Namespace, command: list[str]) -> NoReturn:
    """Replace this process by the command in the node."""
    sys.stdout.flush()
    line = the_lab(options).entry(options.node) + command
    os.execvp(line[0], line)  # noqa: S606 - the user's own command, as a list
