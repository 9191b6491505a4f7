"""An explanation for a person at a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.explanation import Call, Consulted, Death, Explanation, Fix, Path, Station
from lab.supervisor.observation import Observation
from lab.supervisor.suspects import Suspect

_LINK, _TUNNEL_LINK, _END, _UNKNOWN = "──", "══", "✗", "╌╌"
_LABEL_WIDTH = 14
_MOST_WIDTH = 110  # longer lines are hard to read, however wide the terminal


def print_explanation(
    console: Console,
    explanation: Explanation,
    *,
    scenario: str = "",
    left_out: Sequence[str] = (),
    observed: Observation | None = None,
    disagreements: Sequence[str] = (),
    blamed: Sequence[Suspect] = (),
    lab: str = "",
) -> None:
    """Both ways, the verdict, the fixes; with `observed`, what was seen beside what was predicted.

    `blamed` are impaired links for what was seen otherwise than predicted. Of a `lab` that is up, fixes are commands.
    """
    ends = f"{_end(explanation.source.label, explanation.source.address)} → " + _end(
        explanation.destination.label, explanation.destination.address
    )
    console.print(f"[bold]{escape(scenario)}[/bold]  {ends}")
    if left_out:
        console.print(f"[yellow]left out: step {', '.join(left_out)}[/yellow]")
    if explanation.forward is not None:
        _print_path(console, "there", explanation.forward, explanation.destination.label)
    if explanation.back is not None:
        _print_path(console, "back", explanation.back, explanation.source.label)
    _print_verdict(console, explanation)
    _print_fixes(console, explanation, lab)
    if observed is not None:
        _print_observed(console, explanation, observed)
        _print_comparison(console, disagreements, blamed)


def _end(label: str, address: object) -> str:
    return escape(str(address)) if label == str(address) else f"{escape(label)} {address}"


def _print_path(console: Console, way: str, path: Path, goal: str) -> None:
    console.print(f"\n[bold]{way}[/bold]  [dim]{escape(path.packet)}[/dim]")
    for line in _drawn(path, goal, min(console.width, _MOST_WIDTH) - 2):
        console.print(f"  {line}", soft_wrap=True)
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=_LABEL_WIDTH, overflow="fold")
    table.add_column(overflow="fold", max_width=_MOST_WIDTH)
    for station in path.stations:
        died = path.death is not None and station is path.stations[-1]
        _add_station(table, station, died=died)
    console.print(table)


def _drawn(path: Path, goal: str, width: int) -> list[str]:
    """The nodes from left to right, as many lines as it takes; a tunnel is a double line, ✗ is where the packet died."""
    pieces = []
    for number, station in enumerate(path.stations):
        pieces.append((station.label, f"[bold]{escape(station.label)}[/bold]"))
        if number + 1 < len(path.stations):
            link = _TUNNEL_LINK if station.underlay is not None else _LINK
            pieces.append((link, f"[green]{link}[/green]"))
    if path.death is not None:
        pieces.append((_END, f"[bold red]{_END}[/bold red]"))
        pieces += [(_UNKNOWN, f"[dim]{_UNKNOWN}[/dim]"), (goal, f"[dim]{escape(goal)}[/dim]")]
    return _folded(pieces, width)


def _folded(pieces: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Pieces, each as plain text and with its markup, joined to lines of at most `width` columns."""
    lines, used = [""], 0
    for plain, marked in pieces:
        needed = cell_len(plain) + 1
        if used and used + needed > width:
            lines.append("  ")
            used = 2
        lines[-1] += f"{marked} "
        used += needed
    return [line.rstrip() for line in lines]


def _add_station(table: Table, station: Station, *, died: bool) -> None:
    lines = [_consulted(line) for line in station.consulted]
    if station.underlay is not None:
        lines.append(_underlay(station.underlay))
    if station.note:
        lines.append(escape(station.note))
    mark = f"[red]{_END}[/red]" if died else "[green]✓[/green]"
    table.add_row(mark, escape(station.label), "\n".join(lines) or ("" if died else "[dim]arrived[/dim]"))


def _consulted(line: Consulted) -> str:
    of = f" of {escape(line.machine)}" if line.machine else ""
    asked = f"step {line.step}" if line.step else line.place
    step = f" [yellow]({escape(asked)})[/yellow]" if asked else ""
    says = escape(line.says) if line.permits else f"[red]{escape(line.says)}[/red]"
    return f"[dim]{line.kind}{of}:[/dim] {says}{step}"


def _underlay(path: Path) -> str:
    """The datagram's way in a line."""
    nodes = f" {_LINK} ".join(escape(station.label) for station in path.stations)
    end = f" [red]{_END} {path.death.code}[/red]" if path.death is not None else ""
    return f"[dim]datagram:[/dim] {nodes}{end}"


def _print_verdict(console: Console, explanation: Explanation) -> None:
    console.print()
    if explanation.problem:
        console.print(f"[bold red]{_END}[/bold red] nothing can be sent: {escape(explanation.problem)}")
        return
    if explanation.reaches:
        console.print("[bold green]✓[/bold green] reaches, and the answer comes back")
        return
    if explanation.death is not None:
        what = "the answer" if explanation.back is not None else "the packet"
        _print_death(console, explanation.death, what)


def _print_death(console: Console, death: Death, what: str) -> None:
    of = f" of [bold]{escape(death.machine)}[/bold]" if death.machine else ""
    where = f"[bold]{escape(death.label)}[/bold], {death.filter}{of}"
    console.print(f"[bold red]{_END}[/bold red] {what} dies at {where}: [red]{death.code}[/red]")
    console.print(f"  {escape(death.text)}")
    if death.resource:
        step = f" in step {escape(death.step)}" if death.step else f" at {escape(death.place)}" if death.place else ""
        console.print(f"  [dim]{escape(death.resource)}, by {death.operation}{step}[/dim]")
    if death.cause is not None:
        cause = death.cause
        where = f"[bold]{escape(cause.label)}[/bold], {cause.filter}"
        console.print(f"  because the tunnel's datagrams die at {where}: [red]{cause.code}[/red]")
        console.print(f"  {escape(cause.text)} [dim]({escape(cause.resource)})[/dim]")


def _print_fixes(console: Console, explanation: Explanation, lab: str) -> None:
    if explanation.reaches:
        return
    if explanation.fixes:
        lead = "to fix it, all of these:" if len(explanation.fixes) > 1 else "to fix it:"
        console.print(f"\n[bold]{lead if explanation.solved else 'these get it further, but not there:'}[/bold]")
    for number, fix in enumerate(explanation.fixes, 1):
        _print_fix(console, number, fix, lab)
    if explanation.solved:
        return
    left = explanation.remaining
    if left is not None and explanation.fixes:
        console.print(f"then it dies at [bold]{escape(left.label)}[/bold], {left.filter}: [red]{left.code}[/red]")
    advice = f"what helps: {escape(explanation.hint)}" if explanation.hint else "no fix is known for this"
    console.print(f"[yellow]{advice}[/yellow]")


def _print_fix(console: Console, number: int, fix: Fix, lab: str) -> None:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=2, justify="right")
    table.add_column(overflow="fold")
    head = f"step {escape(fix.step)}, {escape(fix.title)}" if fix.step else f"against {fix.answers}"
    table.add_row(f"[bold]{number}.[/bold]", head)
    for call in () if lab else fix.calls:
        table.add_row("", f"[cyan]{escape(_typed(call, min(console.width, _MOST_WIDTH) - 4))}[/cyan]")
    console.print(table)
    for call in fix.calls if lab else ():
        console.print(f"   [cyan]{escape(call.command(lab))}[/cyan]", soft_wrap=True)  # in one line, to be pasted


def _typed(call: Call, width: int) -> str:
    """A call in one line, or with an argument a line where that does not fit."""
    whole = str(call)
    if len(whole) <= width:
        return whole
    head, _, _ = whole.partition("(")
    return f"{head}(\n" + "".join(f"    {argument},\n" for argument in call.typed_arguments) + ")"


def _print_observed(console: Console, explanation: Explanation, observed: Observation) -> None:
    table = Table(box=None, pad_edge=False, title="\nsent for real", title_justify="left")
    for heading in ("", "predicted", "observed"):
        table.add_column(heading, overflow="fold")
    arrives = explanation.forward is not None and explanation.forward.delivered
    table.add_row("arrives", _yes(arrives), _yes(observed.arrived))
    table.add_row("answered", _yes(explanation.reaches), _yes(observed.answered))
    table.add_row("dropped", _predicted_drop(explanation), "\n".join(_seen(observed)) or "nothing")
    console.print(table)


def _print_comparison(console: Console, disagreements: Sequence[str], blamed: Sequence[Suspect]) -> None:
    if blamed:
        console.print(f"[bold red]{_END} it is lost on an impaired link of its way, and not for what is configured:[/bold red]")
        for suspect in blamed:
            good = f"saglab impair {suspect.link} --clear"
            console.print(f"  [bold]{suspect.link}[/bold]: [yellow]{suspect.does}[/yellow]  [dim]({good} makes it good)[/dim]")
        return
    if not disagreements:
        console.print("[bold green]✓ predicted and observed agree[/bold green]")
        return
    console.print("[bold white on red] PREDICTED AND OBSERVED DISAGREE [/bold white on red]")
    for sentence in disagreements:
        console.print(f"[red]  {escape(sentence)}[/red]")
    console.print("[red]  One of the two is wrong, and that is a bug of saglab.[/red]")


def _predicted_drop(explanation: Explanation) -> str:
    death = explanation.death
    return f"{death.code} ({death.filter})" if death is not None else "nothing"


def _seen(observed: Observation) -> Iterator[str]:
    """What counted a drop, and what a kernel, which counts none, said instead."""
    for drop in observed.drops:
        yield f"{drop.place.reason} ({drop.place.filter})"
    for kind, code in observed.errors:
        yield f"ICMP error, type {kind} code {code}"
    if observed.refused:
        yield f"refused by the sender's kernel: {escape(observed.refused)}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def explanation_json(
    explanation: Explanation,
    *,
    scenario: str = "",
    left_out: Sequence[str] = (),
    observed: Observation | None = None,
    disagreements: Sequence[str] = (),
    blamed: Sequence[Suspect] = (),
    lab: str = "",
) -> str:
    """The same as a JSON object; docs/explanation.md lists its members."""
    question = explanation.question
    value = {
        "scenario": scenario,
        "left_out": list(left_out),
        "source": _party(explanation.source),
        "destination": _party(explanation.destination),
        "packet": {
            "protocol": question.protocol,
            "port": question.port,
            "size": question.size,
            "ttl": question.ttl,
            "dont_fragment": question.dont_fragment,
        },
        "reaches": explanation.reaches,
        "problem": explanation.problem or None,
        "forward": _path(explanation.forward),
        "back": _path(explanation.back),
        "drop": asdict(explanation.death) if explanation.death is not None else None,
        "fixes": [_fix(fix, lab) for fix in explanation.fixes],
        "solved": explanation.solved,
        "remaining": asdict(explanation.remaining) if explanation.remaining is not None else None,
        "hint": explanation.hint or None,
        "observed": _observed(observed, disagreements, blamed),
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _party(party: Any) -> dict[str, Any]:
    return {"name": party.label, "address": str(party.address), "resource": party.resource or None}


def _path(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    return {
        "packet": path.packet,
        "delivered": path.delivered,
        "hops": [_station(station) for station in path.stations],
        "drop": asdict(path.death) if path.death is not None else None,
    }


def _station(station: Station) -> dict[str, Any]:
    return {
        "node": station.label,
        "kind": station.kind,
        "resource": station.resource,
        "in": station.interface_in or None,
        "out": station.interface_out or None,
        "consulted": [asdict(line) for line in station.consulted],
        "datagram": _path(station.underlay),
        "note": station.note or None,
    }


def _fix(fix: Fix, lab: str) -> dict[str, Any]:
    return {
        "answers": fix.answers,
        "step": fix.step or None,
        "title": fix.title or None,
        "calls": [str(call) for call in fix.calls],
        "commands": [call.command(lab) for call in fix.calls] if lab else [],
    }


def _observed(
    observed: Observation | None, disagreements: Sequence[str], blamed: Sequence[Suspect]
) -> dict[str, Any] | None:
    if observed is None:
        return None
    return {
        "arrived": observed.arrived,
        "answered": observed.answered,
        "drops": [
            {
                "node": drop.node,
                "reason": str(drop.place.reason),
                "filter": drop.place.filter.value,
                "resource": drop.place.origin.resource,
                "packets": drop.packets,
            }
            for drop in observed.drops
        ],
        "icmp_errors": [{"type": kind, "code": code} for kind, code in observed.errors],
        "refused": observed.refused or None,
        "agrees": not disagreements,
        "disagreements": list(disagreements),
        "impaired_links": [{"link": suspect.link, "impairments": suspect.does} for suspect in blamed],
    }
