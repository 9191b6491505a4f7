"""What a run expected and what came of it, kind by kind."""

from __future__ import annotations

from collections.abc import Iterator

from lab.report.folder.markup import Markup, join, table, tag
from lab.report.reach import ITSELF, NO, YES
from lab.results import Blame, PingRecord, ReachRecord, RunResult


def expectations(result: RunResult) -> Iterator[Markup]:
    rows = [*_pings(result), *_contacts(result), *_others(result)]
    if rows:
        yield table(("", "", "", ""), rows, "pings")
    yield from (_reach(reach) for reach in result.reaches)
    if not rows and not result.reaches:
        yield tag("p", "nothing", class_="soft")


def _mark(passed: bool) -> Markup:
    return tag("b", "✓" if passed else "✗", class_="good" if passed else "bad")


def _pings(result: RunResult) -> Iterator[tuple[str, ...]]:
    for ping in result.pings:
        ends = join(tag("b", ping.source), f" {ping.source_address or ''} → ", tag("b", ping.destination), f" {_address(ping)}")
        told = ping.problem or f"{ping.result.received} of {ping.result.sent} echoes"
        time = f"{ping.result.rtt_ms:.2f} ms" if ping.result.rtt_ms is not None else ""
        yield _mark(ping.passed), ends, join(told, *(tag("div", _drop(blame), class_="bad") for blame in ping.drops)), time


def _address(ping: PingRecord) -> str:
    return str(ping.destination_address or "")


def _drop(blame: Blame) -> str:
    of = f" of {blame.machine}" if blame.machine else ""
    due = f"; step {', '.join(blame.steps)} is missing" if blame.steps else ""
    return f"{blame.drop.packets} died at {blame.node_label}, {blame.drop.place.filter}{of}: {blame.drop.place.reason}{due}"


def _contacts(result: RunResult) -> Iterator[tuple[str, ...]]:
    """The expectations of a lab file, each with where it stands there."""
    for record in result.contacts:
        what = join(record.what, tag("span", f"  {record.wanted.place}", class_="soft"))
        told = [*record.complaints, *record.differences]
        died = record.foretold.code if record.foretold is not None and not record.foretold.answered else ""
        time = f"{record.seen.rtt_ms:.2f} ms" if record.seen is not None and record.seen.rtt_ms is not None else ""
        yield _mark(record.passed), what, tag("span", "; ".join(told), class_="bad") if told else died, time


def _others(result: RunResult) -> Iterator[tuple[str, ...]]:
    for status in result.statuses:
        why = f": {status.reason}" if status.reason else ""
        yield _mark(status.passed), f"{status.kind} of {status.gateway}", f"{status.status or 'not asked'}{why}", ""
    for event in result.events:
        yield _mark(event.passed), f"event {event.event} of {event.gateway}", "came" if event.came else "did not come", ""
    for flow in result.flows:
        wanted = f"{flow.expected / 1e6:g} Mbit/s expected"
        told = f"{flow.measured / 1e6:.1f} Mbit/s, {wanted}" if flow.measured is not None else f"not measured, {wanted}"
        yield _mark(flow.passed), f"{flow.protocol} {flow.source} → {flow.destination}", told, ""
    for diagnosis in result.diagnoses:
        told = "; ".join(f"{each.check}: {each.finding}" for each in diagnosis.found) or "nothing is wrong"
        yield _mark(diagnosis.passed), f"diagnosis of {diagnosis.gateway}", told, ""


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
