"""Who reaches whom, as a table that a person reads: a row for each machine that asks, a column for each that is asked."""

from __future__ import annotations

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from lab.results import ReachRecord

YES, NO, ITSELF = "✓", "·", ""


def reach_table(reach: ReachRecord) -> Table | Group | str:
    """What is not as expected stands out; below the table is how many pairs these are."""
    if reach.problem or not reach.asked:
        return f"[red]no echo: {escape(reach.problem) or 'nothing runs'}[/red]"
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("from ╲ to", style="bold")
    for name in reach.machines:
        table.add_column(escape(name), justify="center", no_wrap=True)
    for here, name in enumerate(reach.machines):
        table.add_row(escape(name), *(_cell(reach, (here, there)) for there in range(len(reach.machines))))
    return Group(table, _verdict(reach))


def _cell(reach: ReachRecord, pair: tuple[int, int]) -> str:
    if pair[0] == pair[1]:
        return ITSELF
    answered, expected = pair in reach.answered, pair in reach.expected
    mark = YES if answered else NO
    if answered != expected:
        return f"[bold red]{mark}[/bold red]"
    return f"[green]{mark}[/green]" if answered else f"[dim]{mark}[/dim]"


def _verdict(reach: ReachRecord) -> str:
    wrong = len(set(reach.answered) ^ set(reach.expected))
    told = f"{len(reach.answered)} of {len(reach.machines) * (len(reach.machines) - 1)} pairs"
    return f"[green]{told}, as expected[/green]" if not wrong else f"[red]{told}; {wrong} not as expected[/red]"
