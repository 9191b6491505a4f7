"""A run as it goes on, and its verdict, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.status import Status
from rich.table import Table

from dataplane.errors import DropReason
from lab.listener import Listener
from lab.reasons import Reason
from lab.report.contact import contact_line, contacts_verdict, print_stories
from lab.report.reach import reach_table
from lab.results import (
    Abnormal,
    AppRecord,
    Blame,
    DiagnosisRecord,
    Dies,
    Effect,
    EventRecord,
    FactRecord,
    Finds,
    FlowRecord,
    Outcome,
    PingRecord,
    ReachRecord,
    RunResult,
    Shows,
    StatusRecord,
    StepResult,
)
from lab.status import StatusKind, text_of

if TYPE_CHECKING:
    from lab.contact import ContactRecord
    from lab.doctor import Check
    from lab.scenario import Scenario

_MARK = {
    Outcome.DONE: "[green]✓[/green]",
    Outcome.LEFT_OUT: "[yellow]-[/yellow]",
    Outcome.NOT_POSSIBLE: "[red]✗[/red]",
    Outcome.FAILED: "[red]✗[/red]",
}
_NUMBER_WIDTH = 11
_PLAIN_WIDTH = 160
_INDENT = " " * (4 + _NUMBER_WIDTH)


class Progress(Listener):
    """Writes a line for each step and each ping; a spinner says what takes longer."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._open: list[StepResult] = []
        self._headed: set[str] = set()

    def phase(self, text: str) -> None:
        """What the lab is busy with between two lines."""
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = self._console.status("")
            self._status.start()
        self._status.update(f"[dim]{escape(text)}[/dim]")

    def quiet(self) -> None:
        """Take the spinner away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def note(self, text: str) -> None:
        """Something that is worth a line of its own."""
        self.quiet()
        self._console.print(escape(text))

    def step_started(self, step: StepResult) -> None:
        """A step with parts stands above them."""
        parent = self._open[-1] if self._open else None
        if parent is not None and parent.number not in self._headed:
            self._headed.add(parent.number)
            self._print_step(" ", parent, "")
        self._open.append(step)

    def step_finished(self, step: StepResult) -> None:
        self.quiet()
        self._open.pop()
        if step.number in self._headed and step.outcome in (Outcome.DONE, Outcome.LEFT_OUT):
            return
        outcome = "" if step.outcome is Outcome.DONE else f" [dim]({step.outcome})[/dim]"
        self._print_step(_MARK[step.outcome], step, outcome)

    def _print_step(self, mark: str, step: StepResult, outcome: str) -> None:
        line = Table.grid(padding=(0, 1))
        line.add_column(width=2, justify="right")
        line.add_column(width=_NUMBER_WIDTH)
        line.add_column(overflow="fold")
        line.add_row(mark, f"[bold]{step.number}[/bold]", escape(step.title) + outcome)
        for refusal in step.refusals:
            line.add_row("", "", f"[red]{refusal.code}[/red] from {refusal.call}: {escape(refusal.message)}")
        self._console.print(line)

    def ping_started(self, ping: PingRecord) -> None:
        self.phase(f"{ping.source} pings {ping.destination}")

    def ping_finished(self, ping: PingRecord) -> None:
        self.quiet()
        self._console.print(f"{_INDENT}{_ping_line(ping)}")

    def status_started(self, kind: StatusKind, gateway: str) -> None:
        self.phase(f"{kind} of {gateway}")

    def status_finished(self, status: StatusRecord) -> None:
        self.quiet()
        for line in _status_lines(status):
            self._console.print(f"{_INDENT}{line}")


    def diagnosis_finished(self, diagnosis: DiagnosisRecord) -> None:
        self.quiet()
        for line in _diagnosis_lines(diagnosis):
            self._console.print(Padding(line, (0, 0, 0, len(_INDENT)), expand=False))


    def event_started(self, event: EventRecord) -> None:
        self.phase(f"{event.event} of {event.gateway}")

    def event_finished(self, event: EventRecord) -> None:
        self.quiet()
        came = "[green]came[/green]" if event.came else "[red]did not come[/red]" if event.asked else "[red]not asked[/red]"
        self._console.print(f"{_INDENT}event {event.event} of {escape(event.gateway)}  {came}")

    def app_finished(self, app: AppRecord) -> None:
        self.quiet()
        self._console.print(f"{_INDENT}{_app_line(app)}")

    def fact_finished(self, fact: FactRecord) -> None:
        self.quiet()
        self._console.print(f"{_INDENT}{_fact_line(fact)}")

    def flow_started(self, flow: FlowRecord) -> None:
        self.phase(f"{flow.protocol} from {flow.source} to {flow.destination}")

    def flow_finished(self, flow: FlowRecord) -> None:
        self.quiet()
        self._console.print(f"{_INDENT}{_flow_line(flow)}")

    def reach_started(self, reach: ReachRecord) -> None:
        self.phase(f"{len(reach.machines)} machines send an echo to each other")

    def reach_finished(self, reach: ReachRecord) -> None:
        self.quiet()
        self._console.print(Padding(reach_table(reach), (0, 0, 0, len(_INDENT)), expand=False))

    def contact_started(self, contact: ContactRecord) -> None:
        self.phase(contact.what)

    def contact_finished(self, contact: ContactRecord) -> None:
        self.quiet()
        self._console.print(f"{_INDENT if self._open else ''}{contact_line(contact)}")


def _app_line(app: AppRecord) -> str:
    shown = escape(app.shown) if app.asked else "not asked"
    told = f"[green]{shown}[/green]" if app.passed else f"[red]{shown}[/red], expected {escape(app.expected)}"
    return f"app of {escape(app.terminal)} shows  {told}" + (f"  [dim]{escape(app.message)}[/dim]" if app.message else "")


def _fact_line(fact: FactRecord) -> str:
    found = "not looked at: nothing runs that has it" if fact.found is None else fact.found
    colour = "yellow" if fact.found is None else "green" if fact.passed else "red"
    expected = "" if fact.passed else f", expected {escape(fact.expected)}"
    return f"{escape(fact.what)}  [{colour}]{escape(found)}[/{colour}]{expected}"


def print_ping(console: Console, ping: PingRecord) -> None:
    """A ping by itself, and what was dropped meanwhile."""
    console.print(_ping_line(ping))
    for blame in ping.drops:
        _print_drop(console, f"{ping.source} → {ping.destination}", blame, {})


def _status_lines(record: StatusRecord) -> Iterator[str]:
    colour = "green" if record.passed else "red"
    yield f"{record.kind} of {escape(record.gateway)}  [{colour}]{record.status or 'not asked: nothing runs'}[/{colour}]"
    for end in record.ends:
        if end.reason:
            yield f"[dim]at[/dim] {escape(end.node)}: [red]{end.reason}[/red], {text_of(end.reason)}"
    if record.reason and not record.ends:
        yield f"[red]{record.reason}[/red], {text_of(record.reason)}"


def _flow_line(flow: FlowRecord) -> str:
    told = f"{flow.protocol} {escape(flow.source)} → {escape(flow.destination)}"
    wanted = f"{flow.expected / 1e6:g} Mbit/s within {flow.tolerance:.0%}"
    if flow.measured is None:
        return f"{told}  [dim]not measured, no time passes; {wanted} expected[/dim]"
    colour = "green" if flow.passed else "red"
    return f"{told}  [{colour}]{flow.measured / 1e6:.1f} Mbit/s[/{colour}]  [dim]{wanted} expected[/dim]"


def _diagnosis_lines(diagnosis: DiagnosisRecord) -> Iterator[str]:
    """Each error with its advice, and the checks that were to find one and did not."""
    told = f"diagnosis of {escape(diagnosis.gateway)}"
    if not diagnosis.asked:
        yield f"{told}  [red]not asked: nothing runs[/red]"
    elif not diagnosis.found:
        yield f"{told}  [{'red' if diagnosis.expected else 'green'}]nothing is wrong[/]"
    for finding in diagnosis.found:
        colour = "green" if finding.check in diagnosis.expected else "red"
        yield f"{told}  [{colour}]{finding.check}[/{colour}]: {escape(finding.finding)}"
        yield f"[dim]advice:[/dim] {escape(finding.advice)}"
    missing = sorted(set(diagnosis.expected) - {finding.check for finding in diagnosis.found}) if diagnosis.asked else []
    for check in missing:
        yield f"{told}  [red]no error of the check {check}[/red]"


def _ping_line(ping: PingRecord) -> str:
    ends = f"{escape(ping.source)} {ping.source_address or ''} → {escape(ping.destination)} {ping.destination_address or ''}"
    if ping.problem:
        return f"{ends}  [red]no ping: {escape(ping.problem)}[/red]"
    colour = "green" if ping.passed else "red"
    time = f"  {ping.result.rtt_ms:.2f} ms" if ping.result.rtt_ms is not None else ""
    return f"{ends}  [{colour}]{ping.result.received} of {ping.result.sent} echoes[/{colour}]{time}"


def make_console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; what is written to a file or a pipe may have long lines."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_PLAIN_WIDTH)


def print_heading(console: Console, scenario: Scenario, *, simulated: bool = False) -> None:
    how = "\n[yellow]A simulation: packets are walked in memory, nothing is sent.[/yellow]" if simulated else ""
    console.print(f"[bold]{scenario.name}[/bold]  {escape(scenario.title)}{how}\n")


def print_result(console: Console, result: RunResult) -> None:
    """Where packets died, which step is missing, and the verdict."""
    titles = {step.number: step.title for step in result.steps}
    if all(contact.passed for contact in result.contacts):  # a story begins with a line of its own
        console.print()
    for ping in result.pings:
        for blame in ping.drops:
            _print_drop(console, f"{ping.source} → {ping.destination}", blame, titles)
    for reach in result.reaches:
        for blame in [] if reach.passed else reach.drops:  # what dies as expected, the table shows
            _print_drop(console, f"step {reach.step}, an echo between each pair", blame, titles)
    for blame in result.stray:
        _print_drop(console, "outside the pings", blame, titles)
    print_stories(console, result.contacts)
    _print_missing(console, result)
    if result.error:
        console.print(f"[red]{escape(result.error)}[/red]")
    if result.contacts:
        console.print(("" if result.passed else "\n") + contacts_verdict(result.contacts))
    verdict = "[bold green]passed[/bold green]" if result.passed else "[bold red]failed[/bold red]"
    console.print(f"{verdict} in {result.seconds:.1f} s")


def _print_drop(console: Console, when: str, blame: Blame, titles: Mapping[str, str]) -> None:
    place = blame.drop.place
    of = f" of [bold]{escape(blame.machine)}[/bold]" if blame.machine else ""
    console.print(
        f" [red]†[/red] {escape(when)}: {_packets(blame.drop.packets)} died at [bold]{escape(blame.node_label)}[/bold], "
        f"{place.filter}{of}: [red]{place.reason}[/red]"
    )
    console.print(f"   {_explain(str(place.reason))} [dim]({place.origin.resource})[/dim]")
    for number in blame.steps:
        console.print(f"   [yellow]step {number} is missing:[/yellow] {escape(titles[number])}")


def _packets(number: int) -> str:
    return "1 packet" if number == 1 else f"{number} packets"


def _explain(reason: str) -> str:
    return Reason(reason).text if reason in set(Reason) else DropReason(reason).text


def _print_missing(console: Console, result: RunResult) -> None:
    numbers = {step.number for step in result.left_out}
    left_out = [step for step in result.left_out if step.inside not in numbers]
    if not left_out:
        return
    blamed = {number for blame in result.drops for number in blame.steps}
    for step in left_out:
        effect = "" if step.number in blamed or result.drops or not result.passed else "; nothing depends on it here"
        console.print(f"[yellow]left out: step {step.number}[/yellow], {escape(step.title)}{effect}")
    if not result.has_shown:
        console.print("[yellow]no ping was sent, so nothing is shown[/yellow]")



def print_scenarios(console: Console, scenarios: Sequence[Scenario]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for scenario in scenarios:
        table.add_row(f"[bold]{scenario.name}[/bold]", escape(scenario.title))
    console.print(table)


def print_scenario(console: Console, scenario: Scenario) -> None:
    """Its text, and a table of its steps with what leaving each out does."""
    console.print(escape(scenario.text), soft_wrap=True)
    table = Table(box=None, pad_edge=False, title="\nSteps, and what leaving one out does", title_justify="left")
    for heading in ("step", "title", "left out"):
        table.add_column(heading, overflow="fold")
    for step in scenario.steps:
        table.add_row(f"[bold]{step.number}[/bold]", escape(step.title), "\n".join(_effect(e) for e in step.without) or "nothing")
    console.print(table)


def _effect(effect: Effect) -> str:
    if isinstance(effect, Dies):
        return f"{effect.source} → {effect.destination} dies: {effect.reason}"
    if isinstance(effect, Abnormal):
        return f"{effect.kind} of {effect.gateway} is Abnormal: {effect.reason}"
    if isinstance(effect, Finds):
        return f"{effect.what}: {effect.found}"
    if isinstance(effect, Shows):
        return f"the app of {effect.terminal} shows: {effect.text}"
    return f"step {effect.step} is refused: {effect.code}"


def print_checks(console: Console, checks: Sequence[Check]) -> None:
    """The doctor's findings. What is required and missing stands out, with the way to get it."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        mark = "[green]✓[/green]" if check.ok else "[bold red]✗[/bold red]" if check.required else "[yellow]-[/yellow]"
        remedy = f"\n[dim]{escape(check.remedy)}[/dim]" if not check.ok and check.remedy else ""
        table.add_row(mark, check.name, f"{escape(check.found)}{remedy}")
    console.print(table)
    missing = [check.name for check in checks if check.required and not check.ok]
    if missing:
        console.print(f"\n[bold red]A lab cannot run here:[/bold red] missing {escape(', '.join(missing))}")
    else:
        console.print("\n[bold green]A lab can run here.[/bold green]")
