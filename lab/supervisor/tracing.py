"""A packet on a lab that is up: explained, sent, and the two held against each other."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from lab.cloud import Cloud
from lab.emulation.emulation import Emulation
from lab.explanation import Question, explain
from lab.report.explanation import explanation_json, print_explanation
from lab.supervisor.answers import Traced
from lab.supervisor.observation import disagreements
from lab.supervisor.observe import send


def trace(cloud: Cloud, emulation: Emulation, question: Question, *, title: str, width: int, colour: bool) -> Traced:
    """Raises UsageError for an unknown machine and for a packet that cannot be."""
    explanation = explain(cloud, question)
    exchange = explanation.fate.exchange
    observed = send(emulation, explanation, exchange.request.probe) if exchange is not None else None
    found = disagreements(explanation, observed) if observed is not None else []
    console = Console(file=StringIO(), width=width, force_terminal=colour, no_color=not colour, highlight=False)
    print_explanation(console, explanation, scenario=title, observed=observed, disagreements=found)
    assert isinstance(console.file, StringIO)  # noqa: S101 - given above
    told = explanation_json(explanation, scenario=title, left_out=[], observed=observed, disagreements=found)
    return Traced(explanation.reaches, not found, console.file.getvalue(), told)
