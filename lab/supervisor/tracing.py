"""A packet on a lab that is up: explained, sent, and the two held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich.console import Console

from lab.emulation.emulation import Emulation
from lab.explanation import Question, explain
from lab.explanation.state import State
from lab.report.explanation import explanation_json, print_explanation
from lab.supervisor.answers import Traced
from lab.supervisor.observation import disagreements
from lab.supervisor.observe import send


def trace(
    state: State, emulation: Emulation, question: Question, impaired: Sequence[str], *, title: str, width: int, colour: bool
) -> Traced:
    """`impaired` are links that lose packets of which no prediction knows, and what they do.

    Raises UsageError for an unknown machine and for a packet that cannot be.
    """
    explanation = explain(state, question)
    exchange = explanation.fate.exchange
    observed = send(emulation, explanation, exchange.request.probe) if exchange is not None else None
    found = disagreements(explanation, observed) if observed is not None else []
    console = Console(file=StringIO(), width=width, force_terminal=colour, no_color=not colour, highlight=False)
    print_explanation(console, explanation, scenario=title, observed=observed, disagreements=found, impaired=impaired)
    assert isinstance(console.file, StringIO)  # noqa: S101 - given above
    told = explanation_json(explanation, scenario=title, left_out=[], observed=observed, disagreements=found)
    return Traced(explanation.reaches, not found, console.file.getvalue(), told)
