"""`saglab tour`: a scenario step by step, with the map redrawn after each, and time to look around."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lab.cli.scenarios import completed_by_scenarios, find_scenario
from lab.cli.status import PASSED
from lab.cli.verbs import Verbs
from lab.errors import UsageError
from lab.report.terminal import make_console

if TYPE_CHECKING:
    from rich.console import Console

    from lab.drawing import Picture
    from lab.teaching.tour import Stop

_EPILOG = "Example: saglab tour vcpe-ping. Nothing is built, and no root is needed: packets are walked in memory after each step."
_PROMPT = "[Enter] next, [w]hy SRC DST, [d]raw FILE, [q]uit: "


def add_verbs(verbs: Verbs) -> None:
    tour = verbs.add_parser("tour", help="walk through a scenario step by step, and look around at each", epilog=_EPILOG)
    completed_by_scenarios(tour.add_argument("scenario", metavar="SCENARIO", help="its name, as `saglab scenarios` lists it"))
    tour.add_argument("--from", metavar="STEP", dest="first", help="begin at this step")
    tour.add_argument("--no-pause", action="store_true", help="go on by itself; so it does where nobody is at the keyboard")
    tour.set_defaults(handler=_tour)


def _tour(options: argparse.Namespace) -> int:
    from lab.drawing import paint
    from lab.report.tour import print_stop
    from lab.teaching.tour import Tour

    scenario = find_scenario(options.scenario)
    tour = Tour.of(scenario)
    first = _first(tour.stops, options.first)
    console = make_console()
    console.print(scenario.text.split("\n\n")[0], markup=False)
    console.print()
    pause = sys.stdin.isatty() and not options.no_pause
    known: set[str] = set()
    for place, stop in enumerate(tour.stops):
        picture = paint(stop.state.cloud, stop.state.topology, title=f"{scenario.name}, step {stop.number}")
        ids = {*(box.id for box in picture.boxes), *(figure.id for figure in picture.figures)}
        if place >= first:
            print_stop(console, stop, picture, ids - known if known else (), list(tour.fates(stop)))
            if pause and not _look_around(console, stop, picture):
                return PASSED
        known = ids
    return PASSED


def _first(stops: tuple[Stop, ...], number: str | None) -> int:
    """The place of the stop to begin at. Raises UsageError for a step that is none."""
    if number is None:
        return 0
    numbers = [stop.number for stop in stops]
    if number not in numbers:
        raise UsageError(f"the tour does not stop at {number!r}; it stops at {', '.join(filter(None, numbers))}")
    return numbers.index(number)


def _look_around(console: Console, stop: Stop, picture: Picture) -> bool:
    """Answer questions until the visitor goes on; returns whether they do."""
    while True:
        try:
            words = input(_PROMPT).split()
        except EOFError:
            return False
        if not words:
            return True
        if words[0] in ("q", "quit"):
            return False
        try:
            _answer(console, stop, picture, words)
        except UsageError as error:
            console.print(f"[red]{error}[/red]")


def _answer(console: Console, stop: Stop, picture: Picture, words: list[str]) -> None:
    from pathlib import Path

    from lab.cli.diagram import write_picture
    from lab.explanation import Question, explain
    from lab.report.explanation import print_explanation

    match words:
        case ["w" | "why", source, destination]:
            print_explanation(console, explain(stop.state, Question(source, destination)), scenario=f"after step {stop.number}")
        case ["d" | "draw", file]:
            write_picture(picture, Path(file))
            console.print(f"{file} is written")
        case _:
            raise UsageError("that is not understood")
