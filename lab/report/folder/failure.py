"""A failed probe: where it died and why, the way that it took, what would let it pass."""

from __future__ import annotations

from collections.abc import Iterator

from lab.explanation import Consulted, Explanation, Fix, Path
from lab.report.folder.chronicle import Failure
from lab.report.folder.markup import Markup, join, tag


def failure_card(failure: Failure, drawn: Markup) -> Markup:
    """`drawn` is the picture of the way."""
    explanation = failure.explanation
    return tag(
        "article",
        tag("h3", f"{failure.source} → {failure.destination}", _how(failure)),
        _verdict(explanation),
        drawn,
        _fixes(explanation),
        tag("details", tag("summary", "hop by hop"), *_ways(explanation)),
        class_="card failed",
    )


def _how(failure: Failure) -> Markup:
    asked = failure.question
    port = f" by {asked.protocol} {asked.port}" if asked.port is not None else ""
    return tag("span", f"{port}{f', step {failure.step}' if failure.step else ''}", class_="soft")


def _verdict(explanation: Explanation) -> Markup:
    death = explanation.death
    if explanation.problem:
        return tag("p", f"Nothing can be sent: {explanation.problem}.")
    if death is None:
        return tag("p", "In the model it is answered: either a rule lets it pass that should not, or the network failed.")
    what = "The answer" if explanation.back is not None else "The packet"
    of = f" of {death.machine}" if death.machine else ""
    where = tag("b", death.label)
    lines = [tag("p", f"{what} dies at ", where, f", {death.filter}{of}: ", tag("code", death.code, class_="bad"))]
    lines.append(tag("p", f"{death.text[:1].upper()}{death.text[1:]}.", class_="soft"))
    if death.cause is not None:
        cause = death.cause
        lines.append(tag("p", "Because the tunnel's datagrams die at ", tag("b", cause.label), ": ", tag("code", cause.code)))
    return join(*lines)


def _fixes(explanation: Explanation) -> Markup:
    if explanation.reaches or not (explanation.fixes or explanation.hint):
        return Markup()
    lead = "What lets it pass:" if explanation.solved else "What gets it further, but not there:"
    hint = tag("p", f"What helps: {explanation.hint}.") if explanation.hint else ""
    calls = [tag("p", lead), *(_fix(fix) for fix in explanation.fixes)] if explanation.fixes else []
    return join(*calls, hint)


def _fix(fix: Fix) -> Markup:
    return tag("pre", tag("code", "\n".join(map(str, fix.calls))))


def _ways(explanation: Explanation) -> Iterator[Markup]:
    for way, path in (("There", explanation.forward), ("Back", explanation.back)):
        if path is not None:
            yield tag("p", tag("b", f"{way}: "), path.packet)
            yield tag("ol", *_stations(path))


def _stations(path: Path) -> Iterator[Markup]:
    for station in path.stations:
        died = path.death is not None and station is path.stations[-1]
        mark = tag("b", "✗ " if died else "✓ ", class_="bad" if died else "good")
        yield tag("li", mark, tag("b", station.label), *(tag("div", _consulted(line)) for line in station.consulted))


def _consulted(line: Consulted) -> Markup:
    of = f" of {line.machine}" if line.machine else ""
    where = line.place or (f"step {line.step}" if line.step else "")
    step = tag("span", f" ({where})", class_="soft") if where else ""
    says = tag("span", line.says, class_="" if line.permits else "bad")
    return join(tag("span", f"{line.kind}{of}: ", class_="soft"), says, step)
