"""report.html: one page that holds all it needs and asks for nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources

from lab.drawing import Picture, to_mermaid, to_svg
from lab.errors import MachineError
from lab.report.folder.chronicle import Chronicle
from lab.report.folder.expectations import expectations
from lab.report.folder.failure import failure_card
from lab.report.folder.markup import Markup, join, table, tag
from lab.report.folder.timeline import timeline
from lab.results import Outcome, RunResult, StepResult

_MARKS = {Outcome.DONE: "✓", Outcome.LEFT_OUT: "-", Outcome.NOT_POSSIBLE: "✗", Outcome.FAILED: "✗"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # a browser holds the page to it: nothing is fetched


def page(chronicle: Chronicle, made_by: Mapping[str, str]) -> str:
    """The whole page."""
    result = chronicle.result
    style = resources.files("lab.report.folder").joinpath("style.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", f"{result.scenario}: {_verdict(result)}"),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        _heading(result, chronicle),
        _network(chronicle.picture()),
        _failures(chronicle),
        _section("Steps", _steps(result)) if result.steps else "",
        _section("What was expected", *expectations(result)),
        _section("Timeline", timeline(chronicle)),
        _section("Made by", table(("", ""), [(tag("span", key, class_="soft"), value) for key, value in made_by.items()])),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def drawing(picture: Picture) -> Markup:
    """As SVG where graphviz is there, else as the text that others draw it from. Sentences stand beside it, as text."""
    try:
        return tag("div", Markup(to_svg(replace(picture, faults=()))), class_="drawing")
    except MachineError as error:
        return tag("div", tag("p", f"Not drawn: {error}."), tag("pre", to_mermaid(picture)), class_="card")


def _verdict(result: RunResult) -> str:
    return "passed" if result.passed else "failed"


def _was_sent(result: RunResult) -> bool:
    """Whether packets went out, or were walked one by one, so that some can have been dropped."""
    return bool(result.pings or result.reaches or any(record.seen is not None for record in result.contacts))


def _dropped(result: RunResult) -> int:
    """By pings and echoes, and by expectations, also those that wanted it so."""
    contacts = (drop.packets for record in result.contacts if record.seen is not None for drop in record.seen.drops)
    return sum(blame.drop.packets for blame in result.drops) + sum(contacts)


def _heading(result: RunResult, chronicle: Chronicle) -> Markup:
    verdict = tag("span", _verdict(result), class_=f"verdict {'good' if result.passed else 'bad'}")
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(chronicle.began))
    left_out = ", ".join(step.number for step in result.left_out)
    done = sum(step.passed for step in result.steps)
    came = sum(record.passed for record in result.records)
    steps = [(f"{done} of {len(result.steps)}", f"steps done{f', left out: {left_out}' if left_out else ''}")]
    figures = [
        *(steps if result.steps else []),
        (f"{came} of {len(result.records)}", "expectations came true"),
        *([(str(_dropped(result)), "packets dropped")] if _was_sent(result) else []),
        (f"{result.seconds:.1f} s", when),
    ]
    boxes = (tag("div", tag("b", figure), tag("span", told, class_="soft"), class_="figure") for figure, told in figures)
    return tag(
        "header",
        tag("h1", result.scenario, Markup(" "), verdict),
        tag("p", result.title, class_="soft"),
        tag("p", result.error, class_="bad") if result.error else "",
        tag("div", *boxes, class_="figures"),
    )


def _section(title: str, *content: str) -> Markup:
    return tag("section", tag("h2", title), *content)


def _network(picture: Picture) -> Markup:
    return _section("The network", drawing(picture), *(tag("p", f"✗ {fault}", class_="bad") for fault in picture.faults))


def _failures(chronicle: Chronicle) -> Markup:
    if not chronicle.failures:
        return Markup()
    cards = [failure_card(failure, drawing(failure.picture)) for failure in chronicle.failures]
    more = f"{chronicle.unexplained} more failed and are not explained here." if chronicle.unexplained else ""
    return _section("What was not as expected, and why", *cards, tag("p", more, class_="soft") if more else "")


def _steps(result: RunResult) -> Markup:
    return table(("", "step", "", "time"), [_step(step) for step in result.steps], "steps")


def _step(step: StepResult) -> tuple[str, ...]:
    colour = "good" if step.passed else "soft" if step.outcome is Outcome.LEFT_OUT else "bad"
    said = [step.title] if step.passed else [step.title, tag("span", f" ({step.outcome})", class_=colour)]
    for refusal in step.refusals:
        said.append(tag("div", tag("code", refusal.code), f" from {refusal.call}: {refusal.message}", class_="bad"))
    return tag("b", _MARKS[step.outcome], class_=colour), tag("b", step.number), join(*said), f"{step.seconds:.2f} s"
