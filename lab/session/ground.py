"""What a lab's expectations stand on: the clouds to configure, the steps to keep to, the network that follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

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
from lab.errors import UsageError
from lab.listener import Listener
from lab.mailbox import Mailbox
from lab.meters import grown
from lab.results import Effect, Expectation, Outcome, RunResult, StepResult
from lab.software import with_software
from lab.topology import NodeKind, Software, Topology

if TYPE_CHECKING:
    from lab.explanation.call import Call
    from lab.explanation.state import State

T = TypeVar("T")


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


class Ground:
    """What was configured and done so far, and the network that shows it. `Lab` has its parameters' meaning."""

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

    def read_meters(self) -> None:
        """Let the clouds know what the points of presence have counted of accounts by now. Each call does so first."""
        readings = () if self._backend is None else grown(self.cloud, self._backend.meters())
        if readings:
            self.clouds.call("alibaba", "report_client_usage", (readings,), {}, ADMINISTRATOR)

    def on_event(self, handler: Handler) -> None:
        """Have a script of the customer's run from now on, whenever the provider tells of an event of a gateway."""
        if not self.clouds.leaving_out:
            self._automations.add(handler)

    @property
    def scripts(self) -> tuple[Handler, ...]:
        """The customer's, which run at each event."""
        return self._automations.handlers

    def take_scripts(self, rehearsal: Ground) -> bool:
        """Run the scripts of another lab, in which the scenario was run again with this one's seed; they call this one's clouds.

        Returns whether it can be: what they speak of has to be there.
        """
        if not rehearsal._automations.fit(self.cloud):
            return False
        rehearsal.clouds.stand_for(self.clouds)
        for script in rehearsal.scripts:
            self._automations.add(script)
        return True

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


def label_of(topology: Topology, end: str) -> str:
    """What a person calls a machine; an address, and a machine that does not run, goes by itself."""
    try:
        return topology.node_of(end).label
    except KeyError:
        return end
