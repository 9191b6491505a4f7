"""A network in memory: no root, no kernel, milliseconds. Each test has one of its own, which it may change."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from lab.cloud import Cloud
from lab.cloud.alibaba import Alibaba
from lab.cloud.aws import Aws
from lab.explanation import Explanation, Question, State, explain
from lab.report.explanation import print_explanation
from lab.testing.network import Answer, Network

_WIDTH = 110  # columns of an explanation in a test's failure


class SimulatedNetwork(Network):
    """The clouds at a scenario's end. Calls on `aws` and `alibaba` change them for this test alone."""

    def __init__(self, state: State, title: str) -> None:
        self.cloud: Cloud = state.cloud.fork()
        self._state = state
        self._title = title

    @property
    def aws(self) -> Aws:
        return self.cloud.aws

    @property
    def alibaba(self) -> Alibaba:
        return self.cloud.alibaba

    def explain(self, question: Question) -> Explanation:
        """What becomes of a packet, as data."""
        return explain(replace(self._state, cloud=self.cloud, compiled=None), question)

    def ask(self, question: Question) -> Answer:
        explanation = self.explain(question)
        death = explanation.death
        console = Console(file=StringIO(), width=_WIDTH, no_color=True, highlight=False)
        print_explanation(console, explanation, scenario=self._title)
        assert isinstance(console.file, StringIO)  # noqa: S101 - given above
        text = "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())
        return Answer(explanation.reaches, death.code if death is not None else "", text)
