"""`saglab monitor` and `metrics`: what passes the gateways of a lab that is up."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

from lab.cli.diagnose import add_gateway
from lab.cli.labs import add_lab, the_lab
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs
from lab.report.terminal import make_console

_LOOPBACK = "127.0.0.1"
_PORTS = range(1, 65536)


def add_verbs(verbs: Verbs) -> None:
    monitor = verbs.add_parser(
        "monitor",
        help="draw what a gateway, or an instance of the SAG app, received and sent over time, and what was dropped",
        epilog="Example: saglab monitor vcpe-singapore --window 3h. Times are the machine's, not those of the lab's clock.",
    )
    add_gateway(monitor)
    monitor.add_argument(
        "--window",
        metavar="TIME",
        default="1h",
        help="how far back: 1h, 3h, 6h, 12h, or any such as 5min or 2d; or FROM/TO: 2026-11-22T10:00/2026-11-22T11:30 (1h)",
    )
    monitor.add_argument(
        "--as", dest="identity", default="", metavar="WHO", help="who looks, as in `saglab call`; end users may not"
    )
    add_lab(monitor)
    how = monitor.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="write JSON to standard output")
    how.add_argument("--csv", action="store_true", help="write a line for each point to standard output")
    monitor.set_defaults(handler=_monitor)

    metrics = verbs.add_parser(
        "metrics",
        help="write a lab in numbers, or serve them, for Prometheus",
        epilog=f"Example: saglab metrics --listen 9469, and {_LOOPBACK}:9469 as a target in Prometheus' configuration.",
    )
    metrics.add_argument(
        "--listen", metavar="[ADDRESS:]PORT", type=_listener, help=f"serve them until the lab ends, or Ctrl-C (at {_LOOPBACK})"
    )
    add_lab(metrics)
    metrics.set_defaults(handler=_metrics)


def _monitor(options: argparse.Namespace) -> int:
    from lab.cloud import CloudError, Identity
    from lab.report.answer import print_refusal
    from lab.report.traffic import print_traffic, traffic_csv, traffic_json

    try:
        traffic = the_lab(options).traffic(options.gateway, options.window, Identity.of(options.identity))
    except CloudError as error:
        print_refusal(make_console(stderr=True), error)
        return FAILED
    if options.json:
        sys.stdout.write(traffic_json(traffic))
    elif options.csv:
        sys.stdout.write(traffic_csv(traffic))
    else:
        print_traffic(make_console(), traffic, title=options.gateway or traffic.smart_ag_id)
    return PASSED


def _metrics(options: argparse.Namespace) -> int:
    lab = the_lab(options)
    if options.listen is None:
        sys.stdout.write(lab.metrics())
        return PASSED
    from lab.supervisor.exporter import Exporter

    with Exporter(options.listen, lab) as exporter:
        address, port = exporter.address
        print(f"serving http://{address}:{port}/metrics until {lab.name} ends; Ctrl-C ends it", file=sys.stderr)
        with suppress(KeyboardInterrupt):
            exporter.serve()
    return PASSED


def _listener(text: str) -> tuple[str, int]:
    """From "9469" or "0.0.0.0:9469"."""
    address, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) not in _PORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is no place to listen: give a port, or ADDRESS:PORT")
    return address or _LOOPBACK, int(port)
