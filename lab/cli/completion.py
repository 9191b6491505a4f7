"""`saglab completion`: completion of verbs, options, labs, nodes and the clouds' operations by the Tab key."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from lab.cli.status import PASSED
from lab.cli.verbs import Verbs
from lab.errors import LabError

_ASKED = "_ARGCOMPLETE"  # argcomplete's own variable: the shell asks what may follow
_EPILOG = 'Example, in ~/.bashrc: eval "$(saglab completion bash)". In ~/.zshrc, after compinit, with zsh instead of bash.'


def add_verbs(verbs: Verbs) -> None:
    completion = verbs.add_parser("completion", help="print what makes the Tab key complete saglab's commands", epilog=_EPILOG)
    completion.add_argument("shell", choices=["bash", "zsh"])
    completion.set_defaults(handler=_completion)


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end this process, if it was the shell that asked."""
    if _ASKED in os.environ:
        from argcomplete import autocomplete

        autocomplete(parser)


def completed_by(action: argparse.Action, words: Callable[[argparse.Namespace], list[str]]) -> None:
    """Have an argument completed from words that are looked up when they are needed; none when that is not possible."""

    def completer(parsed_args: argparse.Namespace, **_context: object) -> list[str]:
        try:
            return words(parsed_args)
        except LabError:
            return []

    action.completer = completer  # type: ignore[attr-defined]  # where argcomplete looks for it


def _completion(options: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    sys.stdout.write(shellcode(["saglab"], shell=options.shell))
    return PASSED
