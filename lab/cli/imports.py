"""`saglab import`: a lab file from what the providers' command-line tools print."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.markup import escape

from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs
from lab.errors import UsageError
from lab.report.terminal import make_console


def add_verbs(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "import",
        help="make a lab file of what `aws ec2 describe-…` or `aliyun …` has printed",
        description="Read all .json files of a directory, as the command-line tool printed them, and write a lab file. What "
        "is not modelled is listed, in the file and on standard error.",
        epilog="Example: aws ec2 describe-vpcs > acct/vpcs.json; …; saglab import aws acct --output lab.yaml. Exit status: 0 "
        "imported, 1 imported, but the model refuses something of it, 2 nothing to import.",
    )
    parser.add_argument("provider", choices=["aws", "alibaba"], help="whose account it is")
    parser.add_argument("directory", metavar="DIR", type=Path, help="where the JSON files are")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write the lab file there (default: standard output)")
    parser.set_defaults(handler=_import)


def _import(options: argparse.Namespace) -> int:
    from lab.files import InvalidFile, LabFile
    from lab.files.imports import Documents, import_alibaba, import_aws, written
    from lab.files.source import Source

    documents = Documents(options.directory)
    imported = import_aws(documents) if options.provider == "aws" else import_alibaba(documents)
    text = written(imported, f"{options.provider}: {options.directory}")
    _write(text, options.output)
    console = make_console(stderr=True)
    for left_out in imported.left_out:
        console.print(f"[yellow]not modelled:[/yellow] {escape(left_out)}", soft_wrap=True)
    try:
        LabFile.of(Source(str(options.output or "lab.yaml"), text))
    except InvalidFile as error:
        console.print(f"[red]the model refuses something of it:[/red] {escape(str(error))}", soft_wrap=True)
        return FAILED
    return PASSED


def _write(text: str, path: Path | None) -> None:
    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
