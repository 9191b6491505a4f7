"""`saglab impair`: links that delay, lose, double and reorder packets."""

from __future__ import annotations

import argparse
import json

from lab.cli.completion import completed_by
from lab.cli.labs import add_lab, the_lab
from lab.cli.network import WHAT_A_LINK_MAY_DO
from lab.cli.status import PASSED
from lab.cli.verbs import Verbs
from lab.errors import UsageError
from lab.impairments import parse_impairments
from lab.report.terminal import make_console


def add_verbs(verbs: Verbs) -> None:
    impair = verbs.add_parser(
        "impair",
        help="have a link of a lab delay, lose, double or reorder packets",
        description=f"What a link may do: {WHAT_A_LINK_MAY_DO.replace('%%', '%')}. Both directions are alike, or parted by a "
        "slash, first that from the end named first. With --seed the same packets have the same fate each time. What was said "
        "before is replaced. Without WHAT, links are listed.",
        epilog='Example: saglab impair wan delay 20ms loss 1% --seed 7. Or: saglab impair app/aws "delay 5ms / rate 1mbit"',
    )
    link = impair.add_argument(
        "link", metavar="LINK", nargs="?", default="", help="NODE/NODE, NODE:IFACE, or wan: where tunnels enter the internet"
    )
    completed_by(link, lambda options: ["wan", *(link.name for link in the_lab(options).links())])
    impair.add_argument("impairments", metavar="WHAT", nargs="*", help="what it is to do")
    impair.add_argument("--seed", metavar="S", help="where all its chances come from")
    impair.add_argument("--clear", action="store_true", help="let it do nothing any more; without a link, all of them")
    add_lab(impair)
    impair.add_argument("--json", action="store_true", help="write the links as JSON to standard output")
    impair.set_defaults(handler=_impair)


def _impair(options: argparse.Namespace) -> int:
    from lab.report.labs import print_links
    from lab.supervisor.wire import encode

    wanted = " ".join(options.impairments)
    _check(options, wanted)
    lab = the_lab(options)
    console = make_console()
    if options.clear:
        links = lab.impair(options.link, None)
    elif wanted:
        with console.status(f"[dim]{options.link}[/dim]"):
            links = lab.impair(options.link, wanted, options.seed)
    else:
        links = lab.links(options.link)
    if options.json:
        print(json.dumps(encode(links), indent=2))
    elif options.clear:
        console.print(f"good again: {', '.join(link.name for link in links)}" if links else "there was nothing to clear")
    else:
        print_links(console, links)
    return PASSED


def _check(options: argparse.Namespace, wanted: str) -> None:
    if options.clear and wanted:
        raise UsageError("--clear takes everything away; say what the link is to do, or --clear, not both")
    if options.seed is not None and not wanted:
        raise UsageError("--seed says how chances are drawn; say what the link is to do, too")
    if wanted:
        parse_impairments(wanted)  # a mistake is told of before a lab is looked for
