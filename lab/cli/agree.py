"""`saglab agree`: simulation and emulation held against each other."""

from __future__ import annotations

import argparse

from lab.cli.status import EXIT_CODES, FAILED, PASSED
from lab.cli.verbs import Verbs, require_machine
from lab.errors import UsageError


def add_verbs(verbs: Verbs) -> None:
    agree = verbs.add_parser(
        "agree", help="try random clouds on the simulation and on running networks (as root), and compare", epilog=EXIT_CODES
    )
    agree.add_argument("--states", metavar="N", type=int, default=300, help="random states of the clouds (300)")
    agree.add_argument("--probes", metavar="M", type=int, default=10, help="packets in each state (10)")
    agree.add_argument("--seed", metavar="S", type=int, default=1, help="another seed chooses other states (1)")
    agree.set_defaults(handler=_agree)


def _agree(options: argparse.Namespace) -> int:
    if options.states < 0 or options.probes < 1:
        raise UsageError("--states takes 0 or more, --probes 1 or more")
    require_machine()
    try:
        from lab.agreement.command import agree, missing, told
    except ModuleNotFoundError as error:
        raise UsageError(f"agree needs {error.name}, which comes with saglab's test extra: pip install 'saglab[test]'") from error
    findings = agree(options.states, options.probes, options.seed)
    print(told(findings))
    return FAILED if findings.failure or missing(findings) else PASSED
