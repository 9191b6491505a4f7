"""`saglab init`, `check` and `schema`: lab files without a network."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from lab.cli.completion import completed_by
from lab.cli.outputs import Outputs
from lab.cli.status import FAILED, PASSED, UNUSABLE
from lab.cli.verbs import Verbs
from lab.errors import UsageError
from lab.listener import Listener
from lab.report.terminal import make_console

if TYPE_CHECKING:
    from lab.files import FileError

ENDINGS = (".yaml", ".yml")
_NOTHING_EXPECTED = "[green]the file is valid[/green]; it expects nothing: say who reaches whom under `expect`"


def add_verbs(verbs: Verbs) -> None:
    init = verbs.add_parser(
        "init",
        help="write a first lab file, with comments: the document's network",
        epilog="Example: saglab init office.yaml. A file that is there is never overwritten.",
    )
    init.add_argument("file", metavar="FILE", type=Path, nargs="?", default=Path("lab.yaml"), help="where to (default: lab.yaml)")
    init.set_defaults(handler=_init)

    check = verbs.add_parser(
        "check",
        help="validate a lab file, and judge in memory what it expects; needs no root",
        description="Read a lab file, say everything that is wrong with it at once, with line and column, and walk a packet in "
        "memory for each of its expectations. What is not met is explained.",
        epilog="Example: saglab check lab.yaml --junit results.xml. Exit status: 0 all is as expected, 1 it is not, 2 the file "
        "is invalid or cannot be read.",
    )
    add_file(check)
    check.add_argument("--json", metavar="FILE", help="write the result as JSON; - for standard output")
    check.add_argument("--junit", metavar="FILE", help="write the result as JUnit XML")
    check.add_argument("--report", metavar="DIR", type=Path, help="leave report.html, report.json and junit.xml in a directory")
    check.set_defaults(handler=_check, keep=False)

    schema = verbs.add_parser(
        "schema", help="print the JSON Schema of lab files", epilog="Example: saglab schema > lab.schema.json, for your editor."
    )
    schema.set_defaults(handler=_schema)


def add_file(parser: argparse.ArgumentParser, name: str = "file", help: str = "a lab file (YAML)") -> None:
    completed_by(parser.add_argument(name, metavar=name.upper(), type=Path, help=help), lambda _options: lab_files())


def lab_files() -> list[str]:
    """The files here that may be lab files."""
    return sorted(str(path) for path in Path().iterdir() if path.suffix in ENDINGS)


def _init(options: argparse.Namespace) -> int:
    from lab.files.first import FIRST

    try:
        with options.file.open("x", encoding="utf-8") as file:
            file.write(FIRST.replace("lab.yaml", options.file.name))
    except FileExistsError:
        raise UsageError(f"{options.file} is there already; name another file") from None
    except OSError as error:
        raise UsageError(f"cannot write {options.file}: {error.strerror}") from error
    make_console().print(f"{escape(str(options.file))} is written; saglab check {escape(str(options.file))} judges it")
    return PASSED


def _check(options: argparse.Namespace) -> int:
    from lab.files import InvalidFile, LabFile
    from lab.report.contact import contacts_verdict, print_contacts, print_stories
    from lab.session import Lab
    from lab.supervisor.run import run_on
    from lab.supervisor.simulated import SimulationBackend

    outputs = Outputs(options)
    console = make_console(stderr=outputs.json_on_stdout)
    try:
        file = LabFile.read(options.file)
    except InvalidFile as error:
        if not outputs.json_on_stdout:
            raise
        print(json.dumps({"errors": [_error_json(one) for one in error.errors]}, indent=2, ensure_ascii=False))
        return UNUSABLE
    lab = Lab(file.name, backend=SimulationBackend(), listener=outputs.listener(Listener()))
    outputs.tell_of(lab)
    result = run_on(lab, file.scenario)
    failed = sum(not record.passed for record in result.contacts)
    console.print(f"[bold]{escape(file.name)}[/bold]  {escape(file.scenario.title)}\n")
    print_contacts(console, result.contacts)
    print_stories(console, result.contacts)
    console.print(f"\n{contacts_verdict(result.contacts)}" if result.contacts else _NOTHING_EXPECTED)
    outputs.write(result, simulated=True)
    return FAILED if failed else PASSED


def _error_json(error: FileError) -> dict[str, object]:
    return {"file": error.file, "line": error.line, "column": error.column, "message": error.message}


def _schema(_options: argparse.Namespace) -> int:
    from lab.files.schema import published

    sys.stdout.write(published())
    return PASSED
