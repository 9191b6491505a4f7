"""What came of a run: steps, pings, drops. Read by the reports, written by the lab."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address

from lab.contact import ContactRecord
from lab.drops import Drop
from lab.status import ABNORMAL, NORMAL, StatusEnd, StatusKind


class Outcome(StrEnum):
    """What became of a step."""

    DONE = "done"
    LEFT_OUT = "left out"
    NOT_POSSIBLE = "not possible"  # a call was refused, because what it needs is missing
    FAILED = "failed"  # an expectation was not met


@dataclass(frozen=True, slots=True)
class Dies:
    """An effect of leaving a step out: what `source` sends to `destination`, or the answer to it, is dropped for `reason`.

    Both are names of machines; "app" to "ecs" is the ping that app starts.
    """

    source: str
    destination: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An effect of leaving a step out: a call of the later step `step` is refused with the provider's `code`."""

    step: str
    code: str


@dataclass(frozen=True, slots=True)
class Abnormal:
    """An effect of leaving a step out: a status of a gateway, by its name, is Abnormal for `reason`."""

    gateway: str
    reason: str
    kind: StatusKind = StatusKind.VPN


@dataclass(frozen=True, slots=True)
class Shows:
    """An effect of leaving a step out: the SAG app of a terminal, by its name, shows this text or code instead."""

    terminal: str
    text: str


@dataclass(frozen=True, slots=True)
class Finds:
    """An effect of leaving a step out: of something that is looked at, `what`, this is found instead."""

    what: str
    found: str


Effect = Dies | Refused | Abnormal | Shows | Finds


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that a provider refused."""

    call: str
    code: str
    message: str


@dataclass
class StepResult:
    """`number` is the document's ("2.5"). `without` is what leaving the step out does; empty: nothing."""

    number: str
    title: str
    without: tuple[Effect, ...] = ()
    outcome: Outcome = Outcome.DONE
    seconds: float = 0.0
    refusals: list[Refusal] = field(default_factory=list)
    inside: str = ""  # the number of the step that this one is a part of

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.DONE


@dataclass(frozen=True, slots=True)
class PingResult:
    """`sent` and `received` count echoes; `rtt_ms` is the mean round trip in milliseconds, None when nothing came back."""

    sent: int
    received: int
    rtt_ms: float | None

    @property
    def lost(self) -> int:
        return self.sent - self.received


@dataclass(frozen=True, slots=True)
class Blame:
    """A drop, and the steps left out that it is due to; none when it is not due to a step that was left out.

    `machine` is the label of the machine whose interface it happened at, where a fabric enforces something for one.
    """

    drop: Drop
    node_label: str
    machine: str = ""
    steps: tuple[str, ...] = ()


@dataclass
class PingRecord:
    """A ping that was asked for, what came of it, and what was dropped while it ran."""

    step: str
    node: str  # the resource of the machine that sends
    source: str
    destination: str
    source_address: IPv4Address | None
    destination_address: IPv4Address | None
    expected: int
    result: PingResult
    drops: list[Blame] = field(default_factory=list)
    problem: str = ""  # why no echo could be sent at all

    @property
    def passed(self) -> bool:
        return self.result.sent > 0 and self.result.received == self.expected


@dataclass(frozen=True)
class StatusRecord:
    """A status of a gateway that was asked for, and what it was; nobody could be asked where no network runs.

    `ends` are those who know of it, each under its node's label: for VPN Status the ends of the gateway's tunnel.
    """

    step: str
    gateway: str  # the gateway's name, or its resource
    expected: str
    ends: tuple[StatusEnd, ...] = ()
    reason: str = ""  # why it is Abnormal: what the gateway's own end says of it, else the other
    kind: StatusKind = StatusKind.VPN

    @property
    def status(self) -> str:
        """Normal when all ends say so; empty when nobody was asked."""
        if self.reason:
            return ABNORMAL
        return NORMAL if self.ends else ""

    @property
    def passed(self) -> bool:
        return self.status == self.expected


@dataclass(frozen=True, slots=True)
class Finding:
    """An error that a diagnosis found. `check` is the one that found it; texts are as in `lab.diagnosis.Item`."""

    check: str
    finding: str
    advice: str


@dataclass(frozen=True)
class DiagnosisRecord:
    """A diagnosis that was asked for. `expected` are the checks that were to find an error, none where nothing is wrong.

    Nobody is asked where no network runs.
    """

    step: str
    gateway: str
    expected: tuple[str, ...]
    asked: bool = False
    found: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        return self.asked and {finding.check for finding in self.found} == set(self.expected)


@dataclass(frozen=True)
class EventRecord:
    """An event of a gateway that was waited for, and whether it came; nobody waits where no network runs."""

    step: str
    gateway: str
    event: str
    asked: bool = False
    came: bool = False

    @property
    def passed(self) -> bool:
        return self.came


@dataclass(frozen=True)
class AppRecord:
    """What the SAG app of a terminal was to show, and what it shows: a message, or a provider's code; then `message` explains it.

    Nobody looks where no network runs.
    """

    step: str
    terminal: str
    expected: str
    asked: bool = False
    shown: str = ""
    message: str = ""

    @property
    def passed(self) -> bool:
        return self.shown == self.expected


@dataclass(frozen=True)
class FactRecord:
    """Something that was looked at, `what`, what it was to be, and what was found, all in words.

    Nobody looks where no network runs, or where the network does not have it: what is walked counts no bytes.
    """

    step: str
    what: str
    expected: str
    found: str | None = None

    @property
    def passed(self) -> bool:
        return self.found is None or self.found == self.expected


@dataclass(frozen=True, slots=True)
class Echo:
    """An ICMP echo to be sent by a node, from one address of its own to another address."""

    node: str
    source: IPv4Address
    destination: IPv4Address


@dataclass
class ReachRecord:
    """An echo from each of some machines to each other, all at once, and which were answered.

    `machines` are their names. `expected` and `answered` hold pairs of places in it, source first. Nobody is asked where no
    network runs.
    """

    step: str
    machines: tuple[str, ...]
    expected: tuple[tuple[int, int], ...]
    answered: tuple[tuple[int, int], ...] = ()
    asked: bool = False
    drops: list[Blame] = field(default_factory=list)
    problem: str = ""  # why no echo could be sent at all

    @property
    def passed(self) -> bool:
        return self.asked and set(self.answered) == set(self.expected)


@dataclass
class FlowRecord:
    """Data sent from one machine to another, and how much arrived, in bit/s. `measured` is None where no time passes.

    `expected` is to be met within a share of it, `tolerance`. Of TCP what its user gets counts, of UDP the IP packets.
    """

    step: str
    source: str
    destination: str
    protocol: str
    expected: float
    tolerance: float
    measured: float | None = None

    @property
    def passed(self) -> bool:
        return self.measured is None or abs(self.measured - self.expected) <= self.tolerance * self.expected


Expectation = (
    FlowRecord | PingRecord | StatusRecord | DiagnosisRecord | EventRecord | ReachRecord | ContactRecord | AppRecord | FactRecord
)


@dataclass
class RunResult:
    """A whole run. It passed when every step was done, but for those left out, and all that was expected came true."""

    scenario: str
    title: str = ""
    steps: list[StepResult] = field(default_factory=list)
    pings: list[PingRecord] = field(default_factory=list)
    stray: list[Blame] = field(default_factory=list)  # dropped outside any ping
    error: str = ""  # what ended the run early
    seconds: float = 0.0
    statuses: list[StatusRecord] = field(default_factory=list)
    diagnoses: list[DiagnosisRecord] = field(default_factory=list)
    reaches: list[ReachRecord] = field(default_factory=list)
    flows: list[FlowRecord] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)
    contacts: list[ContactRecord] = field(default_factory=list)
    apps: list[AppRecord] = field(default_factory=list)
    facts: list[FactRecord] = field(default_factory=list)

    @property
    def records(self) -> list[Expectation]:
        """Everything that was expected, and what came of it."""
        others: list[Expectation] = [*self.statuses, *self.diagnoses, *self.events, *self.apps, *self.reaches]
        return [*others, *self.flows, *self.pings, *self.contacts, *self.facts]

    @property
    def has_shown(self) -> bool:
        """Whether a packet was sent, or something looked at: otherwise nothing is shown."""
        looked = (fact.found is not None for fact in self.facts)
        asked = [*(reach.asked for reach in self.reaches), *(contact.foretold is not None for contact in self.contacts)]
        return any(ping.result.sent for ping in self.pings) or any(asked) or any(looked)

    @property
    def left_out(self) -> list[StepResult]:
        return [step for step in self.steps if step.outcome is Outcome.LEFT_OUT]

    @property
    def passed(self) -> bool:
        tolerable = all(step.outcome in (Outcome.DONE, Outcome.LEFT_OUT) for step in self.steps)
        return not self.error and tolerable and self.has_shown and all(record.passed for record in self.records)

    @property
    def drops(self) -> list[Blame]:
        asked: list[PingRecord | ReachRecord] = [*self.pings, *self.reaches]
        return [*self.stray, *(blame for record in asked for blame in record.drops)]
