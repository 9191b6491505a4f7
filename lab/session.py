"""The lab as a scenario sees it: two clouds to configure, steps to keep to, pings to expect."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import permutations
from typing import TYPE_CHECKING, Protocol, TypeVar

from lab.app import CONNECTED, App
from lab.apps import Apps
from lab.automation import Automations, Handler
from lab.backend import Backend
from lab.cloud import Cloud, CloudError, Identity, Mail
from lab.cloud.alibaba import Alibaba, SmartAccessGateway, SystemEvent
from lab.cloud.aws import Aws
from lab.cloud.clock import Clock
from lab.cloud.identity import ADMINISTRATOR
from lab.cloud.terminals import Terminals
from lab.clouds import Clouds
from lab.compiler import compile_topology
from lab.contact import Contact, ContactRecord, differences
from lab.drops import Drop
from lab.errors import UsageError
from lab.listener import Listener
from lab.mailbox import Mailbox
from lab.meters import grown
from lab.results import (
    AppRecord,
    Blame,
    DiagnosisRecord,
    Echo,
    Effect,
    EventRecord,
    Expectation,
    FactRecord,
    Finding,
    FlowRecord,
    Outcome,
    PingRecord,
    PingResult,
    ReachRecord,
    RunResult,
    StatusRecord,
    StepResult,
)
from lab.software import with_software
from lab.status import NO_TUNNEL, NORMAL, NOT_REPORTING, StatusEnd, StatusKind
from lab.topology import MACHINES, NodeKind, Software, Topology

if TYPE_CHECKING:
    from lab.explanation.call import Call
    from lab.explanation.state import State

T = TypeVar("T")

_OVER = 1.2  # times what may pass is sent, to see what does
NO_PING = PingResult(0, 0, None)
NORMAL_WITHIN = 3.0
"""Seconds that a status may take to become Normal, our choice: a handshake takes milliseconds, and a request that gets lost is
repeated after 0.5 and 1.5 s, that for a TCP connection after 1 s."""

EVENT_WITHIN = 5.0
"""Seconds that an event may take to come, our choice: a device is missed after one, or three if it is alone."""

_POLL = 0.02  # seconds between two looks

# What a status is Abnormal for where there is nobody to be asked.
NOBODY = {StatusKind.VPN: NO_TUNNEL, StatusKind.CONTROL: NOT_REPORTING}


class Instance(Protocol):
    """A machine of either cloud."""

    @property
    def id(self) -> str: ...


class Gateway(Protocol):
    """A Smart Access Gateway. `name` may be empty."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


class Lab:
    """What a scenario is given. Configure `aws` and `alibaba` inside `step`s, then say what is to be reachable.

    `skip` are the numbers of steps to leave out; a step inside a skipped one is skipped too. Without a `backend` nothing is sent:
    every ping is recorded with 0 echoes.
    """

    def __init__(
        self,
        scenario: str = "",
        *,
        skip: Collection[str] = (),
        backend: Backend | None = None,
        listener: Listener | None = None,
        seed: bytes | None = None,
        mailbox: Mailbox | None = None,
    ) -> None:
        self.skip = frozenset(skip)
        self.result = RunResult(scenario)
        self.clouds = Clouds(seed=seed, twin=bool(skip))
        self._software: dict[NodeKind, Software] = {}
        self._backend = backend
        self._listener = listener or Listener()
        self._steps: list[StepResult] = []
        self._applied: Topology | None = None
        self._automations = Automations(self.cloud)
        self._events: list[SystemEvent] = []
        self.mailbox = mailbox or Mailbox()
        self.cloud.send_with(self.mailbox.post)
        self._read: list[Mail] = []
        self._compiled: tuple[Hashable, Topology] | None = None  # the network, and after which calls it was this
        self._state: State | None = None
        self.places: dict[tuple[int, str], str] = {}
        """Where a lab file asks for a call, by its number and "", and for what the call has made, by the number and the id."""
        self.advise: Callable[[Call], str] = str
        """How a call that would mend something is told; by a lab file, as a change of it."""
        self.apps = Apps(self.clouds, backend, self._followed)
        self.clouds.before_call = self.read_meters

    @property
    def aws(self) -> Aws:
        return self.clouds.aws

    @property
    def alibaba(self) -> Alibaba:
        return self.clouds.alibaba

    def alibaba_as(self, identity: str) -> Alibaba:
        """Alibaba Cloud as somebody else calls it: "partner/", the administrator of an account, or "li.lei", an end user."""
        return self.clouds.alibaba_as(Identity.of(identity))

    @property
    def terminals(self) -> Terminals:
        """People's own devices."""
        return self.clouds.terminals

    def app(self, terminal: Instance) -> App:
        """The SAG app of a terminal, for its user."""
        return self.apps.of(terminal.id)

    @property
    def clock(self) -> Clock:
        """The lab's time."""
        return self.clouds.clock

    @property
    def cloud(self) -> Cloud:
        """The state of both clouds as it is."""
        return self.clouds.real

    def compile(self) -> Topology:
        """The network that the state describes."""
        made = len(self.cloud.journal), tuple(self._software.items())
        if self._compiled is None or self._compiled[0] != made:
            self._compiled = made, with_software(compile_topology(self.clouds.real), self._software)
        return self._compiled[1]

    def use_software(self, software: Software, *, at: NodeKind) -> None:
        """Which software runs at one end of the tunnels: NodeKind.GATEWAY, the vCPEs, or NodeKind.CCN, the points of presence.

        Our own dataplane, where nothing is said. Say it first: a network that is up does not follow.
        """
        self._software[at] = software

    @contextmanager
    def step(self, number: str, title: str, *, without: Sequence[Effect] = ()) -> Iterator[None]:
        """A step of the document, under its number. `without` declares what leaving it out does; empty: nothing.

        A refused call makes the step "not possible". While steps are left out the script goes on after a refusal; otherwise the
        refusal is the script's own mistake and ends it.
        """
        step = StepResult(number, title, tuple(without), inside=self._steps[-1].number if self._steps else "")
        self._enter(step)
        started = time.monotonic()
        try:
            yield
        except CloudError:
            step.outcome = Outcome.NOT_POSSIBLE
            raise
        except BaseException:
            step.outcome = Outcome.FAILED
            raise
        finally:
            step.seconds = time.monotonic() - started
            self._leave(step)

    def _enter(self, step: StepResult) -> None:
        if any(step.number == other.number for other in self.result.steps):
            raise UsageError(f"the scenario has two steps {step.number}; give each a number of its own")
        self.result.steps.append(step)
        self._steps.append(step)
        if self.clouds.leaving_out or step.number in self.skip:
            step.outcome = Outcome.LEFT_OUT
            self.clouds.leaving_out = True
        self._listener.step_started(step)

    def _leave(self, step: StepResult) -> None:
        self._steps.pop()
        step.refusals, self.clouds.refusals = self.clouds.refusals, []
        if step.refusals:
            step.outcome = Outcome.NOT_POSSIBLE
        elif step.outcome is Outcome.DONE and not all(record.passed for record in self._records_of(step)):
            step.outcome = Outcome.FAILED
        self.clouds.leaving_out = any(other.outcome is Outcome.LEFT_OUT for other in self._steps)
        self._listener.step_finished(step)

    def choose(self, value: T, *, otherwise: T) -> T:
        """A choice that the document asks for: `value`, or `otherwise` when the step is left out."""
        return otherwise if self.clouds.leaving_out else value

    def expect_ping(self, source: Instance, destination: Instance, *, sent: int = 4, received: int = 4) -> None:
        """Ping from the private address of one machine to that of another, and expect `received` answers to `sent` echoes."""
        if self.clouds.leaving_out:
            return
        ping = self._prepare(source, destination, received)
        self._listener.ping_started(ping)
        if self._backend is not None and not ping.problem:
            self._send(self._backend, ping, source.id, sent)
        self.result.pings.append(ping)
        self._listener.ping_finished(ping)

    def expect_vpn_status(self, gateway: Gateway, status: str = NORMAL, *, within: float = NORMAL_WITHIN) -> None:
        """Wait for the VPN Status of a gateway, as its console shows it (document 000…, step 3.2.4), and expect it to be Normal.

        Ends that have neither connected nor been told why not are given `within` seconds.
        """
        self._expect_status(StatusKind.VPN, gateway, status, within)

    def expect_control_status(self, gateway: Gateway, status: str = NORMAL, *, within: float = NORMAL_WITHIN) -> None:
        """Wait for the Control Status of a gateway (step 3.2.4), and expect it to be Normal.

        A device that has not finished its first call to the controller is given `within` seconds.
        """
        self._expect_status(StatusKind.CONTROL, gateway, status, within)

    def _expect_status(self, kind: StatusKind, gateway: Gateway, status: str, within: float) -> None:
        if self.clouds.leaving_out:
            return
        label = gateway.name or gateway.id
        self._listener.status_started(kind, label)
        record = StatusRecord(self._number, label, status, kind=kind)
        if self._backend is not None:
            topology = self._follow(self._backend)
            ask = self._backend.vpn_ends if kind is StatusKind.VPN else self._backend.control_ends
            record = _asked(record, topology, ask(gateway.id, within=within))
        self.result.statuses.append(record)
        self._listener.status_finished(record)

    def expect_diagnosis(self, gateway: Gateway, *checks: str) -> None:
        """Have a gateway diagnosed, and expect errors of exactly these checks (`lab.Check`), or of none.

        What is looked at is how the clouds are configured, whether or not the network shows it.
        """
        if self.clouds.leaving_out:
            return
        record = DiagnosisRecord(self._number, gateway.name or gateway.id, checks)
        if self._backend is not None:
            record = replace(record, asked=True, found=_diagnosed(self.cloud, gateway.id))
        self.result.diagnoses.append(record)
        self._listener.diagnosis_finished(record)

    def expect_reach(self, machines: Sequence[Instance], expected: Collection[tuple[str, str]]) -> None:
        """Send an echo from each machine to each other, all at once, and expect answers to exactly these: (source, destination).

        Machines go by their ids.
        """
        if self.clouds.leaving_out:
            return
        topology = self.compile()
        ids = [machine.id for machine in machines]
        ends = [_end(topology, id) for id in ids]
        record = ReachRecord(
            self._number,
            tuple(end[0] if end else id for id, end in zip(ids, ends, strict=True)),
            tuple(pair for pair in permutations(range(len(ids)), 2) if (ids[pair[0]], ids[pair[1]]) in expected),
            problem=", ".join(f"{id} does not run" for id, end in zip(ids, ends, strict=True) if end is None),
        )
        self._listener.reach_started(record)
        if self._backend is not None and not record.problem:
            self._reach(self._backend, record, ids, [end[1] for end in ends if end])
        self.result.reaches.append(record)
        self._listener.reach_finished(record)

    def _reach(self, backend: Backend, record: ReachRecord, ids: Sequence[str], addresses: Sequence[IPv4Address]) -> None:
        topology = self._follow(backend)
        self.result.stray += blames(topology, backend.new_drops())
        pairs = list(permutations(range(len(ids)), 2))
        answers = backend.echo(
            [Echo(ids[source], addresses[source], addresses[destination]) for source, destination in pairs],
            [pair in record.expected for pair in pairs],
        )
        record.asked = True
        record.answered = tuple(pair for pair, answered in zip(pairs, answers, strict=True) if answered)
        record.drops += blames(topology, backend.new_drops())

    def expect_contact(self, wanted: Contact) -> None:
        """Send one packet, and expect that its answer comes back, or that it does not, as `wanted` says.

        Where packets are really sent, what is seen is held against what the simulation foretells.
        """
        if self.clouds.leaving_out:
            return
        topology = self.compile()
        record = ContactRecord(self._number, _label(topology, wanted.source), _label(topology, wanted.destination), wanted)
        self._listener.contact_started(record)
        if self._backend is not None:
            self._contact(self._backend, record)
        self.result.contacts.append(record)
        self._listener.contact_finished(record)

    def _contact(self, backend: Backend, record: ContactRecord) -> None:
        from lab.explanation.foretelling import foretell  # stands above, on what replays scenarios
        from lab.explanation.state import State

        topology = self._follow(backend)
        if self._state is None or self._state.topology is not topology:
            self._state = State(self.cloud, places=self.places, compiled=topology)
        explanation, record.foretold = foretell(self._state, record.wanted, self.advise)
        exchange = explanation.fate.exchange if explanation is not None else None
        record.seen = backend.contact(record.wanted, exchange) if exchange is not None else None
        if record.seen is not None:
            record.differences = differences(record.foretold, record.seen)

    def read_meters(self) -> None:
        """Let the clouds know what the points of presence have counted of accounts by now. Each call does so first."""
        readings = () if self._backend is None else grown(self.cloud, self._backend.meters())
        if readings:
            self.clouds.call("alibaba", "report_client_usage", (readings,), {}, ADMINISTRATOR)

    def on_event(self, handler: Handler) -> None:
        """Have a script of the customer's run from now on, whenever the provider tells of an event of a gateway."""
        if not self.clouds.leaving_out:
            self._automations.add(handler)

    def expect_message(self, terminal: Instance, text: str = CONNECTED) -> None:
        """Expect the SAG app of a terminal to show this (document 002…, 5.2 step 2)."""
        self._expect_app(terminal, text)

    def expect_refused(self, terminal: Instance, code: str) -> None:
        """Expect that what the SAG app of a terminal asked for last was refused with the provider's code."""
        self._expect_app(terminal, code)

    def _expect_app(self, terminal: Instance, expected: str) -> None:
        if self.clouds.leaving_out:
            return
        node = self.compile().by_name.get(terminal.id)
        record = AppRecord(self._number, node.label if node is not None else terminal.id, expected)
        if self._backend is not None:
            shown, message = self.app(terminal).shows()
            record = replace(record, asked=True, shown=shown, message=message)
        self.result.apps.append(record)
        self._listener.app_finished(record)

    def expect(self, what: str, expected: object, found: object) -> None:
        """Expect something that was looked up to be so: said in words, and told with the run."""
        self._expect(what, str(expected), lambda _backend: str(found))

    @contextmanager
    def expect_refusal(self, code: str, what: str) -> Iterator[None]:
        """Expect the one call that is made inside, `what` in words, to be refused with the provider's code."""
        noted, found = len(self.clouds.refusals), "no refusal"
        try:
            yield
        except CloudError as error:
            found = error.code
        found = next((refusal.code for refusal in self.clouds.refusals[noted:]), found)
        del self.clouds.refusals[noted:]
        self.expect(what, code, found)

    def expect_mail(self, address: str, *holding: str) -> Mail:
        """Expect one mail to an address that nobody has expected yet, and words in it, which may be secret: they are not told.

        Returns the mail, or an empty one.
        """
        new = [mail for mail in self.mailbox.to(address) if mail not in self._read]
        self._read += new
        lacking = sum(not any(word in mail.text for mail in new) for word in holding)
        found = f"{len(new)}, without {lacking} of {len(holding)} words" if new and lacking else str(len(new))
        self.expect(f"mail to {address}", "1", found)
        return new[-1] if new else Mail(address, "", "")

    def expect_name(self, machine: Instance, name: str, *addresses: str) -> None:
        """Expect that a machine's programs learn these addresses of a name, in any order, or none."""
        label = _label(self.compile(), machine.id)
        self._expect(f"{name} on {label}", _listed(addresses), lambda backend: _listed(backend.look_up(machine.id, name)))

    def expect_usage(self, smart_ag_id: str, user_name: str, *, used: int, over: int = 0) -> None:
        """Expect the account of a SAG app instance to have used so many bytes this month, and so many more than its data plan."""
        self._expect(
            f"traffic of {user_name} this month",
            _told_usage(used, over),
            lambda backend: self._usage(smart_ag_id, user_name) if backend.meters() else None,
        )

    def _usage(self, smart_ag_id: str, user_name: str) -> str:
        flows = self.alibaba.describe_user_flow_statistics(smart_ag_id)
        return next(_told_usage(flow.total_bytes, flow.over_bytes) for flow in flows if flow.user_name == user_name)

    def _expect(self, what: str, expected: str, look: Callable[[Backend], str | None]) -> None:
        if self.clouds.leaving_out:
            return
        record = FactRecord(self._number, what, expected)
        if self._backend is not None:
            self._follow(self._backend)
            record = replace(record, found=look(self._backend))
        self.result.facts.append(record)
        self._listener.fact_finished(record)

    def fail(self, machine: Instance) -> None:
        """Let a gateway's machine fail, as by kill -9 of what makes it one. It is started anew by itself."""
        if self.clouds.leaving_out:
            return
        if self._backend is not None:
            self._follow(self._backend)
            self._backend.fail(machine.id)
            self.apps.renew([machine.id])
            return
        phone = self.compile().by_name[machine.id].phone
        for online in (False, True):
            if phone is not None:
                self.hear(phone.serial_number, online=online)
        self.settle()

    def expect_event(self, gateway: Gateway, name: str, *, within: float = EVENT_WITHIN) -> None:
        """Wait for an event of a gateway that nobody has waited for yet, so many seconds at most, and expect it to come."""
        if self.clouds.leaving_out:
            return
        record = EventRecord(self._number, gateway.name or gateway.id, name)
        self._listener.event_started(record)
        if self._backend is not None:
            record = replace(record, asked=True, came=self._await_event(self._backend, gateway.id, name, within))
        self.result.events.append(record)
        self._listener.event_finished(record)

    def _await_event(self, backend: Backend, gateway_id: str, name: str, within: float) -> bool:
        deadline = time.monotonic() + within
        while True:
            self._listen(backend)
            found = next((event for event in self._events if (event.resource_id, event.name) == (gateway_id, name)), None)
            if found is not None:
                self._events.remove(found)
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)  # a poll of the condition, with the deadline above

    def _listen(self, backend: Backend) -> None:
        """Let the clouds, and the network, follow what the backend says of devices."""
        heard = [self.hear(serial_number, online=online) for serial_number, online in backend.device_news()]
        if any(heard):
            self._applied = None  # what has died is started anew by that
        self._follow(backend)

    def hear(self, serial_number: str, *, online: bool) -> bool:
        """A device was found to serve nobody any more, or to serve again. Returns whether that is news to the cloud."""
        for gateway in self.cloud.store.by(SmartAccessGateway, "serial_numbers", serial_number):
            if any(device.serial_number == serial_number and device.online != online for device in gateway.devices):
                self.alibaba.report_device_state(serial_number, online=online)
                return True
        return False

    def settle(self) -> list[SystemEvent]:
        """Let the customer's scripts act on what has happened. Returns the events that are new."""
        news = self._automations.settle()
        self._events += news
        return news

    def expect_throughput(
        self, source: Instance, destination: Instance, protocol: str, megabits: float, *, within: float, seconds: float = 2.0
    ) -> None:
        """Send more than passes, and expect so many Mbit/s to arrive, within a share of that.

        `protocol` is "tcp", of which what its user gets counts, or "udp", of which IP packets do. Measured for some seconds.
        """
        if self.clouds.leaving_out:
            return
        ends = self._prepare(source, destination, 0)
        record = FlowRecord(self._number, ends.source, ends.destination, protocol, megabits * 1e6, within)
        self._listener.flow_started(record)
        if self._backend is not None and ends.source_address is not None and ends.destination_address is not None:
            self._follow(self._backend)
            way = Echo(source.id, ends.source_address, ends.destination_address)
            record.measured = self._backend.flow(way, protocol, rate=_OVER * record.expected, seconds=seconds)
        self.result.flows.append(record)
        self._listener.flow_finished(record)

    def _follow(self, backend: Backend) -> Topology:
        """Make the running network what the clouds are now."""
        self.settle()
        topology = self.compile()
        if topology != self._applied:
            backend.apply(topology)
            self._applied = topology
        return self._follow(backend) if self.apps.reconnect(backend) else topology

    def _followed(self) -> Topology:
        return self.compile() if self._backend is None else self._follow(self._backend)

    @property
    def _number(self) -> str:
        """The number of the step that is being done; empty outside any."""
        return self._steps[-1].number if self._steps else ""

    def _records_of(self, step: StepResult) -> list[Expectation]:
        return [record for record in self.result.records if record.step == step.number]

    def _prepare(self, source: Instance, destination: Instance, expected: int) -> PingRecord:
        topology = self.compile()
        ends = [_end(topology, instance.id) for instance in (source, destination)]
        missing = [instance.id for instance, end in zip((source, destination), ends, strict=True) if end is None]
        (source_label, source_address), (label, address) = (
            end or (instance.id, None) for instance, end in zip((source, destination), ends, strict=True)
        )
        problem = f"{' and '.join(missing)} does not run" if missing else ""
        step = self._number
        return PingRecord(step, source.id, source_label, label, source_address, address, expected, NO_PING, problem=problem)

    def _send(self, backend: Backend, ping: PingRecord, node: str, count: int) -> None:
        topology = self._follow(backend)
        self.result.stray += blames(topology, backend.new_drops())
        assert ping.source_address is not None and ping.destination_address is not None  # noqa: S101, PT018 - no problem, no None
        ping.result = backend.ping(node, ping.source_address, ping.destination_address, count=count)
        ping.drops += blames(topology, backend.new_drops())


def blames(topology: Topology, drops: Sequence[Drop]) -> list[Blame]:
    """Drops with the names that a person knows their places by."""
    return [Blame(drop, topology.by_name[drop.node].label, _behind(topology, drop)) for drop in drops]


def _asked(record: StatusRecord, topology: Topology, ends: Sequence[StatusEnd]) -> StatusRecord:
    """What the ends said, with the names that a person knows."""
    told = tuple(replace(end, node=topology.by_name[end.node].label) for end in ends)
    reason = next((end.reason for end in told if end.reason), "" if told else NOBODY[record.kind])
    return replace(record, ends=told, reason=reason)


def _diagnosed(cloud: Cloud, gateway_id: str) -> tuple[Finding, ...]:
    from lab.diagnosis import diagnose_smart_access_gateway  # stands above, on what replays scenarios

    return tuple(
        Finding(str(item.check), item.finding, item.advice) for item in diagnose_smart_access_gateway(cloud, gateway_id).errors
    )


def _listed(addresses: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, addresses))) or "nothing"


def _told_usage(used: int, over: int) -> str:
    return f"{used:,} bytes, {over:,} beyond the data plan"


def _behind(topology: Topology, drop: Drop) -> str:
    """The label of the machine behind the interface that a drop happened at; empty where there is none."""
    far = topology.far_end.get((drop.node, drop.place.where))
    node = topology.by_name[far[0]] if far else None
    return node.label if node is not None and node.kind in MACHINES else ""


def _label(topology: Topology, end: str) -> str:
    """What a person calls a machine; an address, and a machine that does not run, goes by itself."""
    try:
        return topology.node_of(end).label
    except KeyError:
        return end


def _end(topology: Topology, instance_id: str) -> tuple[str, IPv4Address] | None:
    """The name and the private address of a machine; None when it does not run."""
    try:
        node = topology.node_of(instance_id)
    except KeyError:
        return None
    return node.label, node.own_address
