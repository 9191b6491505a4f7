"""`saglab diagnose`: what is wrong with a gateway of a lab that is up, or at a scenario's end."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lab.cli.completion import completed_by
from lab.cli.labs import add_lab, the_lab
from lab.cli.scenarios import completed_by_scenarios, find_scenario
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs
from lab.errors import UsageError
from lab.report.terminal import make_console

if TYPE_CHECKING:
    from lab.diagnosis import Diagnosis

_EPILOG = (
    "Example: saglab diagnose vcpe-singapore. Exit status: 0 nothing is wrong, or only warnings; 1 an error was found; 2 wrong "
    "usage."
)


def add_verbs(verbs: Verbs) -> None:
    diagnose = verbs.add_parser(
        "diagnose",
        help="check a gateway as a support engineer would: level, finding and advice for each check",
        epilog=_EPILOG,
    )
    add_gateway(diagnose)
    add_lab(diagnose)
    scenario = diagnose.add_argument(
        "--scenario", metavar="SCENARIO", help="ask of a scenario's end instead of a lab that is up; needs no root"
    )
    completed_by_scenarios(scenario)
    diagnose.add_argument("--skip", metavar="STEP", action="append", default=[], help="of the scenario; may be repeated")
    diagnose.add_argument("--json", action="store_true", help="write JSON to standard output")
    diagnose.set_defaults(handler=_diagnose)


def add_gateway(parser: argparse.ArgumentParser) -> None:
    gateway = parser.add_argument(
        "gateway", metavar="GATEWAY", nargs="?", default="", help="a gateway, by its name or id (default: the only one)"
    )
    completed_by(gateway, _gateways)


def _gateways(options: argparse.Namespace) -> list[str]:
    found = the_lab(options).call("alibaba", "describe_smart_access_gateways", {})
    return [gateway["name"] or gateway["id"] for gateway in found]


def _diagnose(options: argparse.Namespace) -> int:
    from lab.report.diagnosis import diagnosis_json, print_diagnosis

    if options.skip and not options.scenario:
        raise UsageError("--skip goes with --scenario; a lab that is up is as it is")
    diagnosis = _at_the_end(options) if options.scenario else _of_a_lab(options)
    if options.json:
        sys.stdout.write(diagnosis_json(diagnosis))
    else:
        print_diagnosis(make_console(), diagnosis, title=f"diagnosis of {diagnosis.smart_ag_id}")
    return FAILED if diagnosis.errors else PASSED


def _of_a_lab(options: argparse.Namespace) -> Diagnosis:
    lab = the_lab(options)
    with make_console().status("[dim]asking[/dim]"):
        return lab.diagnose(options.gateway)


def _at_the_end(options: argparse.Namespace) -> Diagnosis:
    """Of a replay in memory, whose ids are the same each time."""
    from lab.diagnosis import diagnose_smart_access_gateway, find_gateway
    from lab.explanation import Replay

    scenario = find_scenario(options.scenario)
    scenario.check_steps(options.skip)
    cloud = Replay(scenario).state(options.skip).cloud
    return diagnose_smart_access_gateway(cloud, find_gateway(cloud, options.gateway).id)
