"""Who reaches whom, as it was expected and as it is: a line for each expectation, and the story of those that are not met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lab.contact import ContactRecord, Foretold, Said


def contact_line(record: ContactRecord) -> str:
    """One line: the expectation, where it stands, and what came of it."""
    mark, _, what, verdict = _cells(record)
    place = f"  [dim]{escape(record.wanted.place)}[/dim]" if record.wanted.place else ""
    return f"{mark} {what}  {verdict}{place}"


def print_contacts(console: Console, records: Sequence[ContactRecord]) -> None:
    """All expectations as a table, in the order of the file."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=2, justify="right")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for record in records:
        table.add_row(*_cells(record))
    console.print(table)


def _cells(record: ContactRecord) -> tuple[str, str, str, str]:
    mark, colour = ("[green]✓[/green]", "green") if record.passed else ("[red]✗[/red]", "red")
    verdict = f"[{colour}]{escape(_verdict(record))}[/{colour}]{_time(record)}"
    return mark, escape(record.wanted.place), escape(record.what), verdict


def print_stories(console: Console, records: Sequence[ContactRecord]) -> None:
    """Of each expectation that is not met: what happens instead, why, and what would change it. One story for one cause."""
    stories: dict[tuple[str, ...], list[ContactRecord]] = {}
    for record in records:
        if not record.passed:
            stories.setdefault(tuple(_story(record)), []).append(record)
    for story, alike in stories.items():
        console.print()
        for record in alike:
            where = f"{escape(record.wanted.place)}: " if record.wanted.place else ""
            console.print(f"[bold red]✗[/bold red] {where}[bold]{escape(record.what)}[/bold]")
        for line in (*_way(alike[0]), *story):
            console.print(f"  {line}", soft_wrap=True)


def contacts_verdict(records: Sequence[ContactRecord]) -> str:
    """How many expectations are met, and, where packets were sent, whether they did what the simulation foretold."""
    failed = sum(not record.passed for record in records)
    number = "1 expectation" if len(records) == 1 else f"{len(records)} expectations"
    told = f"[bold red]{failed} of {number} not met[/bold red]" if failed else f"[bold green]{number} met[/bold green]"
    sent = [record for record in records if record.seen is not None]
    differ = sum(bool(record.differences) for record in sent)
    if not sent:
        return told
    return f"{told}; simulation and emulation {f'differ on {differ}' if differ else 'agree on all'}"


def _verdict(record: ContactRecord) -> str:
    if record.differences:
        return "simulation and emulation differ"
    if record.complaints:
        return "; ".join(record.complaints)
    if record.wanted.reaches or record.foretold is None:
        return "it does"
    return record.foretold.code or record.foretold.problem


def _time(record: ContactRecord) -> str:
    return f"  {record.seen.rtt_ms:.2f} ms" if record.seen is not None and record.seen.rtt_ms is not None else ""


def _story(record: ContactRecord) -> Iterator[str]:
    for complaint in record.complaints:
        yield escape(complaint)
    for difference in record.differences:
        yield f"[yellow]{escape(difference)}[/yellow]"
    if record.foretold is not None:
        yield from _foretold(record.foretold, reaches=record.wanted.reaches)


def _way(record: ContactRecord) -> Iterator[str]:
    told = record.foretold
    if told is not None and told.way:
        end = "" if told.answered or told.answer_died else " [red]✗[/red]"
        yield f"[dim]way:[/dim] {escape(' ── '.join(told.way))}{end}"


def _foretold(told: Foretold, *, reaches: bool) -> Iterator[str]:
    if told.code:
        dies = "the answer dies" if told.answer_died else "dies"
        yield f"{dies} {escape(told.where)}: [red]{told.code}[/red], {escape(told.text)}"
    if told.by is not None:
        yield _said(told.by)
    if told.answered and not reaches:
        yield from (f"[dim]let through by[/dim] {_said(said)}" for said in told.let)
    if not told.answered and reaches and told.fixes:
        yield "to fix it, all of these:" if told.solved else "this gets it further, but not there:"
        yield from (f"  {escape(fix)}" for fix in told.fixes)
    if not told.answered and reaches and told.code and not told.solved:
        if told.then:
            yield f"then it dies {escape(told.then)}"
        yield f"what helps: {escape(told.hint)}" if told.hint else "[dim]no change is known that would let it pass[/dim]"


def _said(said: Said) -> str:
    place = f" [yellow]({escape(said.place)})[/yellow]" if said.place else ""
    return f"[dim]{escape(said.what)}:[/dim] {escape(said.says)}{place}"


def contact_json(record: ContactRecord) -> dict[str, Any]:
    """Times in milliseconds; `foretold` is what the simulation says, `seen` what was seen where packets were sent."""
    wanted, told, seen = record.wanted, record.foretold, record.seen
    return {
        "step": record.step or None,
        "place": wanted.place or None,
        "expected": record.what,
        "passed": record.passed,
        "complaints": record.complaints,
        "differences": record.differences,
        "source": record.source,
        "destination": record.destination,
        "protocol": wanted.protocol,
        "port": wanted.port,
        "reaches": wanted.reaches,
        "through": [waypoint.name for waypoint in wanted.through],
        "within_ms": wanted.within and wanted.within * 1000,
        "foretold": told and _foretold_json(told),
        "seen": seen
        and {
            "answered": seen.answered,
            "rtt_ms": seen.rtt_ms and round(seen.rtt_ms, 3),
            "missed": list(seen.missed),
            "drops": [{"node": one.node, "reason": str(one.place.reason), "packets": one.packets} for one in seen.drops],
        },
    }


def _foretold_json(told: Foretold) -> dict[str, Any]:
    return {
        "answered": told.answered,
        "way": list(told.way),
        "missed": list(told.missed),
        "code": told.code or None,
        "text": told.text or None,
        "where": told.where or None,
        "answer_died": told.answer_died,
        "by": told.by and {"what": told.by.what, "says": told.by.says, "place": told.by.place or None},
        "let": [{"what": said.what, "says": said.says, "place": said.place or None} for said in told.let],
        "fixes": list(told.fixes),
        "solved": told.solved,
        "then": told.then or None,
        "hint": told.hint or None,
        "problem": told.problem or None,
    }


def contact_case(suite: str, record: ContactRecord) -> ElementTree.Element:
    """A JUnit case."""
    name = f"{record.what} ({record.wanted.place})" if record.wanted.place else record.what
    case = ElementTree.Element("testcase", classname=suite, name=name)
    if not record.passed:
        failure = ElementTree.SubElement(case, "failure", message="; ".join([*record.complaints, *record.differences]))
        failure.text = "\n".join(Text.from_markup(line).plain for line in (*_way(record), *_story(record)))
    return case
