"""What an operation answered, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.cloud import CloudError

_SECRET = ("secret_key", "user_data")
_FIRST = ("id", "name", "vpc_name", "instance_name")  # of the columns of a list
_GAP = 2  # columns between two of a table


def print_answer(console: Console, answer: Any) -> None:
    """JSON as the supervisor gives it: nothing, a word, a resource, or a list of them."""
    if answer is None:
        console.print("[green]done[/green]")
    elif isinstance(answer, Mapping):
        console.print(_resource(answer))
    elif isinstance(answer, list) and answer and all(isinstance(item, Mapping) for item in answer):
        console.print(_list(answer, console.width))
        console.print("[dim]--json shows everything[/dim]")
    elif isinstance(answer, list):
        console.print("\n".join(map(_text, answer)) or "[dim]none[/dim]")
    else:
        console.print(_text(answer))


def print_refusal(console: Console, error: CloudError) -> None:
    console.print(f"[red]{error.code}[/red]: {escape(error.message)}", soft_wrap=True)


def _resource(fields: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in _shown(fields):
        table.add_row(name, _text(value))
    return table


def _list(resources: Sequence[Mapping[str, Any]], width: int) -> Table:
    """A line for each, with as many of its fields as there is room for; lists of resources inside a resource are left out."""
    rows = [{name: _cell(value) for name, value in _shown(resource)} for resource in resources]
    told = [name for name in rows[0] if any(row.get(name) for row in rows)]
    table, room = Table(box=None, pad_edge=False, header_style="dim"), width
    for name in sorted(told, key=lambda name: name not in _FIRST):
        room -= max(len(name), *(cell_len(row.get(name) or "") for row in rows)) + _GAP
        if room >= -_GAP:
            table.add_column(name, no_wrap=True)
    shown = [str(column.header) for column in table.columns]
    for row in rows:
        table.add_row(*(escape(row.get(name) or "") for name in shown))
    return table


def _cell(value: Any) -> str:
    """One line; nothing for what takes more."""
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, (list, Mapping)) for item in items):
        return ""
    return ", ".join("" if item is None else str(item) for item in items)


def _shown(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Without where each thing comes from, which is for programs, and secrets hidden."""
    for name, value in fields.items():
        if name == "origin" or name.endswith("_origin"):
            continue
        yield name, "(hidden; --json shows it)" if name in _SECRET and value else value


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(item)}" for name, item in _shown(value))
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return "" if value is None else escape(str(value))
