"""The same picture as DOT, Mermaid, SVG and PNG: whole, escaped, and readable on light and on dark."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.cli import find_scenario
from lab.drawing import DARK, LIGHT, Palette, Picture, asked_walks, paint, to_dot, to_mermaid, to_png, to_svg
from lab.drawing.picture import Box, Figure, Line, LineKind, Look, Trouble
from lab.errors import MachineError
from lab.explanation import Question
from lab.session import Lab

NASTY = 'a"b<c>|[x]{y}\\`#1;-->'
PICTURE = Picture(
    "two <machines>",
    (Box("aws", "AWS", "ap-southeast-1", "aws"), Box("in vpc-1", "VPC one", "10.0.0.0/16", "vpc", "aws")),
    (
        Figure("i-1", NASTY, ("10.0.0.1",), "host", "in vpc-1"),
        Figure("i-2", "gw", (), "gateway", "in vpc-1", Look.BROKEN, (Trouble("route table", "NO_ROUTE_TO_DESTINATION"),)),
        Figure("ccn-1", "ccn", (), "ccn", look=Look.FAINT),
        Figure("end", "internet", (), "internet", look=Look.PASSED),
    ),
    (
        Line("i-1", "i-2"),
        Line("i-2", "ccn-1", LineKind.TUNNEL, "IPsec tunnel", Look.BROKEN, (Trouble("VPN Status", "NO_ANSWER"),)),
        Line("i-2", "end", look=Look.PASSED),
    ),
    ("a → b dies",),
)


def test_dot_nests_boxes_and_doubles_tunnels() -> None:
    dot = to_dot(PICTURE, LIGHT)
    assert dot.index('"cluster aws"') < dot.index('"cluster in vpc-1"') < dot.index('"i-1" [')
    assert f'color="{LIGHT.broken}:invis:{LIGHT.broken}"' in dot
    assert "✗ a → b dies" in dot
    assert "NO_ROUTE_TO_DESTINATION" in dot


def test_mermaid_nests_boxes_and_marks_what_is_broken() -> None:
    lines = to_mermaid(PICTURE).splitlines()
    assert "subgraph n0[\"AWS ap-southeast-1\"]" in to_mermaid(PICTURE)
    assert any("n3 ===" in line and "✗ VPN Status: NO_ANSWER" in line for line in lines)
    assert "  class n3 broken" in lines
    assert "  linkStyle 1 stroke:#c81e1e,stroke-width:3px,color:#c81e1e" in lines


def test_mermaid_takes_the_sting_out_of_names() -> None:
    (line,) = [line for line in to_mermaid(PICTURE).splitlines() if "10.0.0.1" in line]
    label = re.fullmatch(r' *n2\["(.*)"\]', line)
    assert label
    assert not set('"<>|[]{}()\\`') & set(label[1].replace("<br>", ""))


needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")


@needs_graphviz
def test_svg_is_well_formed_and_asks_for_nothing() -> None:
    svg = to_svg(PICTURE)
    texts = ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - our own
    assert NASTY in texts
    assert not re.search(r"href|url\(|@import|<script|<image", svg)


@needs_graphviz
def test_svg_follows_its_reader_unless_a_palette_is_chosen() -> None:
    follows = to_svg(PICTURE)
    assert "prefers-color-scheme: dark" in follows
    assert f'[fill="{LIGHT.ink}"]{{fill:{DARK.ink}}}' in follows
    assert "<style>" not in to_svg(PICTURE, DARK)
    assert LIGHT.ink not in to_svg(PICTURE, DARK)


@needs_graphviz
def test_png() -> None:
    assert to_png(PICTURE, LIGHT).startswith(b"\x89PNG\r\n\x1a\n")


def test_without_graphviz_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_arguments: object, **_options: object) -> None:
        raise FileNotFoundError("dot")

    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(MachineError, match=r"apt-get install graphviz\. The formats mermaid and dot do without"):
        to_svg(PICTURE)


@needs_graphviz
def test_what_graphviz_complains_of_is_told() -> None:
    broken = replace(PICTURE, lines=(Line("a\x00b", "i-2"),))
    with pytest.raises(MachineError, match="graphviz fails"):
        to_svg(broken)


PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


@pytest.mark.parametrize(("name", "skip"), [("vcpe-ping", []), ("without-2.5", ["2.5"])], ids=["whole", "broken"])
def test_the_pictures_of_the_documentation_show_what_is_there(name: str, skip: list[str]) -> None:
    """Their bytes are graphviz' and the fonts'; what stands in them is the network's."""
    svg = ElementTree.parse(PICTURES / f"{name}.svg")  # noqa: S314 - our own
    shown = {"".join(element.itertext()) for element in svg.iter("{http://www.w3.org/2000/svg}text")}
    lab = Lab("vcpe-ping", skip=skip)
    find_scenario("vcpe-ping").run(lab)
    topology = lab.compile()
    drawn = paint(lab.cloud, topology, asked_walks(topology, Question("app", "ecs")) if skip else ())
    words = {word for figure in drawn.figures for word in (figure.title, *figure.lines)}
    words |= {trouble.code for line in drawn.lines for trouble in line.troubles}
    assert words <= shown, words - shown


# --- colours ----------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(palette: Palette) -> None:
    papers = [palette.paper, palette.aws, palette.alibaba, palette.vpc, palette.host, palette.gateway, palette.hub]
    for ink in (palette.ink, palette.soft, palette.broken):
        assert [paper for paper in papers if contrast(ink, paper) < 4.5] == [], ink
    assert contrast(palette.broken, palette.broken_fill) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_can_be_exchanged_one_for_one(palette: Palette) -> None:
    colours = [getattr(palette, field.name) for field in fields(palette)]
    assert len(colours) == len(set(colours))
