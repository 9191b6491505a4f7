"""Who is told how a scenario goes on."""

from __future__ import annotations

from typing import Any

from lab.contact import ContactRecord
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


class Listener:
    """Is told what happens while it happens. The base says nothing."""

    def step_started(self, step: StepResult) -> None: ...

    def step_finished(self, step: StepResult) -> None: ...

    def ping_started(self, ping: PingRecord) -> None: ...

    def ping_finished(self, ping: PingRecord) -> None: ...

    def status_started(self, kind: StatusKind, gateway: str) -> None: ...

    def status_finished(self, status: StatusRecord) -> None: ...

    def event_started(self, event: EventRecord) -> None: ...

    def event_finished(self, event: EventRecord) -> None: ...

    def app_finished(self, app: AppRecord) -> None: ...

    def fact_finished(self, fact: FactRecord) -> None: ...

    def diagnosis_finished(self, diagnosis: DiagnosisRecord) -> None: ...

    def flow_started(self, flow: FlowRecord) -> None: ...

    def flow_finished(self, flow: FlowRecord) -> None: ...

    def reach_started(self, reach: ReachRecord) -> None: ...

    def reach_finished(self, reach: ReachRecord) -> None: ...

    def contact_started(self, contact: ContactRecord) -> None: ...

    def contact_finished(self, contact: ContactRecord) -> None: ...


class Listeners(Listener):
    """Tells several, in their order. It has every method that a Listener has, those to come too."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(Listener, name):
            return super().__getattribute__(name)
        listeners = self._listeners
        return lambda *told: [getattr(listener, name)(*told) for listener in listeners] and None
