"""A diagnosis, for a person at a terminal and for a program."""

from __future__ import annotations

import json

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.diagnosis import Diagnosis, Item, Level
from lab.supervisor.wire import encode

_MARK = {
    Level.OK: "[green]✓[/green]",
    Level.WARNING: "[yellow]![/yellow]",
    Level.ERROR: "[red]✗[/red]",
    Level.UNCHECKED: "[dim]-[/dim]",
}
_CHECK_WIDTH = 24
_INDENT = " " * (_CHECK_WIDTH + 3)


def print_diagnosis(console: Console, diagnosis: Diagnosis, *, title: str) -> None:
    """A line for each finding, its advice below it, and how many there are."""
    console.print(f"[bold]{escape(title)}[/bold]\n")
    for item in diagnosis.items:
        console.print(_row(item))
        if item.advice:
            console.print(f"{_INDENT}[bold]→[/bold] {escape(item.advice)}", soft_wrap=True)  # a command in one line, to be pasted
    console.print(f"\n{_verdict(diagnosis)}")


def _row(item: Item) -> Table:
    row = Table.grid(padding=(0, 1))
    for width in (1, _CHECK_WIDTH, None):
        row.add_column(width=width, overflow="fold")
    dim = item.level is Level.UNCHECKED
    row.add_row(_MARK[item.level], item.check, f"[dim]{escape(item.finding)}[/dim]" if dim else escape(item.finding))
    return row


def _verdict(diagnosis: Diagnosis) -> str:
    errors, warnings = len(diagnosis.errors), len(diagnosis.at(Level.WARNING))
    if errors:
        return f"[bold red]{_many(errors, 'error')}[/bold red], {_many(warnings, 'warning')}"
    return "[bold green]nothing is wrong[/bold green]" + (f", {_many(warnings, 'warning')}" if warnings else "")


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def diagnosis_json(diagnosis: Diagnosis) -> str:
    return json.dumps(encode(diagnosis) | {"passed": not diagnosis.errors}, indent=2, ensure_ascii=False) + "\n"
