"""A picture as DOT, graphviz' language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from lab.drawing.palette import Palette
from lab.drawing.picture import Box, Figure, Line, LineKind, Look, Picture, Trouble

_FONT = "Helvetica,Arial,sans-serif"
_GAP = '<FONT POINT-SIZE="5"> </FONT>'  # between what is said of a line, and the line
_MOST_FAULTS = 6  # sentences above the picture; the rest is in it
_TONES = {"host": "host", "gateway": "gateway", "ccn": "hub", "cen": "hub", "internet": "paper", "vpc": "vpc"}


def to_dot(picture: Picture, palette: Palette) -> str:
    """The whole graph. Names that a user typed are escaped, identifiers are quoted."""
    return "\n".join([*_lines(picture, palette), "}", ""])


def _lines(picture: Picture, palette: Palette) -> Iterator[str]:
    font = f'fontname="{_FONT}"'
    yield "graph lab {"
    yield f'  rankdir=LR; bgcolor="{palette.paper}"; pad=0.25; nodesep=0.32; ranksep=0.55; splines=spline; compound=true; {font}'
    yield f'  labelloc=t; labeljust=l; fontcolor="{palette.ink}"; label={_heading(picture, palette)}'
    yield f'  node [shape=box, style="rounded,filled", margin="0.13,0.07", {font}, fontcolor="{palette.ink}"]'
    yield f'  edge [{font}, fontsize=10, fontcolor="{palette.soft}", color="{palette.line}", penwidth=1.4]'
    yield from _inside("", picture, palette, "  ")
    for line in picture.lines:
        yield f"  {_quoted(line.a)} -- {_quoted(line.b)} [{_line(line, palette)}]"


def _inside(box: str, picture: Picture, palette: Palette, indent: str) -> Iterator[str]:
    """The figures of a box, and the boxes in it."""
    for figure in picture.figures:
        if figure.inside == box:
            yield f"{indent}{_quoted(figure.id)} [{_figure(figure, palette)}]"
    for inner in picture.boxes:
        if inner.inside == box:
            yield f"{indent}subgraph {_quoted(f'cluster {inner.id}')} {{"
            yield f"{indent}  {_box(inner, palette)}"
            yield from _inside(inner.id, picture, palette, f"{indent}  ")
            yield f"{indent}}}"


def _heading(picture: Picture, palette: Palette) -> str:
    rows = [f'<FONT POINT-SIZE="17"><B>{escape(picture.title)}</B></FONT>'] if picture.title else []
    more = len(picture.faults) - _MOST_FAULTS
    told = [*picture.faults[:_MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])]
    rows += [f'<FONT POINT-SIZE="11" COLOR="{palette.broken}">{escape(f"✗ {fault}")}</FONT>' for fault in told]
    return _table(rows, 'ALIGN="LEFT"') if rows else '""'


def _box(box: Box, palette: Palette) -> str:
    tone = "aws" if box.tone == "aws" else "vpc" if box.tone == "vpc" else "alibaba"
    fill, edge = getattr(palette, tone), getattr(palette, f"{tone}_edge")
    size = 12 if tone == "vpc" or box.inside else 14
    note = f'<FONT POINT-SIZE="10.5" COLOR="{palette.soft}">  {escape(box.note)}</FONT>' if box.note else ""
    label = f'<<FONT POINT-SIZE="{size}"><B>{escape(box.title)}</B></FONT>{note}>'
    return (
        f'label={label}; labeljust=l; labelloc=t; style="rounded,filled"; margin=14; '
        f'fillcolor="{fill}"; color="{edge}"; fontcolor="{palette.ink}"; penwidth=1.2'
    )


def _figure(figure: Figure, palette: Palette) -> str:
    fill, edge, ink, width = _colours(figure, palette)
    rows = [f'<FONT POINT-SIZE="13" COLOR="{ink}"><B>{escape(figure.title)}</B></FONT>']
    rows += [f'<FONT POINT-SIZE="10.5" COLOR="{palette.soft}">{escape(line)}</FONT>' for line in figure.lines]
    rows += _troubles(figure.troubles, palette)
    shape = ', shape=ellipse, style="filled,dashed"' if figure.kind == "internet" else ""
    return f'label={_table(rows)}, fillcolor="{fill}", color="{edge}", penwidth={width}{shape}'


def _table(rows: Iterable[str], align: str = "") -> str:
    cells = "".join(f"<TR><TD {align}>{row}</TD></TR>" for row in rows)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{cells}</TABLE>>'


def _troubles(troubles: Iterable[Trouble], palette: Palette) -> Iterator[str]:
    """What is wrong, and below, once, the code that it is wrong with."""
    by_code: dict[str, list[str]] = {}
    for trouble in troubles:
        by_code.setdefault(trouble.code, []).append(trouble.what)
    for code, whats in by_code.items():
        yield from (f'<FONT POINT-SIZE="10.5" COLOR="{palette.broken}"><B>{escape(f"✗ {what}")}</B></FONT>' for what in whats)
        yield f'<FONT POINT-SIZE="9" COLOR="{palette.broken}">{escape(code)}</FONT>'


def _colours(figure: Figure, palette: Palette) -> tuple[str, str, str, float]:
    """Fill, edge, ink, and the edge's width."""
    tone = _TONES.get(figure.kind, "host")
    fill, edge = getattr(palette, tone), getattr(palette, f"{tone}_edge", palette.line)
    if figure.look is Look.BROKEN:
        return palette.broken_fill, palette.broken, palette.broken, 2.4
    if figure.look is Look.PASSED:
        return fill, palette.passed, palette.ink, 2.4
    if figure.look is Look.FAINT:
        return fill, palette.faint, palette.soft, 1.2
    return fill, edge, palette.ink, 1.4


def _line(line: Line, palette: Palette) -> str:
    colour, width = _stroke(line, palette)
    rows = [*_troubles(line.troubles, palette), *([escape(line.note)] if line.note else [])]
    attributes = [f"penwidth={width}", f"label={_table([*rows, _GAP])}" if rows else ""]
    if line.kind is LineKind.TUNNEL:
        attributes += [f'color="{colour}:invis:{colour}"', "minlen=2", "weight=2"]
    else:
        attributes.append(f'color="{colour}"')
    return ", ".join(filter(None, attributes))


def _stroke(line: Line, palette: Palette) -> tuple[str, float]:
    plain = palette.tunnel if line.kind is LineKind.TUNNEL else palette.line
    looks = {
        Look.BROKEN: (palette.broken, 2.4),
        Look.PASSED: (palette.passed, 2.4),
        Look.FAINT: (palette.faint, 1.2),
        Look.PLAIN: (plain, 1.4),
    }
    return looks[line.look]


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
