"""`saglab diagram`: a lab drawn, at a scenario's end or as it runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.cli.labs import add_lab, the_lab
from lab.cli.packets import add_packet_options, asked_packet, asks_about_packet
from lab.cli.scenarios import completed_by_scenarios, find_scenario
from lab.cli.status import PASSED
from lab.cli.verbs import Verbs
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.drawing import Picture
    from lab.explanation import Question

_FORMATS = ("svg", "png", "mermaid", "dot")
_SUFFIXES = {".svg": "svg", ".png": "png", ".mmd": "mermaid", ".md": "mermaid", ".dot": "dot", ".gv": "dot"}
_EPILOG = (
    "Example: saglab diagram vcpe-ping --skip 2.5 --output lab.svg. Of a lab that is up: saglab diagram --way app ecs --protocol "
    "tcp --port 443 --output lab.png. Red is what does not do what the scenario expects, and tunnels that are not open."
)


def add_verbs(verbs: Verbs) -> None:
    diagram = verbs.add_parser(
        "diagram", help="draw a scenario's network, or a lab that is up: SVG, PNG, Mermaid or DOT", epilog=_EPILOG
    )
    scenario = diagram.add_argument(
        "scenario",
        metavar="SCENARIO|FILE",
        nargs="?",
        default="",
        help="a scenario's end or a lab file's network, in memory (default: the lab that is up)",
    )
    completed_by_scenarios(scenario)
    diagram.add_argument("--skip", metavar="STEP", action="append", default=[], help="of the scenario; may be repeated")
    diagram.add_argument("--way", metavar=("SRC", "DST"), nargs=2, help="show a packet's way, and its answer's")
    add_packet_options(diagram.add_argument_group("the packet, with --way"))
    diagram.add_argument("--format", choices=_FORMATS, help="default: what the file's name says, else mermaid")
    diagram.add_argument("--output", metavar="FILE", type=Path, help="default: standard output")
    diagram.add_argument(
        "--theme", choices=["light", "dark", "auto"], default="auto", help="auto: an SVG follows its reader, a PNG is light"
    )
    add_lab(diagram)
    diagram.set_defaults(handler=_diagram)


def _diagram(options: argparse.Namespace) -> int:
    if options.scenario and options.lab:
        raise UsageError("give a scenario, or --lab for a lab that is up; not both")
    if options.skip and not options.scenario:
        raise UsageError("--skip goes with a scenario; a lab that is up is as it is")
    if not options.way and asks_about_packet(options):
        raise UsageError("--protocol, --port, --size, --ttl and --df are of a packet; say where it goes: --way SRC DST")
    form = _format(options)
    question = asked_packet(options, *options.way) if options.way else None
    picture = _of_scenario(options, question) if options.scenario else the_lab(options).picture(question)
    _write(_drawn(picture, form, options.theme), options.output)
    return PASSED


def write_picture(picture: Picture, output: Path) -> None:
    """Into a file whose name says the format. Raises UsageError when it says none, and for a place that cannot be written to."""
    _write(_drawn(picture, _format_of(output), "auto"), output)


def _format(options: argparse.Namespace) -> str:
    """What is asked for, or what the file's name says. Raises UsageError when that says nothing."""
    if options.format:
        return str(options.format)
    return "mermaid" if options.output is None else _format_of(options.output)


def _format_of(output: Path) -> str:
    if output.suffix not in _SUFFIXES:
        raise UsageError(f"{output} does not say in which format; give --format {'|'.join(_FORMATS)}")
    return _SUFFIXES[output.suffix]


def _of_scenario(options: argparse.Namespace, question: Question | None) -> Picture:
    from lab.drawing import asked_title, asked_walks, expected_walks, paint, unwanted
    from lab.session import Lab

    scenario = find_scenario(options.scenario)
    scenario.check_steps(options.skip)
    lab = Lab(scenario.name, skip=options.skip)
    scenario.run(lab)
    topology = lab.compile()
    walks = expected_walks(topology, lab.result) if question is None else asked_walks(topology, question)
    left_out = f" without step {', '.join(options.skip)}" if options.skip else ""
    arrive = unwanted(topology, lab.result) if question is None else []
    title = asked_title(f"{scenario.name}{left_out}", question)
    return paint(lab.cloud, topology, walks, title=title, way=question is not None, unwanted=arrive)


def _drawn(picture: Picture, form: str, theme: str) -> bytes:
    from lab.drawing import DARK, LIGHT, to_dot, to_mermaid, to_png, to_svg

    palette = DARK if theme == "dark" else LIGHT
    if form == "png":
        return to_png(picture, palette)
    if form == "svg":
        return to_svg(picture, None if theme == "auto" else palette).encode()
    return (to_dot(picture, palette) if form == "dot" else to_mermaid(picture)).encode()


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from error
