"""`saglab mail`: what the clouds of a lab that is up have mailed to people."""

from __future__ import annotations

import argparse
import json

from lab.cli.labs import add_lab, the_lab
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs


def add_verbs(verbs: Verbs) -> None:
    mail = verbs.add_parser(
        "mail",
        help="read what was mailed to people, such as their passwords",
        description="Mail is held in the memory of the lab: what came before it was last brought up is gone.",
        epilog="Example: saglab mail li.lei@example.com. Exit status: 0, or 1 when there is no mail.",
    )
    mail.add_argument("address", nargs="?", default="", metavar="ADDRESS", help="whose mail (default: everybody's)")
    add_lab(mail)
    mail.add_argument("--json", action="store_true", help="write JSON to standard output")
    mail.set_defaults(handler=_mail)


def _mail(options: argparse.Namespace) -> int:
    mails = the_lab(options).mails(options.address)
    if options.json:
        print(json.dumps([{"to": mail.to, "subject": mail.subject, "text": mail.text} for mail in mails], indent=2))
    else:
        for mail in mails:
            print(f"To: {mail.to}\nSubject: {mail.subject}\n\n{mail.text.rstrip()}\n")
    return PASSED if mails else FAILED
