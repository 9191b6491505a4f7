"""`saglab status`, `ping`, `trace`, `events` and `logs`: what a lab that is up can be asked."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from lab.cli.labs import add_lab, add_machines, the_lab
from lab.cli.packets import add_packet_options, asked_packet
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs
from lab.report.terminal import make_console, print_ping

if TYPE_CHECKING:
    from lab.supervisor.events import Event


def add_verbs(verbs: Verbs) -> None:
    status = verbs.add_parser(
        "status", help="show a lab's nodes and tunnels, with their VPN status", epilog="Example: saglab status --lab demo --json"
    )
    add_lab(status)
    status.add_argument("--json", action="store_true", help="write JSON to standard output")
    status.set_defaults(handler=_status)

    ping = verbs.add_parser(
        "ping",
        help="ping from one machine of a lab to another, and say where packets died",
        epilog="Example: saglab ping app ecs. Exit status: 0 every echo was answered, 1 not, 2 wrong usage.",
    )
    add_machines(ping)
    ping.add_argument("--count", metavar="N", type=_count, default=4, help="echoes to send (4)")
    add_lab(ping)
    ping.add_argument("--json", action="store_true", help="write JSON to standard output")
    ping.set_defaults(handler=_ping)

    trace = verbs.add_parser(
        "trace",
        help="send a packet, say hop by hop what became of it, why, and what would let it pass",
        epilog="Example: saglab trace app ecs --protocol tcp --port 443. Exit status: 0 it reaches and the answer comes back, "
        "1 it does not (or predicted and observed disagree), 2 wrong usage.",
    )
    add_machines(trace)
    add_packet_options(trace)
    trace.add_argument("--json", action="store_true", help="write JSON to standard output instead")
    add_lab(trace)
    trace.set_defaults(handler=_trace)

    events = verbs.add_parser(
        "events", help="show what has happened in a lab", epilog="Example: saglab events --follow --json | jq .text"
    )
    events.add_argument("--follow", action="store_true", help="go on with what happens, until the lab ends")
    add_lab(events)
    events.add_argument("--json", action="store_true", help="write a JSON object for each event, one a line")
    events.set_defaults(handler=_events)

    logs = verbs.add_parser("logs", help="show what a lab's supervisor has logged", epilog="Example: saglab logs --lab demo")
    add_lab(logs)
    logs.set_defaults(handler=_logs)


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1000:
        raise ValueError(text)
    return number


def _status(options: argparse.Namespace) -> int:
    from lab.report.labs import print_status
    from lab.supervisor.wire import encode

    lab = the_lab(options)
    console = make_console()
    with console.status("[dim]asking the dataplanes[/dim]"):
        status = lab.status()
    if options.json:
        print(json.dumps(encode(status), indent=2))
    else:
        print_status(console, status)
    return PASSED


def _ping(options: argparse.Namespace) -> int:
    from lab.supervisor.wire import encode

    lab = the_lab(options)
    console = make_console()
    with console.status(f"[dim]{options.source} pings {options.destination}[/dim]"):
        ping = lab.ping(options.source, options.destination, options.count)
    if options.json:
        print(json.dumps(encode(ping) | {"passed": ping.passed}, indent=2))
    else:
        print_ping(console, ping)
        if not ping.passed:
            console.print(f"[dim]saglab trace {options.source} {options.destination} says why[/dim]")
    return PASSED if ping.passed else FAILED


def _trace(options: argparse.Namespace) -> int:
    question = asked_packet(options, options.source, options.destination)
    lab = the_lab(options)
    console = make_console()
    with console.status("[dim]the packet[/dim]"):
        traced = lab.trace(question, width=console.width, colour=console.is_terminal and not console.no_color)
    sys.stdout.write(traced.json if options.json else traced.text)
    return PASSED if traced.reaches and traced.agrees else FAILED


def _events(options: argparse.Namespace) -> int:
    for event in the_lab(options).events(follow=options.follow):
        _show(event, as_json=options.json)
    return PASSED


def _show(event: Event, *, as_json: bool) -> None:
    from lab.report.labs import print_event
    from lab.supervisor.wire import encode

    if as_json:
        print(json.dumps(encode(event), ensure_ascii=False), flush=True)
    else:
        print_event(make_console(), event)


def _logs(options: argparse.Namespace) -> int:
    sys.stdout.write(the_lab(options).log())
    return PASSED
