"""What a run expected and what came of it: a row for each thing, and a table for who reaches whom."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from lab.contact import ContactRecord
from lab.report.folder.markup import Markup, join, table, tag
from lab.report.reach import ITSELF, NO, YES
from lab.results import (
    AppRecord,
    Blame,
    DiagnosisRecord,
    EventRecord,
    FactRecord,
    FlowRecord,
    PingRecord,
    ReachRecord,
    RunResult,
    StatusRecord,
)

Told = tuple[str, str, str]  # what was expected, what came of it, and a time if there is one


def expectations(result: RunResult) -> Iterator[Markup]:
    rows = [(_mark(record.passed), *told(record)) for record in result.records if not isinstance(record, ReachRecord)]
    if rows:
        yield table(("", "", "", ""), rows, "pings")
    yield from (_reach(reach) for reach in result.reaches)
    if not rows and not result.reaches:
        yield tag("p", "nothing", class_="soft")


def _mark(passed: bool) -> Markup:
    return tag("b", "✓" if passed else "✗", class_="good" if passed else "bad")


@singledispatch
def told(record: object) -> Told:
    """What is said of a record. Every kind that a result can hold has a function of its own."""
    raise TypeError(f"{type(record).__name__} has no row in a report")


@told.register
def _ping(ping: PingRecord) -> Told:
    source, destination = (f" {address or ''}" for address in (ping.source_address, ping.destination_address))
    ends = join(tag("b", ping.source), f"{source} → ", tag("b", ping.destination), destination)
    said = ping.problem or f"{ping.result.received} of {ping.result.sent} echoes"
    return ends, join(said, *(tag("div", _drop(blame), class_="bad") for blame in ping.drops)), _time(ping.result.rtt_ms)


def _drop(blame: Blame) -> str:
    of = f" of {blame.machine}" if blame.machine else ""
    due = f"; step {', '.join(blame.steps)} is missing" if blame.steps else ""
    return f"{blame.drop.packets} died at {blame.node_label}, {blame.drop.place.filter}{of}: {blame.drop.place.reason}{due}"


def _time(milliseconds: float | None) -> str:
    return f"{milliseconds:.2f} ms" if milliseconds is not None else ""


@told.register
def _contact(record: ContactRecord) -> Told:
    """With where it stands in the lab file."""
    what = join(record.what, tag("span", f"  {record.wanted.place}", class_="soft"))
    wrong = "; ".join([*record.complaints, *record.differences])
    died = record.foretold.code if record.foretold is not None and not record.foretold.answered else ""
    return what, tag("span", wrong, class_="bad") if wrong else died, _time(record.seen.rtt_ms if record.seen else None)


@told.register
def _status(status: StatusRecord) -> Told:
    why = f": {status.reason}" if status.reason else ""
    return f"{status.kind} of {status.gateway}", f"{status.status or 'not asked'}{why}", ""


@told.register
def _event(event: EventRecord) -> Told:
    return f"event {event.event} of {event.gateway}", "came" if event.came else "did not come", ""


@told.register
def _app(app: AppRecord) -> Told:
    expected = "" if app.passed else f", expected {app.expected}"
    message = tag("div", app.message, class_="soft") if app.message else ""
    return f"app of {app.terminal}", join(f"shows {app.shown}" if app.asked else "not asked", expected, message), ""


@told.register
def _fact(fact: FactRecord) -> Told:
    expected = "" if fact.passed else f", expected {fact.expected}"
    return fact.what, f"{'not looked at' if fact.found is None else fact.found}{expected}", ""


@told.register
def _flow(flow: FlowRecord) -> Told:
    wanted = f"{flow.expected / 1e6:g} Mbit/s expected"
    said = f"{flow.measured / 1e6:.1f} Mbit/s" if flow.measured is not None else "not measured"
    return f"{flow.protocol} {flow.source} → {flow.destination}", f"{said}, {wanted}", ""


@told.register
def _diagnosis(diagnosis: DiagnosisRecord) -> Told:
    found = "; ".join(f"{each.check}: {each.finding}" for each in diagnosis.found)
    return f"diagnosis of {diagnosis.gateway}", found or "nothing is wrong", ""


def _reach(reach: ReachRecord) -> Markup:
    """Who reaches whom: a row for each machine that asks, a column for each that is asked."""
    step = tag("b", f"step {reach.step}: " if reach.step else "")
    title = tag("p", _mark(reach.passed), " ", step, "an echo from each to each other")
    if reach.problem or not reach.asked:
        return join(title, tag("p", f"no echo: {reach.problem or 'nothing runs'}", class_="bad"))
    rows = [
        (name, *(_cell(reach, (here, there)) for there in range(len(reach.machines))))
        for here, name in enumerate(reach.machines)
    ]
    return join(title, table(("from ╲ to", *reach.machines), rows, "reach"))


def _cell(reach: ReachRecord, pair: tuple[int, int]) -> str:
    if pair[0] == pair[1]:
        return ITSELF
    answered, expected = pair in reach.answered, pair in reach.expected
    if answered != expected:
        return tag("b", "✓!" if answered else "✗", class_="bad")
    return tag("span", YES if answered else NO, class_="good" if answered else "soft")
