"""A tour: a scenario step by step, with the clouds as they are after each, and what becomes of its pings there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.errors import UsageError
from lab.explanation import Call, Explanation, Question, State, explain
from lab.listener import Listener
from lab.results import StepResult
from lab.scenario import Scenario
from lab.session import Lab

_SEED = b"a tour"  # so that a tour tells the same ids each time
BEFORE = "0"  # the stop before the first step


@dataclass(frozen=True)
class Stop:
    """A step that has been done: the calls that it made, and the clouds after it. `number` is empty between steps."""

    number: str
    title: str
    calls: tuple[Call, ...]
    state: State


@dataclass(frozen=True)
class Fate:
    """What becomes of one of the scenario's pings at a stop. `explanation` is None while one of its ends does not run."""

    source: str
    destination: str
    explanation: Explanation | None

    @property
    def passes(self) -> bool:
        return self.explanation is not None and self.explanation.reaches


@dataclass(frozen=True)
class Tour:
    """`pings` are those of the scenario, each once: the names of its ends, and their ids."""

    scenario: Scenario
    stops: tuple[Stop, ...]
    pings: tuple[tuple[str, str, Question], ...]

    @staticmethod
    def of(scenario: Scenario) -> Tour:
        """Run a scenario in memory and stop after each step, a step with parts after each of these."""
        guide = _Guide()
        lab = Lab(scenario.name, seed=_SEED, listener=guide)
        guide.lab = lab
        scenario.run(lab)
        pings = {
            (ping.source, ping.destination): Question(ping.node, str(ping.destination_address))
            for ping in lab.result.pings
            if ping.expected and ping.destination_address is not None
        }
        return Tour(scenario, tuple(guide.stops), tuple((*ends, question) for ends, question in pings.items()))

    def fates(self, stop: Stop) -> Iterator[Fate]:
        """What becomes of each ping now. What would let it pass is not sought: the next steps are about that."""
        for source, destination, question in self.pings:
            try:
                explanation = explain(stop.state, question, fixes=False)
            except UsageError:
                explanation = None
            there = any(destination == node.label for node in stop.state.topology.nodes)
            yield Fate(source, destination, explanation if there else None)


class _Guide(Listener):
    """Stops after each step that made calls, or has no parts."""

    def __init__(self) -> None:
        self.lab: Lab | None = None
        self.stops: list[Stop] = []
        self._made = 0
        self._parts: list[bool] = []  # for each open step, whether it has parts

    def step_started(self, step: StepResult) -> None:
        if not self.stops:
            self._stop(BEFORE, "What the document takes for granted")
        elif self._new():
            self._stop("", "Between the steps")
        if self._parts:
            self._parts[-1] = True
        self._parts.append(False)

    def step_finished(self, step: StepResult) -> None:
        had_parts = self._parts.pop()
        if not had_parts or self._new():
            self._stop(step.number, step.title)

    def _new(self) -> int:
        """How many calls have been made since the last stop."""
        return len(self._lab.cloud.journal) - self._made

    def _stop(self, number: str, title: str) -> None:
        cloud = self._lab.cloud
        calls = tuple(Call.made(operation) for operation in list(cloud.journal)[self._made :] if operation.error is None)
        self._made = len(cloud.journal)
        self.stops.append(Stop(number, title, calls, State(cloud.fork())))

    @property
    def _lab(self) -> Lab:
        if self.lab is None:
            raise RuntimeError("a guide needs its lab before the scenario starts")
        return self.lab
