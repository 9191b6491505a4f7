"""A picture as a Mermaid flowchart, which GitHub, GitLab and many wikis draw from text."""

from __future__ import annotations

from collections.abc import Iterator

from lab.drawing.picture import Box, Figure, Line, LineKind, Look, Picture

_CLASSES = """\
  classDef broken stroke:#c81e1e,stroke-width:3px,color:#c81e1e
  classDef passed stroke:#1a8045,stroke-width:3px
  classDef faint stroke-dasharray:3 3,opacity:0.6"""
_STYLES = {
    Look.BROKEN: "stroke:#c81e1e,stroke-width:3px,color:#c81e1e",
    Look.PASSED: "stroke:#1a8045,stroke-width:3px",
    Look.FAINT: "opacity:0.4",
}


def to_mermaid(picture: Picture) -> str:
    return "\n".join([*_Chart(picture).lines(), ""])


class _Chart:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        names = [*(box.id for box in picture.boxes), *(figure.id for figure in picture.figures)]
        self._ids = {name: f"n{number}" for number, name in enumerate(names)}  # Mermaid reads words such as "end" in an id

    def lines(self) -> Iterator[str]:
        if self._picture.title:
            yield f"---\ntitle: {_text(self._picture.title)}\n---"
        yield "flowchart LR"
        yield from self._inside("", "  ")
        yield from (f"  {self._line(line)}" for line in self._picture.lines)
        yield _CLASSES
        for figure in self._picture.figures:
            if figure.look is not Look.PLAIN:
                yield f"  class {self._ids[figure.id]} {figure.look}"
        for number, line in enumerate(self._picture.lines):
            if line.look in _STYLES:
                yield f"  linkStyle {number} {_STYLES[line.look]}"

    def _inside(self, box: str, indent: str) -> Iterator[str]:
        for figure in self._picture.figures:
            if figure.inside == box:
                yield f"{indent}{self._figure(figure)}"
        for inner in self._picture.boxes:
            if inner.inside == box:
                yield f"{indent}subgraph {self._ids[inner.id]}[{_quoted(_box_title(inner))}]"
                yield from self._inside(inner.id, f"{indent}  ")
                yield f"{indent}end"

    def _figure(self, figure: Figure) -> str:
        label = _quoted(figure.title, *figure.lines, *(f"✗ {trouble}" for trouble in figure.troubles))
        round_one = figure.kind == "internet"
        return f"{self._ids[figure.id]}{'([' if round_one else '['}{label}{'])' if round_one else ']'}"

    def _line(self, line: Line) -> str:
        stroke = "===" if line.kind is LineKind.TUNNEL else "---"
        said = [*(f"✗ {trouble}" for trouble in line.troubles), *([line.note] if line.note else [])]
        label = f"|{_quoted(*said)}|" if said else ""
        return f"{self._ids[line.a]} {stroke}{label} {self._ids[line.b]}"


def _box_title(box: Box) -> str:
    return f"{box.title} {box.note}" if box.note else box.title


def _quoted(*lines: str) -> str:
    return '"' + "<br>".join(_text(line) for line in lines) + '"'


def _text(said: str) -> str:
    """With what Mermaid would read as its own taken out of harm's way, by its character codes."""
    return "".join(f"#{ord(character)};" if character in '"<>#|[]{}()\\`' else character for character in said)
