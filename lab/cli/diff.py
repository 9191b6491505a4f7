"""`saglab diff`: who reaches whom in one network and not in another."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.cli.check import ENDINGS
from lab.cli.scenarios import completed_by_scenarios, find_scenario
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs
from lab.report.terminal import make_console

if TYPE_CHECKING:
    from lab.explanation import State


def add_verbs(verbs: Verbs) -> None:
    diff = verbs.add_parser(
        "diff",
        help="say which machines reach others in one network and not in another, and why",
        description="Compare two lab files, or scenarios: walk packets in memory between all machines that both have, by every "
        "protocol and port that a rule of either names, and say what changes.",
        epilog="Example: saglab diff lab.yaml changed.yaml. Exit status: 0 nothing changes, 1 something does, 2 wrong usage or "
        "an invalid file.",
    )
    for name, what in (("before", "a lab file, or a scenario"), ("after", "another")):
        completed_by_scenarios(diff.add_argument(name, metavar=name.upper(), help=what))
    diff.add_argument("--json", action="store_true", help="write JSON to standard output")
    diff.set_defaults(handler=_diff)


def _diff(options: argparse.Namespace) -> int:
    gc.disable()  # two large networks are made, and the process ends with them: nothing is to be collected
    from lab.reachability import compare
    from lab.report.difference import difference_json, print_difference

    difference = compare(*_states(options.before, options.after))
    if options.json:
        sys.stdout.write(difference_json(difference))
    else:
        print_difference(make_console(), difference, options.before, options.after)
    return FAILED if difference.changes or difference.removed or difference.added else PASSED


def _states(before: str, after: str) -> tuple[State, State]:
    if before.endswith(ENDINGS) and after.endswith(ENDINGS):
        from lab.files import LabFile
        from lab.files.source import Source

        files = LabFile.pair(Source.read(Path(before)), Source.read(Path(after)))
        return files[0].state, files[1].state
    return _state(before), _state(after)


def _state(name: str) -> State:
    if name.endswith(ENDINGS):
        from lab.files import LabFile

        return LabFile.read(Path(name)).state
    from lab.explanation import Replay

    return Replay(find_scenario(name)).complete
