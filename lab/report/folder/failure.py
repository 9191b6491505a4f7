"""A failed probe: where it died and why, the way that it took, what would let it pass."""

from __future__ import annotations

from collections.abc import Iterator

from lab.contact import ContactRecord
from lab.explanation import Consulted, Explanation, Path
from lab.report.folder.chronicle import Failure
from lab.report.folder.markup import Markup, join, tag


def failure_card(failure: Failure, drawn: Markup) -> Markup:
    """`drawn` is the picture of the way."""
    explanation = failure.explanation
    return tag(
        "article",
        tag("h3", f"{failure.source} → {failure.destination}", _how(failure)),
        _verdict(explanation, failure.contact),
        drawn,
        _fixes(explanation, failure.contact),
        tag("details", tag("summary", "hop by hop"), *_ways(explanation)),
        class_="card failed",
    )


def _how(failure: Failure) -> Markup:
    asked = failure.question
    port = f" by {asked.protocol} {asked.port}" if asked.port is not None else ""
    place = failure.contact.wanted.place if failure.contact is not None else ""
    where = f", step {failure.step}" if failure.step else f", {place}" if place else ""
    return tag("span", f"{port}{where}", class_="soft")


def _verdict(explanation: Explanation, contact: ContactRecord | None) -> Markup:
    death = explanation.death
    if explanation.problem:
        return tag("p", f"Nothing can be sent: {explanation.problem}.")
    if death is None and contact is not None:
        complaints = tag("p", f"{'; '.join([*contact.complaints, *contact.differences])}.".capitalize(), class_="bad")
        return join(complaints, *_let_through(contact))
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


def _let_through(contact: ContactRecord) -> Iterator[Markup]:
    """The rules by which a packet passes that must not."""
    if contact.foretold is not None and not contact.wanted.reaches:
        for said in contact.foretold.let:
            yield tag("p", tag("span", f"Let through by {said.what}: ", class_="soft"), said.says, f" ({said.place})")


def _fixes(explanation: Explanation, contact: ContactRecord | None) -> Markup:
    if explanation.reaches or not (explanation.fixes or explanation.hint):
        return Markup()
    lead = "What lets it pass:" if explanation.solved else "What gets it further, but not there:"
    hint = tag("p", f"What helps: {explanation.hint}.") if explanation.hint else ""
    if contact is not None and contact.foretold is not None:
        fixes = list(contact.foretold.fixes)  # in the words of the file
    else:
        fixes = ["\n".join(map(str, fix.calls)) for fix in explanation.fixes]
    changes = [tag("p", lead), *(tag("pre", tag("code", fix)) for fix in fixes)] if fixes else []
    return join(*changes, hint)


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
