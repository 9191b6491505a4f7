"""What happened in a run, in its order, and the clouds as they were when something did not come as expected."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lab.contact import ContactRecord
from lab.drawing import Picture, expected_walks, paint, unwanted
from lab.errors import UsageError
from lab.explanation import Explanation, Question, State, explain
from lab.explanation.foretelling import question_of
from lab.explanation.question import find_destination, find_machine
from lab.listener import Listener
from lab.results import (
    AppRecord,
    DiagnosisRecord,
    EventRecord,
    FactRecord,
    FlowRecord,
    Outcome,
    PingRecord,
    ReachRecord,
    RunResult,
    StatusRecord,
    StepResult,
)
from lab.session import Lab

MOST_FAILURES = 20
"""Failed probes that are explained, our choice: more nobody reads, and what breaks one pair breaks its neighbours."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that took from `start` to `end`, in seconds since the run began. `kind` is "step", "ping", "status", …"""

    kind: str
    title: str
    start: float
    end: float
    passed: bool


@dataclass(frozen=True)
class Failure:
    """A packet that was lost, or came where none was expected, and the clouds of that moment. `contact` is a lab file's."""

    step: str
    source: str
    destination: str
    question: Question
    state: State
    contact: ContactRecord | None = None

    @cached_property
    def explanation(self) -> Explanation:
        return explain(self.state, self.question)

    @property
    def picture(self) -> Picture:
        """The network, with the way of the packet and its answer."""
        exchange = self.explanation.fate.exchange
        walks = [exchange.request, *([exchange.reply] if exchange.reply is not None else [])] if exchange is not None else []
        return paint(self.state.cloud, self.explanation.topology, walks, way=True)


class Chronicle(Listener):
    """Listens to one run. Needs its lab before the scenario starts."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.moments: list[Moment] = []
        self.failures: list[Failure] = []
        self.unexplained = 0
        self.began = time.time()  # since 1970
        self._start = time.monotonic()
        self._open: list[float] = []  # when what is going on now was begun, the outer before the inner

    @property
    def result(self) -> RunResult:
        return self.lab.result

    def picture(self) -> Picture:
        """The network at the run's end, with what is expected and not so."""
        topology = self.lab.compile()
        walks, arrive = expected_walks(topology, self.result), unwanted(topology, self.result)
        return paint(self.lab.cloud, topology, walks, unwanted=arrive)

    def step_started(self, step: StepResult) -> None:
        self._begin()

    def step_finished(self, step: StepResult) -> None:
        self._end("step", f"{step.number} {step.title}", step.outcome in (Outcome.DONE, Outcome.LEFT_OUT))

    def ping_started(self, ping: PingRecord) -> None:
        self._begin()

    def ping_finished(self, ping: PingRecord) -> None:
        self._end("ping", f"{ping.source} → {ping.destination}", ping.passed)
        if not ping.passed and not ping.problem and ping.result.sent:
            self._note(ping.step, ping.source, ping.destination, Question(ping.node, str(ping.destination_address)))

    def reach_started(self, reach: ReachRecord) -> None:
        self._begin()

    def reach_finished(self, reach: ReachRecord) -> None:
        self._end("reach", f"{len(reach.machines)} machines, each to each other", reach.passed)
        for here, there in sorted(set(reach.answered) ^ set(reach.expected)) if reach.asked else ():
            source, destination = reach.machines[here], reach.machines[there]
            self._note(reach.step, source, destination, Question(source, destination))

    def contact_started(self, contact: ContactRecord) -> None:
        self._begin()

    def contact_finished(self, contact: ContactRecord) -> None:
        self._end("contact", contact.what, contact.passed)
        if not contact.passed and contact.foretold is not None and not contact.foretold.problem:
            self._note(contact.step, contact.source, contact.destination, question_of(contact.wanted), contact)

    def status_started(self, kind: object, gateway: str) -> None:
        self._begin()

    def status_finished(self, status: StatusRecord) -> None:
        self._end("status", f"{status.kind} of {status.gateway}", status.passed)

    def event_started(self, event: EventRecord) -> None:
        self._begin()

    def event_finished(self, event: EventRecord) -> None:
        self._end("event", f"{event.event} of {event.gateway}", event.passed)

    def flow_started(self, flow: FlowRecord) -> None:
        self._begin()

    def flow_finished(self, flow: FlowRecord) -> None:
        self._end("flow", f"{flow.protocol} {flow.source} → {flow.destination}", flow.passed)

    def app_finished(self, app: AppRecord) -> None:
        self._note_moment("app", f"app of {app.terminal}", app.passed)

    def fact_finished(self, fact: FactRecord) -> None:
        self._note_moment("fact", fact.what, fact.passed)

    def diagnosis_finished(self, diagnosis: DiagnosisRecord) -> None:
        self._note_moment("diagnosis", f"diagnosis of {diagnosis.gateway}", diagnosis.passed)

    def in_order(self) -> Iterator[Moment]:
        """What began first comes first; a step before what is inside it."""
        yield from sorted(self.moments, key=lambda moment: (moment.start, -moment.end))

    def _begin(self) -> None:
        self._open.append(self._now())

    def _end(self, kind: str, title: str, passed: bool) -> None:
        self.moments.append(Moment(kind, title, self._open.pop(), self._now(), passed))

    def _note_moment(self, kind: str, title: str, passed: bool) -> None:
        """Something of which only the end is told."""
        self._begin()
        self._end(kind, title, passed)

    def _now(self) -> float:
        return time.monotonic() - self._start

    def _note(
        self, step: str, source: str, destination: str, question: Question, contact: ContactRecord | None = None
    ) -> None:
        """What failed, unless there are too many, or one of its ends is not the only machine of its name."""
        topology = self.lab.compile()
        try:
            find_machine(topology, question.source)
            find_destination(topology, question.destination)
        except UsageError:
            self.unexplained += 1
            return
        if len(self.failures) == MOST_FAILURES:
            self.unexplained += 1
            return
        state = State(self.lab.cloud.fork(), places=self.lab.places)
        self.failures.append(Failure(step, source, destination, question, state, contact))
