"""What happens in a lab, in order, for whoever follows it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.contact import ContactRecord
from lab.listener import Listener
from lab.results import (
    AppRecord,
    DiagnosisRecord,
    EventRecord,
    FactRecord,
    FlowRecord,
    PingRecord,
    ReachRecord,
    StatusRecord,
    StepResult,
)
from lab.status import StatusKind
from lab.supervisor.wire import encode

_log = logging.getLogger(__name__)

MOST_EVENTS = 10_000  # remembered; our choice


@dataclass(frozen=True, slots=True)
class Event:
    """`number` counts from 1. `time` is in seconds since 1970. `text` is for a person, `data` for a program."""

    number: int
    time: float
    kind: str
    text: str
    data: dict[str, Any]


class EventLog:
    """Remembers the last events. Any thread may add and read; those who wait are told."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._count = 0
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []

    def add(self, kind: str, text: str, **data: object) -> None:
        """`data` is encoded for the wire. Every event is logged, too."""
        _log.info("%s: %s", kind, text)
        with self._lock:
            self._count += 1
            self._events.append(Event(self._count, time.time(), kind, text, encode(data)))
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher()

    def since(self, number: int) -> list[Event]:
        """Those after the event with this number, as far as they are remembered."""
        with self._lock:
            return [event for event in self._events if event.number > number]

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have `watcher` called, in the thread that adds, after each event. Returns what ends that."""
        with self._lock:
            self._watchers.append(watcher)
        return lambda: self._unwatch(watcher)

    def _unwatch(self, watcher: Callable[[], None]) -> None:
        with self._lock:
            self._watchers.remove(watcher)


class Reporter(Listener):
    """Writes down what a running scenario does."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def phase(self, text: str) -> None:
        self._log.add("phase", text)

    def step_started(self, step: StepResult) -> None:
        self._log.add("step started", f"step {step.number}: {step.title}", step=step)

    def step_finished(self, step: StepResult) -> None:
        self._log.add("step", f"step {step.number}: {step.title}: {step.outcome}", step=step)

    def ping_started(self, ping: PingRecord) -> None:
        self._log.add("ping started", f"{ping.source} pings {ping.destination}", ping=ping)

    def ping_finished(self, ping: PingRecord) -> None:
        text = f"{ping.source} → {ping.destination}: {ping.result.received} of {ping.result.sent} echoes"
        self._log.add("ping", text, ping=ping)

    def status_started(self, kind: StatusKind, gateway: str) -> None:
        self.phase(f"{kind} of {gateway}")

    def status_finished(self, status: StatusRecord) -> None:
        told = f"{status.status} ({status.reason})" if status.reason else status.status
        self._log.add("status", f"{status.kind} of {status.gateway}: {told}", status=status)

    def diagnosis_finished(self, diagnosis: DiagnosisRecord) -> None:
        found = ", ".join(dict.fromkeys(finding.check for finding in diagnosis.found)) or "nothing is wrong"
        self._log.add("diagnosis", f"diagnosis of {diagnosis.gateway}: {found}", diagnosis=diagnosis)

    def event_started(self, event: EventRecord) -> None:
        self.phase(f"{event.event} of {event.gateway}")

    def event_finished(self, event: EventRecord) -> None:
        self._log.add("event", f"{event.event} of {event.gateway} {'came' if event.came else 'did not come'}", event=event)

    def app_finished(self, app: AppRecord) -> None:
        self._log.add("app", f"app of {app.terminal}: {app.shown}", app=app)

    def fact_finished(self, fact: FactRecord) -> None:
        self._log.add("fact", f"{fact.what}: {fact.found}", fact=fact)

    def reach_started(self, reach: ReachRecord) -> None:
        self.phase(f"{len(reach.machines)} machines send an echo to each other")

    def reach_finished(self, reach: ReachRecord) -> None:
        told = f"{len(reach.answered)} of {len(reach.machines) * (len(reach.machines) - 1)} pairs reach each other"
        self._log.add("reach", f"{told}, {len(reach.expected)} expected", reach=reach)

    def flow_started(self, flow: FlowRecord) -> None:
        self.phase(f"{flow.protocol} from {flow.source} to {flow.destination}")

    def flow_finished(self, flow: FlowRecord) -> None:
        told = "not measured" if flow.measured is None else f"{flow.measured / 1e6:.1f} Mbit/s"
        self._log.add("flow", f"{flow.protocol} from {flow.source} to {flow.destination}: {told}", flow=flow)

    def contact_started(self, contact: ContactRecord) -> None:
        self.phase(contact.what)

    def contact_finished(self, contact: ContactRecord) -> None:
        told = "as expected" if contact.passed else "; ".join([*contact.complaints, *contact.differences])
        self._log.add("contact", f"{contact.what}: {told}", contact=contact)
