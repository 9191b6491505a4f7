"""saglab's dataplane against others that people use, on one path of namespaces, in one run.

    a ── v ══ w ══ p ── b          the tunnel is between v and p

    sudo .venv/bin/python bench/tunnel.py                                 # everything, an hour
    sudo .venv/bin/python bench/tunnel.py --only saglab,none --quick      # a minute
    sudo .venv/bin/python bench/tunnel.py --line "loss 1% reorder 1% duplicate 1%" --only saglab,wireguard-go --untuned

docs/benchmark.md says what is measured and how to read the table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from lab.emulation.sandbox import run_in_sandbox
from lab.errors import UsageError
from lab.impairments import Both, parse_impairments
from testbed.contender import Contender
from testbed.contenders import CONTENDERS, ON_REQUEST
from testbed.machine import machine
from testbed.measures import BAD_LINE, EVERYTHING, QUICK
from testbed.results import Results, read_results
from testbed.rounds import Schedule, run
from testbed.table import markdown, tables
from testbed.tuning import Tuning

TOOLS = {
    "iperf3": "iperf3",
    "ethtool": "ethtool",
    "taskset": "util-linux",
    "ping": "iputils-ping",
    "fping": "fping",
    "mnexec": "mininet",
}
"""What every measurement needs, and the Debian package that brings it."""

_KNOWN = (*CONTENDERS, *ON_REQUEST)


def main() -> int:
    options = _arguments()
    if options.show:
        _print(read_results(json.loads(options.show.read_text())), in_markdown=options.markdown)
        return 0
    missing = [package for program, package in TOOLS.items() if shutil.which(program) is None]
    if missing:
        print(f"missing: apt-get install --no-install-recommends {' '.join(missing)}", file=sys.stderr)
        return 2
    return run_in_sandbox(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    contenders = _present(options.only)
    plan = BAD_LINE if options.line else QUICK if options.quick else EVERYTHING
    schedule = Schedule(contenders, options.tunings, options.rounds, options.cores, plan, options.line, options.seed)
    results = Results(
        machine=machine(options.cores, options.line),
        versions={contender.name: contender.version() for contender in contenders},
        peers=[contender.name for contender in contenders if contender.is_debian_peer],
    )
    turns, say = len(list(schedule.turns())), Console(stderr=True)
    with say.status("", refresh_per_second=1) as status:
        for sample in run(schedule, lambda turn, what: status.update(f"{turn}: {what}")):
            results.samples.append(sample)
            number = len(results.samples)
            say.print(f"{number}/{turns} {sample.contender}, {sample.tuning}, round {sample.round} {sample.failure}")
            if options.json:
                options.json.write_text(json.dumps(results.as_json(), indent=1) + "\n")  # each time: a run may be ended early
    _print(results, in_markdown=options.markdown)
    return 1 if results.failures() else 0


def _present(names: Sequence[str]) -> list[Contender]:
    """Those asked for whose programs are there. Says what is missing."""
    chosen = [contender for contender in _KNOWN if contender.name in names] if names else list(CONTENDERS)
    for contender in chosen:
        if contender.missing:
            remedy = f"apt-get install --no-install-recommends {contender.package}"
            print(f"{contender.name} is left out: {', '.join(contender.missing)} not found; {remedy}", file=sys.stderr)
    return [contender for contender in chosen if not contender.missing]


def _print(results: Results, *, in_markdown: bool) -> None:
    if in_markdown:
        print("\n".join(markdown(results)))
    else:
        Console(width=200).print(tables(results))


def _arguments() -> argparse.Namespace:
    known = "those of the table:\n" + _told(CONTENDERS) + "\non request:\n" + _told(ON_REQUEST)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog=known)
    add = parser.add_argument
    add("--only", type=_names, default=[], metavar="NAME,…", help="measure these alone, of those named below")
    add("--quick", action="store_true", help="a short round, unless --rounds says more, with one kind of TCP and of UDP")
    add("--rounds", type=int, help="of which the median is taken (default: 3)")
    add("--cores", type=int, choices=(1, 2), default=2, help="processors of one gateway's dataplane (default: 2)")
    add("--tuned", dest="tunings", action="append_const", const=Tuning.TUNED, help="only with tuned interfaces")
    add("--untuned", dest="tunings", action="append_const", const=Tuning.UNTUNED, help="only without")
    add("--line", type=_line, metavar="IMPAIRMENTS", help="make w a bad wire, such as 'delay 20ms loss 1%%'; fewer measurements")
    add("--seed", default="1", help="of the bad wire (default: 1)")
    add("--json", type=Path, metavar="FILE", help="write every value of every round")
    add("--markdown", action="store_true", help="print the tables as Markdown")
    add("--show", type=Path, metavar="FILE", help="measure nothing, print what --json wrote")
    options = parser.parse_args()
    options.tunings = options.tunings or list(Tuning)
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


def _told(contenders: Sequence[Contender]) -> str:
    return "\n".join(f"  {contender.name:<16}{contender.what}" for contender in contenders)


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = set(names) - {contender.name for contender in _KNOWN}
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return names


def _line(text: str) -> Both:
    try:
        return parse_impairments(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
