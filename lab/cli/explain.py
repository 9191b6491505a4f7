"""`saglab explain`: what becomes of a packet at a scenario's end, and why."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lab.cli.packets import add_packet_options, asked_packet
from lab.cli.scenarios import completed_by_scenarios, find_scenario
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs, require_machine
from lab.report.terminal import Progress, make_console

if TYPE_CHECKING:
    from lab.explanation import Explanation
    from lab.supervisor.observation import Observation


def add_verbs(verbs: Verbs) -> None:
    explain = verbs.add_parser(
        "explain",
        help="say what becomes of a packet at a scenario's end, why, and what would let it pass",
        description="Walk a packet and its answer in memory over the network at a scenario's end, or over a lab file's, and say "
        "which rule let each pass or stopped it, where that stands, and which change would let it pass.",
        epilog="Example: saglab explain lab.yaml app ecs --protocol tcp --port 443. Exit status: 0 it reaches and the answer "
        "comes back, 1 it does not (or predicted and observed disagree), 2 wrong usage or environment, or interrupted.",
    )
    _add_options(explain)
    explain.set_defaults(handler=_explain)


def _add_options(parser: argparse.ArgumentParser) -> None:
    completed_by_scenarios(parser.add_argument("scenario", metavar="SCENARIO|FILE", help="a scenario by its name, or a lab file"))
    parser.add_argument("source", metavar="SRC", help="the machine that sends, by its name or id")
    parser.add_argument("destination", metavar="DST", help="a machine, or an address")
    parser.add_argument("--skip", metavar="STEP", action="append", default=[], help="leave a step out; may be repeated")
    add_packet_options(parser)
    parser.add_argument("--json", action="store_true", help="write JSON to standard output instead")
    parser.add_argument(
        "--emulate", action="store_true", help="also bring the network up (as root), send the packet, and compare what is seen"
    )


def _explain(options: argparse.Namespace) -> int:
    from lab.explanation import Replay, explain_scenario

    question = asked_packet(options, options.source, options.destination)
    replay = Replay(find_scenario(options.scenario), tuple(dict.fromkeys(options.skip)))
    explanation = explain_scenario(replay, question)
    if options.emulate and explanation.fate.exchange is not None:
        return _observe(explanation, options)
    _report_explanation(explanation, options)
    return PASSED if explanation.reaches else FAILED


def _report_explanation(explanation: Explanation, options: argparse.Namespace, observed: Observation | None = None) -> list[str]:
    """Returns what predicted and observed disagree about."""
    from lab.report.explanation import explanation_json, print_explanation
    from lab.supervisor.observation import disagreements

    found = disagreements(explanation, observed) if observed is not None else []
    if options.json:
        render = explanation_json(
            explanation, scenario=options.scenario, left_out=options.skip, observed=observed, disagreements=found
        )
        print(render, end="")
    else:
        print_explanation(
            make_console(),
            explanation,
            scenario=options.scenario,
            left_out=options.skip,
            observed=observed,
            disagreements=found,
        )
    return found


def _observe(explanation: Explanation, options: argparse.Namespace) -> int:
    from lab.emulation.sandbox import run_in_sandbox
    from lab.supervisor.observe import observe

    def send() -> int:
        progress = Progress(make_console(stderr=True))
        try:
            observed = observe(explanation, progress=progress.phase)
        finally:
            progress.quiet()
        found = _report_explanation(explanation, options, observed)
        return PASSED if explanation.reaches and not found else FAILED

    require_machine()
    return run_in_sandbox(send)
