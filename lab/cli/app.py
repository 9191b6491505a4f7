"""`saglab app`: the SAG app on a terminal of a lab that is up, for its user (document 002…, 5.2)."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lab.cli.completion import completed_by
from lab.cli.labs import add_lab, the_lab
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs
from lab.logon import CONNECT, DISCONNECT, LOG_OFF, LOG_ON
from lab.report.terminal import make_console

if TYPE_CHECKING:
    from lab.supervisor.answers import AppShown

_EPILOG = (
    "Example: saglab app log-on laptop --user li.lei.01 --instance sag-0123456789abcdefg; saglab app connect laptop. The "
    "password is asked for, or read from standard input. Exit status: 0 done, 1 refused, 2 wrong usage."
)
_ACTS = {
    "log-on": (LOG_ON, "enter instance, user name and password"),
    "connect": (CONNECT, "CONNECT: reach the private network"),
    "disconnect": (DISCONNECT, "leave the private network, and stay logged on"),
    "log-off": (LOG_OFF, "end the session"),
    "show": ("", "what the app shows"),
}


def add_verbs(verbs: Verbs) -> None:
    app = verbs.add_parser(
        "app", help="use the SAG app on a laptop or a phone of a lab: log on, connect, disconnect", epilog=_EPILOG
    )
    acts = app.add_subparsers(metavar="WHAT", required=True)
    for name, (operation, told) in _ACTS.items():
        act = acts.add_parser(name, help=told, epilog=_EPILOG)
        terminal = act.add_argument("terminal", metavar="TERMINAL", help="a terminal, by its name or id")
        completed_by(terminal, _terminals)
        if operation == LOG_ON:
            act.add_argument("--user", metavar="NAME", required=True, help="the user name of the client account")
            act.add_argument("--instance", metavar="ID", default="", help="the id of the SAG app instance, as in the mail")
            act.add_argument("--code", metavar="CODE", default="", help="the enterprise code")
        add_lab(act)
        act.add_argument("--json", action="store_true", help="write JSON to standard output")
        act.set_defaults(handler=_app, operation=operation)


    certificate = acts.add_parser("certificate", help="what a client of your own is to trust: the controller's authority, as PEM")
    add_lab(certificate)
    certificate.set_defaults(handler=_certificate)


def _certificate(options: argparse.Namespace) -> int:
    print(the_lab(options).authority(), end="")
    return PASSED


def _terminals(options: argparse.Namespace) -> list[str]:
    return [node.name for node in the_lab(options).status().nodes if node.kind == "terminal"]


def _app(options: argparse.Namespace) -> int:
    lab = the_lab(options)
    given = _credentials(options) if options.operation == LOG_ON else {}
    with make_console().status("[dim]asking[/dim]"):
        shown = lab.app(options.terminal, options.operation, given)
    if options.json:
        print(json.dumps(shown.as_json(), indent=2))
    else:
        _print(shown)
    return FAILED if shown.refused else PASSED


def _credentials(options: argparse.Namespace) -> Mapping[str, str]:
    password = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    return {"user_name": options.user, "password": password, "smart_ag_id": options.instance, "enterprise_code": options.code}


def _print(shown: AppShown) -> None:
    console = make_console()
    colour = "red" if shown.refused else "green" if shown.address else "default"
    console.print(f"[bold]{shown.terminal}[/bold]  [{colour}]{shown.shows}[/{colour}]", highlight=False)
    for told in (shown.message, shown.address and f"address {shown.address}", shown.dns and f"DNS {', '.join(shown.dns)}"):
        if told:
            console.print(f"  {told}", markup=False, highlight=False)
