"""What works of what is needed, and hints that say a little more each time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.connection import Connection
from lab.errors import UsageError
from lab.explanation import Question
from lab.teaching.drill import Drill

HINTS = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one question. `where` and `code` are of the place where the packet died, `fixes` the calls that let it pass.

    `problem` is why nothing could be sent; `told` whether the clouds' configuration foretells what happened.
    """

    what: str
    works: bool
    where: str = ""
    code: str = ""
    text: str = ""
    fixes: tuple[str, ...] = ()
    problem: str = ""
    told: bool = True

    @staticmethod
    def of(question: Question, explanation: Mapping[str, Any], *, observed: bool | None = None) -> Verdict:
        """From an explanation's JSON, and what was seen where the packet was really sent."""
        drop = explanation["drop"] or {}
        died = drop.get("cause") or drop
        foretold = bool(explanation["reaches"])
        machine = f" of {died['machine']}" if died.get("machine") else ""
        return Verdict(
            sentence(question),
            works=foretold if observed is None else observed,
            where=f"at {died['label']}, {died['filter']}{machine}" if died else "",
            code=died.get("code", ""),
            text=died.get("text", ""),
            fixes=tuple(call for fix in explanation["fixes"] for call in fix["calls"]),
            told=observed is None or observed == foretold,
        )


def sentence(question: Question) -> str:
    """A question as a user of the network would ask it."""
    how = f"tcp {question.port}" if question.port is not None else "ping"
    size = f" with {question.size} bytes" if question.size is not None else ""
    return f"{question.source} → {question.destination}, {how}{size}"


def judge(lab: Connection, drill: Drill) -> list[Verdict]:
    """Send a packet for each question of a drill on a lab that is up."""
    return [_judged(lab, question) for question in drill.questions]


def _judged(lab: Connection, question: Question) -> Verdict:
    try:
        traced = lab.trace(question)
    except UsageError as error:
        return Verdict(sentence(question), works=False, problem=str(error))
    explanation = json.loads(traced.json)
    return Verdict.of(question, explanation, observed=explanation["observed"]["answered"] if explanation["observed"] else None)


def hints(drill: Drill, verdicts: Sequence[Verdict], number: int) -> Iterator[str]:
    """The hint of a number, 1 to HINTS: what is lost; where; why; what to do."""
    for verdict in verdicts:
        if not verdict.works:
            yield f"{verdict.what}: {_hint(drill, verdict, number)}"


def _hint(drill: Drill, verdict: Verdict, number: int) -> str:
    if number == 1:
        return verdict.problem or "no answer comes back"
    if number == HINTS:
        answers = [fault.answer for fault in drill.faults if fault.answer]
        return "; ".join(answers if answers and not verdict.fixes else verdict.fixes) or "no call is known that mends it"
    if verdict.problem:
        return "what does not run cannot answer: look at the machine"
    if not verdict.told:
        return "the configuration lets it pass, so it is the network itself: compare packet sizes, and see what its links do"
    return f"it dies {verdict.where}" if number == 2 else f"{verdict.code}: {verdict.text}"
