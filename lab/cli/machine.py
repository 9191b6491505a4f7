"""`saglab doctor` and `saglab test`: the machine, and saglab itself."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.cli.status import PASSED, UNUSABLE
from lab.cli.verbs import Verbs
from lab.report.terminal import make_console, print_checks


def add_verbs(verbs: Verbs) -> None:
    check = verbs.add_parser("doctor", help="say what this machine can do, what is missing, and how to get it")
    check.add_argument("--install", action="store_true", help="install what is missing first; ./saglab does it")
    check.set_defaults(handler=_doctor)
    verbs.add_parser("test", help="run saglab's own tests; what follows goes to pytest", add_help=False)


def run_tests(arguments: Sequence[str]) -> int:
    """Hand over to pytest, in the checkout that this package was installed from."""
    os.chdir(Path(__file__).parents[2])
    os.execv(sys.executable, [sys.executable, "-P", "-m", "pytest", *arguments])  # noqa: S606 - the interpreter itself


def _doctor(_options: argparse.Namespace) -> int:
    from lab import doctor  # reads Linux's own interfaces

    checks = doctor.checks()
    print_checks(make_console(), checks)
    return UNUSABLE if any(check.required and not check.ok for check in checks) else PASSED
