"""Who reaches whom in one network and not in another, for a person and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from lab.contact import Said
from lab.reachability import Change, Difference, Kind, in_words

_SHOWN = 3  # names of machines in a line


def print_difference(console: Console, difference: Difference, before: str, after: str) -> None:
    """What is lost first, then what is gained, those of one cause together, then machines that are in one of them only."""
    causes: dict[tuple[object, ...], list[Change]] = {}
    for change in sorted(difference.changes, key=lambda change: change.gained):
        causes.setdefault(_cause(change), []).append(change)
    for changes in causes.values():
        for change in changes:
            _print_change(console, change, difference.everything)
        _print_reason(console, changes[0], alone=len(changes) == 1)
    for names, where in ((difference.removed, before), (difference.added, after)):
        if names:
            console.print(f"[yellow]only in {escape(where)}:[/yellow] {escape(_listed(names))}", soft_wrap=True)
    if difference.changes:
        lost = sum(change.pairs for change in difference.changes if not change.gained)
        console.print(f"\n[bold]{_pairs(lost)} lost, {_pairs(difference.pairs - lost)} gained[/bold]")
    else:
        console.print("[green]every machine of both reaches whom it reached before[/green]")


def _print_change(console: Console, change: Change, everything: Sequence[Kind]) -> None:
    mark, colour, verb = ("+", "green", "now reaches") if change.gained else ("-", "red", "no longer reaches")
    kinds = "" if len(change.kinds) == len(everything) else f" on {', '.join(in_words(change.kinds))}"
    console.print(
        f"[{colour}]{mark}[/{colour}] [bold]{escape(_listed(change.sources))}[/bold] [{colour}]{verb}[/{colour}] "
        f"[bold]{escape(_listed(change.destinations))}[/bold]{kinds}  [dim]{_pairs(change.pairs)}[/dim]",
        soft_wrap=True,
    )


def _cause(change: Change) -> tuple[object, ...]:
    """Equal for changes of which one line of the file is the cause, whatever packets it is asked about."""
    reason = change.reason
    if reason is None or not reason.by.place:
        return change.gained, reason, change.let
    return change.gained, reason.code, reason.by.place, change.let


def _print_reason(console: Console, change: Change, *, alone: bool) -> None:
    """Why packets are not answered in one of the networks, and what the same filter says in the other."""
    if change.reason is None:
        return
    died = ("" if alone else "the first ") + ("died" if change.gained else "dies")
    told = f"{died} at {escape(change.reason.where)}: [red]{change.reason.code}[/red], {escape(change.reason.text)}"
    console.print(f"    {told}", soft_wrap=True)
    now, before = (change.let, change.reason.by) if change.gained else (change.reason.by, change.let)
    for when, said in (("now", now), ("before", before)):
        if said is not None:
            console.print(f"    [dim]{when}:[/dim] {_said(said)}", soft_wrap=True)


def _said(said: Said) -> str:
    return escape(said.says) + (f" [yellow]({escape(said.place)})[/yellow]" if said.place else "")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more like them"


def _pairs(number: int) -> str:
    return "1 pair" if number == 1 else f"{number:,} pairs"


def difference_json(difference: Difference) -> str:
    """`pairs` counts pairs of machines. `tcp` and `udp` alone stand for the ports that no rule names."""
    return json.dumps(_value(difference), indent=2, ensure_ascii=False) + "\n"


def _value(difference: Difference) -> dict[str, Any]:
    return {
        "pairs": difference.pairs,
        "removed": list(difference.removed),
        "added": list(difference.added),
        "asked": in_words(difference.everything),
        "changes": [
            {
                "sources": list(change.sources),
                "destinations": list(change.destinations),
                "kinds": in_words(change.kinds),
                "gained": change.gained,
                "pairs": change.pairs,
                "reason": change.reason and asdict(change.reason),
                "let": change.let and asdict(change.let),
            }
            for change in difference.changes
        ],
    }
