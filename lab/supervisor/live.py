"""A lab that is up: its clouds, the network that follows them, and what can be asked of both. For one thread."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lab.cloud import CloudError, Identity, Mail
from lab.cloud.alibaba.app.resources import SagApp
from lab.cloud.identity import ADMINISTRATOR
from lab.diagnosis import Diagnosis, diagnose_smart_access_gateway, find_gateway
from lab.drawing import Picture, asked_title, asked_walks, expected_walks, paint, unwanted
from lab.emulation.emulation import Emulation
from lab.errors import LabError, MachineError, UsageError
from lab.explanation import Question
from lab.explanation.question import find_destination, find_machine
from lab.explanation.state import State
from lab.impairments import Order, parse_impairments
from lab.meters import grown
from lab.monitoring import Traffic, Window
from lab.results import PingRecord, PingResult, RunResult
from lab.scenario import Scenario
from lab.session import Lab, blames
from lab.smtp import SmtpMailbox
from lab.supervisor.answers import AppShown, Condition, DeviceInfo, LabInfo, LinkInfo, NodeInfo, Status, Traced, TunnelInfo
from lab.supervisor.apps import app_shown, find_terminal
from lab.supervisor.backend import EmulationBackend
from lab.supervisor.devices import devices_of
from lab.supervisor.events import EventLog, Reporter
from lab.supervisor.failures import NotKept
from lab.supervisor.keeping import Keeping
from lab.supervisor.links import link_names, told_way
from lab.supervisor.metering import Metering
from lab.supervisor.operations import find_operation
from lab.supervisor.options import NetworkOptions
from lab.supervisor.run import run_on
from lab.supervisor.tracing import trace
from lab.supervisor.tunnels import tunnels_of
from lab.topology import Node


class LiveLab:
    """`info` may be read by any thread; everything else belongs to the thread that made it."""

    def __init__(self, info: LabInfo, keeping: Keeping, log: EventLog, options: NetworkOptions) -> None:
        self.info = info
        self._log = log
        self._keeping = keeping
        self._reporter = Reporter(log)
        self._backend = EmulationBackend(replace(options, meters=keeping.meters), self._reporter.phase)
        self._mailbox = SmtpMailbox(options.smtp)
        self._lab = Lab(info.scenario, mailbox=self._mailbox)
        self._vpn: dict[tuple[str, str], str] = {}
        self._control: dict[str, str] = {}
        self._metering = Metering(keeping.traffic, log)

    # Up

    def replay(self, scenario: Scenario) -> RunResult:
        """Run a scenario and keep what it configures; afterwards the network is as the clouds are.

        Raises LabError when the scenario ends early.
        """
        left_out = self.info.left_out
        self._lab = Lab(scenario.name, skip=left_out, backend=self._backend, listener=self._reporter, mailbox=self._mailbox)
        self._keeping.begin(scenario.name, left_out, self._lab.clouds.seed, self._lab.cloud)
        result = run_on(self._lab, scenario)
        if result.error:
            raise LabError(f"the scenario ended early: {result.error}")
        self._keeping.complete(scripts=len(self._lab.scripts))
        self._lab.clouds.forget_plan()
        self._follow()
        return result

    def restore(self, scenario: Scenario | None = None) -> None:
        """Bring a lab back as it was configured when it ended, with the customer's scripts of its scenario, if that is given."""
        self._lab = Lab(self.info.scenario, seed=self._keeping.seed(), backend=self._backend, mailbox=self._mailbox)
        self._keeping.restore(self._lab.cloud)
        if scenario is not None:
            self._take_scripts(scenario)
        self._lab.apps.renew()
        self._follow()
        self._metering.begin(self._lab.cloud, self._backend.meters())

    def _take_scripts(self, scenario: Scenario) -> None:
        """Scripts are not kept: the scenario is run once more, without any network, to have them again."""
        rehearsal = Lab(scenario.name, skip=self.info.left_out, seed=self._keeping.seed())
        scenario.run(rehearsal)
        if self._lab.take_scripts(rehearsal):
            self._log.add("scripts", f"the customer's scripts run again ({len(rehearsal.scripts)})")
        else:
            told = f"{scenario.name} does something else than when the lab came up, so the customer's scripts do not run again"
            self._log.add("scripts", told)

    # What can be done

    def call(self, provider: str, name: str, given: Mapping[str, Any], identity: Identity = ADMINISTRATOR) -> Any:
        """Make a call, and let the network follow at once. Raises CloudError, UsageError, and MachineError for the network."""
        cloud = self._lab.cloud
        arguments = find_operation(provider, name).arguments(given)
        self._read_meters()
        told, made = f"{provider}.{name}({', '.join(arguments)})", len(cloud.journal)
        try:
            answer = cloud.call(provider, name, (), arguments, identity)
        except CloudError as error:
            self._log.add("refusal", f"{told}: {error}", code=error.code, message=error.message)
            raise
        if len(cloud.journal) > made:  # a describe_… call is not journalled
            self._log.add("call", told)
            self._note_undelivered()
            self._settle()
            self._follow()
        return answer

    def _read_meters(self) -> None:
        """Let the clouds know what was counted of clients by now."""
        cloud = self._lab.cloud
        readings = grown(cloud, self._backend.meters())
        if readings:
            cloud.alibaba.report_client_usage(readings)

    def _note_undelivered(self) -> None:
        for undelivered in self._mailbox.undelivered:
            mail = undelivered.mail
            self._log.add("mail", f"“{mail.subject}” did not reach {mail.to}: {undelivered.why}", to=mail.to, why=undelivered.why)
        self._mailbox.undelivered.clear()

    def ping(self, source: str, destination: str, count: int) -> PingRecord:
        """Ping a machine or an address from a machine. Raises UsageError for an unknown one."""
        topology = self._emulation.topology
        start, goal = find_machine(topology, source), find_destination(topology, destination)
        ping = PingRecord("", start.resource, start.label, goal.label, start.address, goal.address, count, PingResult(0, 0, None))
        self._reporter.ping_started(ping)
        self._backend.new_drops()  # what was dropped before is not about this ping
        ping.result = self._backend.ping(start.node, start.address, goal.address, count=count)
        ping.drops = blames(topology, self._backend.new_drops(lost=ping.result.lost))
        self._reporter.ping_finished(ping)
        return ping

    def trace(self, question: Question, *, width: int, colour: bool) -> Traced:
        """Say what becomes of a packet, send it, and compare. Raises UsageError."""
        state = State(self._lab.cloud, places=self._lab.places)
        links = link_names(self._emulation.topology, self._backend.names)
        return trace(state, self._emulation, question, links, lab=self.info.name, width=width, colour=colour)

    def picture(self, question: Question | None) -> Picture:
        """The network drawn, with what the scenario expects and is not so; or with the way of a packet that is asked about.

        Raises UsageError for an unknown machine.
        """
        cloud, topology = self._lab.cloud, self._emulation.topology
        walks = asked_walks(topology, question) if question is not None else expected_walks(topology, self._lab.result)
        arrive = [] if question is not None else unwanted(topology, self._lab.result)
        title, ask = asked_title(self.info.name, question), self._emulation.vpn_ends
        return paint(cloud, topology, walks, title=title, way=question is not None, ask=ask, unwanted=arrive)

    def use_app(self, terminal: str, operation: str, arguments: Mapping[str, str]) -> AppShown:
        """Let the user of a terminal's SAG app do something, or look at it. Raises UsageError for what is no terminal."""
        found = find_terminal(self._lab.cloud, terminal)
        self._lab.apps.use(found.id, operation, arguments)
        self._settle()
        shown = app_shown(self._lab.cloud, found, self._lab.app(found))
        if operation:
            self._log.add("used app", f"app of {shown.terminal}, {operation.replace('_', ' ')}: {shown.shows}", app=shown)
        return shown

    def authority(self) -> str:
        """What a program that speaks to the controller by itself is to trust, as PEM. Raises UsageError where there is none."""
        if not self._emulation.authority:
            raise UsageError(f"{self.info.name} has no controller: no machine phones home, and there is no terminal")
        return self._emulation.authority

    def _serve_apps(self) -> None:
        """Answer what apps have asked the controller for by themselves, and let the network follow."""
        made = len(self._lab.cloud.journal)
        self._emulation.serve(self._lab.apps.serve)
        if len(self._lab.cloud.journal) > made:
            self._log.add("used app", "an app was served that is none of the lab's own")
            self._settle()
            self._follow()

    def diagnose(self, gateway: str) -> Diagnosis:
        """Check a gateway, by its name or id, or the only one. Raises UsageError for an unknown one."""
        cloud, emulation = self._lab.cloud, self._emulation
        found = find_gateway(cloud, gateway)
        return diagnose_smart_access_gateway(
            cloud,
            found.id,
            topology=emulation.topology,
            said=emulation.control_reasons(),
            told=lambda call: call.command(self.info.name),
        )

    def impair(self, link: str, impairments: str, seed: str | None) -> list[LinkInfo]:
        """Have links do something to packets, and return them. Raises UsageError, and MachineError when it cannot be."""
        changed = self._backend.impair(link, Order(parse_impairments(impairments), seed))
        for info in changed:
            self._log.add("impaired", f"{info.name}: {info.impairments or 'nothing'} ({told_way(info)})", link=info)
        return changed

    def make_good(self, link: str) -> list[LinkInfo]:
        """Let a link, or, without a name, all of them, do nothing to packets any more. Returns those that did.

        Raises UsageError, and MachineError when it cannot be.
        """
        before = {info.name: info for info in self.links() if info.by}
        if link:
            self._backend.impair(link, None)
        else:
            self._backend.make_good()
        cleared = [info for info in self.links() if info.name in before and not info.by]
        for info in cleared:
            self._log.add("impaired", f"{info.name}: good again", link=info)
        return cleared

    def lifelines(self) -> Iterator[int]:
        """Descriptors of all processes that the network stands on, and of what they ask: when one is readable, `heal` is due."""
        return self._emulation.lifelines()

    def heal(self) -> None:
        """Answer what is asked, start anew what has died, and do what a call could not because of it.

        Raises MachineError when that is not possible.
        """
        started = time.monotonic()
        self._serve_apps()
        ended = self._emulation.ended_dataplanes()
        if self._lab.apps.renew(ended):
            self._follow()  # with other keys, before what has died is started anew with those that are spent
        self._listen()  # first, so that a device that stands by takes over before anything is started anew
        healed = self._emulation.heal()
        names = self._backend.names
        dead = [f"the dataplane of {names[node]}" for node in dict.fromkeys((*ended, *healed.dataplanes))]
        dead += [f"the line of {link_names(self._emulation.topology, names)[link]}" for link in healed.lines]
        dead += ["the controller and the devices' calls to it"] if healed.controller else []
        if dead:
            self._log.add("healed", f"started anew after {time.monotonic() - started:.2f} s: {', '.join(dead)}")
        if self._lab.compile() != self._emulation.topology:
            self._follow()

    def _listen(self) -> None:
        """Let the clouds, the customer's scripts and the network follow what was heard of devices."""
        news = self._backend.device_news()
        try:
            heard = [self._lab.hear(serial_number, online=online) for serial_number, online in news]
            self._settle()
        except NotKept as error:
            self._log.add("refusal", f"what was heard of a device is lost: {error}")
            return
        if any(heard) and self._lab.compile() != self._emulation.topology:
            self._follow()

    def _settle(self) -> None:
        """Let the customer's scripts act on the provider's events, and tell of these."""
        for event in self._lab.settle():
            self._log.add("cloud event", f"{event.name} of {event.resource_id}: {event.serial_number}", event=event)

    # What can be asked

    def mails(self, address: str) -> list[Mail]:
        """What was mailed to an address, or to anybody, since the lab came up."""
        return self._mailbox.to(address)

    def status(self) -> Status:
        nodes = tuple(self._node(node) for node in self._emulation.topology.nodes)
        tunnels, impaired = self._tunnels(), tuple(info for info in self.links() if info.by)
        return Status(self.info, nodes, tunnels, impaired, tuple(self._devices(tunnels)))

    def _devices(self, tunnels: Sequence[TunnelInfo]) -> Iterator[DeviceInfo]:
        emulation = self._emulation
        return devices_of(self._lab.cloud, emulation.topology, tunnels, emulation.control_ends, self._backend.names)

    def links(self, word: str = "") -> list[LinkInfo]:
        """The links that a word means, or all, and what they do to packets. Raises UsageError."""
        return self._backend.links(word)

    def traffic(self, gateway: str, window: str, identity: Identity = ADMINISTRATOR) -> Traffic:
        """What passed a gateway or an instance of the SAG app, by its name or id, or the only gateway.

        Raises UsageError, HistoryError when nothing is kept, and CloudError for somebody who may not see it.
        """
        self._lab.cloud.check_monitors(identity)  # before anything is said of what there is
        apps = [app for app in self._lab.cloud.store.all(SagApp) if gateway in (app.id, app.name)]
        found = apps[0] if len(apps) == 1 else find_gateway(self._lab.cloud, gateway)
        self._lab.cloud.check_monitors(identity, found)
        length = Window.of(window)
        self.watch()
        return self._metering.traffic(found.id, length)

    def metrics(self) -> str:
        """The lab in numbers, for Prometheus."""
        from lab.supervisor.metrics import exposition  # few ask, and it takes memory

        self.watch()
        names = {gateway.id: gateway.name for gateway in self._lab.alibaba.describe_smart_access_gateways()}
        totals = {device: counters for device, counters in self._metering.totals.items() if device.smart_ag_id in names}
        return exposition(self.info.nodes, self._tunnels(), totals, names)

    def watch(self) -> None:
        """Read the counters of the tunnels, and note which have another VPN status than the last time."""
        if not self._emulation.is_whole:
            self.heal()  # a call could not be followed to its end
        self._listen()
        try:
            said = self._emulation.tunnel_status()
        except MachineError:
            return  # one has just died, which is seen to before anything else
        self._metering.read(self._lab.cloud, said, self._backend.meters())
        tunnels = tunnels_of(said, self._backend.names)
        self._note_control(tunnels)
        for tunnel in tunnels:
            before = self._vpn.get((tunnel.node, tunnel.peer))
            self._vpn[tunnel.node, tunnel.peer] = tunnel.vpn_status
            if before != tunnel.vpn_status:
                told = f"{tunnel.vpn_status} ({tunnel.reason})" if tunnel.reason else tunnel.vpn_status
                self._log.add("vpn status", f"VPN status of {tunnel.peer} at {tunnel.node}: {told}", tunnel=tunnel)

    def _note_control(self, tunnels: Sequence[TunnelInfo]) -> None:
        for device in self._devices(tunnels):
            before = self._control.get(device.serial_number)
            self._control[device.serial_number] = device.control_reason
            if device.machine and before != device.control_reason:
                told = f"{device.control_status} ({device.control_reason})" if device.control_reason else device.control_status
                self._log.add("control status", f"Control Status of {device.machine} ({device.gateway}): {told}", device=device)

    def close(self) -> None:
        """Let go of what is kept, and end the capture. Raises MachineError when that could not be written."""
        self._metering.close()
        self._backend.end_capture()

    def _node(self, node: Node) -> NodeInfo:
        return NodeInfo(
            name=self._backend.names[node.name],
            label=node.label,
            kind=node.kind.value,
            provider=node.provider,
            resource=node.resource,
            addresses=tuple(str(address.ip) for interface in node.interfaces for address in interface.addresses),
            interfaces=tuple(interface.name for interface in node.interfaces),
            entry=tuple(self._emulation.machines[node.name].entry()),
        )

    def _tunnels(self) -> tuple[TunnelInfo, ...]:
        return tunnels_of(self._emulation.tunnel_status(), self._backend.names)

    def _follow(self) -> None:
        """Make the network what the clouds say."""
        started = time.monotonic()
        self._backend.apply(self._lab.compile())
        self.info = replace(self.info, condition=Condition.UP, nodes=len(self._emulation.topology.nodes))
        self._log.add("network", f"the network follows, after {time.monotonic() - started:.2f} s")

    @property
    def _emulation(self) -> Emulation:
        emulation = self._backend.emulation
        if emulation is None:
            raise MachineError(f"the network of {self.info.name} is not built yet")
        return emulation
