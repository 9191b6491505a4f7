"""A stop of a tour, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import Console
from rich.markup import escape

from lab.drawing import Picture
from lab.report.map import text_map
from lab.teaching.tour import BEFORE, Fate, Stop

_MOST_CALLS = 6  # of those before the first step; a step shows all


def print_stop(console: Console, stop: Stop, picture: Picture, fresh: Collection[str], fates: Sequence[Fate]) -> None:
    """The step, its calls, the map, and how far each ping gets."""
    number = "" if stop.number in (BEFORE, "") else f"step {stop.number}  "
    console.rule(f"[bold]{number}{escape(stop.title)}[/bold]", align="left", style="dim")
    shown = stop.calls[:_MOST_CALLS] if stop.number == BEFORE else stop.calls
    for call in shown:
        console.print(f"  [cyan]{escape(str(call))}[/cyan]", soft_wrap=True)
    if len(shown) < len(stop.calls):
        console.print(f"  [dim]and {len(stop.calls) - len(shown)} calls more[/dim]")
    console.print(text_map(picture, fresh))
    for fate in fates:
        console.print(f"  {_fate(fate)}", soft_wrap=True)
    console.print()


def _fate(fate: Fate) -> str:
    ends = f"{escape(fate.source)} → {escape(fate.destination)}"
    if fate.explanation is None:
        return f"[dim]·[/dim] {ends}  [dim]does not run yet[/dim]"
    if fate.passes:
        return f"[green]✓ {ends}[/green]  is answered"
    death = fate.explanation.death
    if death is None:
        return f"[red]✗[/red] {ends}  {escape(fate.explanation.problem)}"
    root = death.cause or death
    of = f" of {escape(root.machine)}" if root.machine else ""
    answer = "its answer " if fate.explanation.back is not None else ""
    return f"[red]✗[/red] {ends}  {answer}dies at {escape(root.label)}, {root.filter}{of}: [red]{root.code}[/red]"
