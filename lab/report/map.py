"""A picture as text: clouds beside each other, what is new in green, what is broken in red."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lab.drawing import Picture
from lab.drawing.picture import Box, Figure, Line, LineKind, Look
from lab.topology import NodeKind

_NOWHERE = "internet"  # the title of what stands in no box
_UNSAID = (NodeKind.VPC, NodeKind.INTERNET, NodeKind.CONTROLLER)  # its box says it, or everybody knows


def text_map(picture: Picture, fresh: Collection[str] = ()) -> RenderableType:
    """`fresh` are the ids of boxes and figures that are new."""
    return Group(_clouds(picture, fresh), *_joints(picture))


def _clouds(picture: Picture, fresh: Collection[str]) -> Table:
    grid = Table.grid(padding=(0, 1), expand=False)
    outer = [box for box in picture.boxes if not box.inside]
    loose = [figure for figure in picture.figures if not figure.inside and figure.kind not in _UNSAID]
    for _ in range(len(outer) + bool(loose)):
        grid.add_column()
    cells: list[RenderableType] = [_panel(box, picture, fresh) for box in sorted(outer, key=lambda box: box.tone == "alibaba")]
    if loose:
        people = Group(*(_figure(figure, fresh) for figure in loose))
        cells.insert(0, Panel(people, title=_NOWHERE, title_align="left", border_style="dim"))
    grid.add_row(*cells)
    return grid


def _panel(box: Box, picture: Picture, fresh: Collection[str]) -> Panel:
    inner: list[RenderableType] = [
        _figure(figure, fresh) for figure in picture.figures if figure.inside == box.id and figure.kind not in _UNSAID
    ]
    inner += [_panel(other, picture, fresh) for other in picture.boxes if other.inside == box.id]
    style = "green" if box.id in fresh else "dim"
    title = f"[bold]{escape(box.title)}[/bold] {escape(box.note)}".rstrip()
    return Panel(Group(*inner), title=title, title_align="left", border_style=style, expand=False)


def _figure(figure: Figure, fresh: Collection[str]) -> Text:
    colour = "bold red" if figure.look is Look.BROKEN else "bold green" if figure.id in fresh else "bold"
    mark = "+ " if figure.id in fresh else "  "
    return Text.assemble((f"{mark}{figure.title}", colour), "  ", (", ".join(figure.lines), "dim"))


def _joints(picture: Picture) -> Iterator[Text]:
    """The tunnels, and what joins networks behind them."""
    for line in picture.lines:
        if line.kind is LineKind.TUNNEL:
            open_ = line.look is not Look.BROKEN
            said = "IPsec tunnel" if open_ else f"IPsec tunnel, not open: {', '.join(each.code for each in line.troubles)}"
            yield Text(f"  {_name(picture, line.a)} ══ {_name(picture, line.b)}  {said}", style="green" if open_ else "red")
    joined = [f"{_name(picture, line.a)} ── {_name(picture, line.b)}" for line in picture.lines if _joins_networks(picture, line)]
    if joined:
        yield Text(f"  {', '.join(joined)}", style="dim")


def _joins_networks(picture: Picture, line: Line) -> bool:
    return NodeKind.CEN in (_kind(picture, line.a), _kind(picture, line.b))


def _kind(picture: Picture, id: str) -> str:
    return next(figure.kind for figure in picture.figures if figure.id == id)


def _name(picture: Picture, id: str) -> str:
    """A figure's title; of a VPC's router, the VPC's."""
    figure = next(figure for figure in picture.figures if figure.id == id)
    if figure.kind != NodeKind.VPC:
        return figure.title
    return next((box.title for box in picture.boxes if box.id == figure.inside), figure.title)
