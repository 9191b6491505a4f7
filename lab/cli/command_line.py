"""The command line as a whole: its parser, and how it ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.cli import (
    agree,
    app,
    asking,
    call,
    capture,
    check,
    completion,
    diagnose,
    diagram,
    diff,
    drill,
    explain,
    impair,
    imports,
    inside,
    lifetime,
    machine,
    mail,
    monitor,
    run,
    scenarios,
    tour,
)
from lab.cli.status import EXIT_CODES, UNUSABLE
from lab.cli.verbs import Parser
from lab.errors import LabError

_FAMILIES = (
    *(run, lifetime, asking, call, mail, app, diagnose, monitor, impair, capture, inside),
    *(check, diff, imports, explain, diagram, scenarios, agree, machine, completion),
    *(drill, tour),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["test"]:
        return machine.run_tests(arguments[1:])
    parser = parser_of_all()
    completion.complete(parser)
    options = parser.parse_args(call.with_our_names(arguments))
    return _answer(lambda: int(options.handler(options)))


def main_of_scenario() -> int:
    """As `saglab run`, for the scenario in the main module."""
    module = sys.modules["__main__"]
    spec = module.__spec__
    name = spec.name if spec else Path(str(module.__file__)).stem
    raw = argparse.RawDescriptionHelpFormatter  # keeps the map
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=module.__doc__, epilog=EXIT_CODES, formatter_class=raw)
    run.add_run_options(parser)
    options = parser.parse_args()
    from lab.scenario import Scenario

    return _answer(lambda: run.run(Scenario.of(module, name.rpartition(".")[2].replace("_", "-")), options))


def _answer(command: Callable[[], int]) -> int:
    try:
        return command()
    except LabError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("interrupted")


def _refuse(message: str) -> int:
    print(f"saglab: {message}", file=sys.stderr)
    return UNUSABLE


def parser_of_all() -> argparse.ArgumentParser:
    """The whole command line. That of `call` has operations only for the cloud that the command line speaks of."""
    parser = Parser(
        prog="saglab",
        description="Rehearse a hybrid AWS and Alibaba Cloud network with real packets.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for family in _FAMILIES:
        family.add_verbs(verbs)
    return parser


class _Version(argparse.Action):
    """Looks the version up when it is asked for: what knows it takes longer to load than all verbs together take to declare."""

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: object) -> None:
        from importlib import metadata

        print(f"saglab {metadata.version('saglab')}")
        parser.exit()
