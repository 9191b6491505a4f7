"""A packet on a lab that is up: explained, sent, and the two held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

from rich.console import Console

from lab.emulation.emulation import Emulation
from lab.explanation import Question, explain
from lab.explanation.state import State
from lab.report.explanation import explanation_json, print_explanation
from lab.supervisor.answers import Traced
from lab.supervisor.observation import disagreements
from lab.supervisor.observe import ANSWERED_WITHIN, send
from lab.supervisor.suspects import suspects
from lab.topology import Link


def trace(
    state: State,
    emulation: Emulation,
    question: Question,
    links: Mapping[Link, str],
    *,
    lab: str,
    width: int,
    colour: bool,
) -> Traced:
    """`links` are the names of links, `lab` that of the lab.

    Raises UsageError for an unknown machine and for a packet that cannot be.
    """
    explanation = explain(state, question)
    exchange = explanation.fate.exchange
    observed = send(emulation, explanation, exchange.request.probe) if exchange is not None else None
    suspected = suspects(exchange, emulation.orders, links, patience=ANSWERED_WITHIN)
    found = disagreements(explanation, observed, suspected) if observed is not None else []
    is_as_predicted = observed is None or not disagreements(explanation, observed)
    blamed = [] if found or is_as_predicted else suspected
    console = Console(file=StringIO(), width=width, force_terminal=colour, no_color=not colour, highlight=False)
    print_explanation(console, explanation, scenario=lab, observed=observed, disagreements=found, blamed=blamed, lab=lab)
    assert isinstance(console.file, StringIO)  # noqa: S101 - given above
    told = explanation_json(explanation, scenario=lab, observed=observed, disagreements=found, blamed=blamed, lab=lab)
    reaches = explanation.reaches and (observed is None or observed.answered)
    return Traced(reaches, not found, console.file.getvalue(), told)
