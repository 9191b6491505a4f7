"""An explanation in the few words that an expectation's record has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

from lab.contact import Contact, Foretold, Said, missed
from lab.errors import UsageError
from lab.explanation.call import Call
from lab.explanation.explanation import Explanation, explain
from lab.explanation.path import Consulted, Death
from lab.explanation.question import Protocol, Question
from lab.explanation.state import State


def foretell(state: State, wanted: Contact, told_as: Callable[[Call], str] = str) -> tuple[Explanation | None, Foretold]:
    """What becomes of the packet. Fixes are sought if it should arrive and does not; `told_as` says how their calls are told.

    No explanation if an end does not run.
    """
    try:
        explanation = explain(state, question_of(wanted), fixes=wanted.reaches)
    except UsageError as error:
        return None, Foretold(False, problem=str(error))
    exchange = explanation.fate.exchange
    if exchange is None:
        return None, Foretold(False, problem=explanation.problem)
    told = Foretold(
        answered=explanation.reaches,
        way=tuple(hop.node.label for hop in exchange.request.hops),
        missed=missed([hop.node.name for hop in exchange.request.hops], wanted.through),
        let=tuple(_let(explanation)),
        fixes=tuple(told for fix in explanation.fixes for call in fix.calls if (told := told_as(call))),
        solved=explanation.solved,
        then=_then(explanation.remaining) if explanation.fixes and explanation.remaining is not None else "",
        hint=explanation.hint,
        drop=explanation.drop,
    )
    if explanation.death is None:
        return explanation, told
    arrived = explanation.forward is not None and explanation.forward.delivered
    return explanation, _dead(told, explanation.death, answer=arrived)


def question_of(wanted: Contact) -> Question:
    """What an expectation asks."""
    protocol = cast(Protocol, wanted.protocol)
    return Question(wanted.source, wanted.destination, protocol, wanted.port, wanted.size, dont_fragment=wanted.dont_fragment)


def _dead(told: Foretold, death: Death, *, answer: bool) -> Foretold:
    root = death.cause or death
    of = f" of {root.machine}" if root.machine else ""
    text = death.text if death.cause is None else f"{death.text}, because of {root.code}: {root.text}"
    stopped = Said(f"{root.filter}{of}", root.rule, root.place)
    where = f"at {root.label}, {root.filter}{of}"
    return replace(told, code=death.code, text=text, where=where, by=stopped, answer_died=answer)


def _then(death: Death) -> str:
    root = death.cause or death
    return f"at {root.label}, {root.filter}: {root.code}, {root.text}"


def _let(explanation: Explanation) -> Iterator[Said]:
    """The rules on the way there that let the packet pass."""
    stations = explanation.forward.stations if explanation.forward is not None else ()
    for station in stations:
        for line in station.consulted:
            if line.permits and line.place and "group" in line.kind and not line.says.startswith(("belongs", "no rule")):
                yield Said(_of(line), line.says, line.place)


def _of(line: Consulted) -> str:
    return f"{line.kind} of {line.machine}" if line.machine else line.kind
