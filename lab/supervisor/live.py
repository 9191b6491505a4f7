"""A lab that is up: its clouds, the network that follows them, and what can be asked of both. For one thread."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from lab.cloud import CloudError
from lab.compiler import compile_topology
from lab.errors import LabError, MachineError
from lab.explanation import Question, explain
from lab.explanation.question import find_destination, find_machine
from lab.results import PingRecord, PingResult, RunResult
from lab.scenario import Scenario
from lab.session import Lab, blames
from lab.supervisor.answers import Condition, LabInfo, NodeInfo, Status, Traced, TunnelInfo
from lab.supervisor.backend import EmulationBackend
from lab.supervisor.events import EventLog, Reporter
from lab.supervisor.keeping import Keeping
from lab.supervisor.observation import disagreements
from lab.supervisor.observe import send
from lab.supervisor.operations import find_operation
from lab.supervisor.run import run_on
from lab.supervisor.tunnels import tunnels_of
from lab.topology import Topology


class LiveLab:
    """`info` may be read by any thread; everything else belongs to the thread that made it."""

    def __init__(self, info: LabInfo, keeping: Keeping, log: EventLog, *, cipher: str) -> None:
        self.info = info
        self.log = log
        self._keeping = keeping
        self._reporter = Reporter(log)
        self._backend = EmulationBackend(cipher=cipher, progress=self._reporter.phase)
        self._lab = Lab(info.scenario)
        self._vpn: dict[tuple[str, str], str] = {}

    # Up

    def replay(self, scenario: Scenario) -> RunResult:
        """Run a scenario and keep what it configures; afterwards the network is as the clouds are."""
        left_out = self.info.left_out
        self._lab = Lab(scenario.name, skip=left_out, backend=self._backend, listener=self._reporter)
        self._keeping.begin(scenario.name, left_out, self._lab.clouds.seed, self._lab.cloud)
        result = run_on(self._lab, scenario)
        if result.error:
            raise LabError(f"the scenario ended early: {result.error}")
        self._keeping.complete()
        self._apply()
        return result

    def restore(self) -> None:
        """Bring a lab back as it was configured when it ended."""
        self._lab = Lab(self.info.scenario, seed=self._keeping.seed(), backend=self._backend, listener=self._reporter)
        self._keeping.restore(self._lab.cloud)
        self._apply()

    # What can be done

    def call(self, provider: str, name: str, given: Mapping[str, Any]) -> Any:
        """Make a call, and let the network follow at once. Raises CloudError, UsageError, and MachineError for the network."""
        operation = find_operation(provider, name)
        arguments = operation.arguments(given)
        told = f"{provider}.{name}({', '.join(arguments)})"
        try:
            answer = getattr(getattr(self._lab.cloud, provider), name)(**arguments)
        except CloudError as error:
            self.log.add("refusal", f"{told}: {error}", code=error.code, message=error.message)
            raise
        self.log.add("call", told)
        self._apply()
        return answer

    def ping(self, source: str, destination: str, count: int) -> PingRecord:
        """Ping a machine or an address from a machine. Raises UsageError for an unknown one."""
        topology = self._topology
        start, goal = find_machine(topology, source), find_destination(topology, destination)
        ping = PingRecord("", start.resource, start.label, goal.label, start.address, goal.address, count, PingResult(0, 0, None))
        self._reporter.ping_started(ping)
        self._backend.new_drops()  # what was dropped before is not about this ping
        ping.result = self._backend.ping(start.node, start.address, goal.address, count=count)
        ping.drops = blames(topology, self._backend.new_drops())
        self._reporter.ping_finished(ping)
        return ping

    def trace(self, question: Question, *, width: int, colour: bool) -> Traced:
        """Say what becomes of a packet, send it, and compare. Raises UsageError."""
        from lab.report.explanation import explanation_json, render_explanation  # only when it is asked for

        explanation = explain(self._lab.cloud, question)
        observed = send(self._emulation, explanation) if explanation.fate.exchange is not None else None
        found = disagreements(explanation, observed) if observed is not None else []
        told = {"scenario": self.info.name, "observed": observed, "disagreements": found}
        return Traced(
            explanation.reaches,
            not found,
            render_explanation(explanation, width=width, colour=colour, **told),
            explanation_json(explanation, left_out=self.info.left_out, **told),
        )

    # What can be asked

    def nodes(self) -> tuple[NodeInfo, ...]:
        emulation = self._emulation
        names = self._backend.names
        return tuple(
            NodeInfo(
                name=names[node.name],
                label=node.label,
                kind=node.kind.value,
                provider=node.provider,
                resource=node.resource,
                addresses=tuple(str(address.ip) for interface in node.interfaces for address in interface.addresses),
                interfaces=tuple(interface.name for interface in node.interfaces),
                entry=tuple(emulation.machines[node.name].entry()),
            )
            for node in self._topology.nodes
        )

    def status(self) -> Status:
        return Status(self.info, self.nodes(), self._tunnels())

    def watch(self) -> None:
        """Note which tunnels have changed their VPN status."""
        for tunnel in self._tunnels():
            before = self._vpn.get((tunnel.node, tunnel.peer))
            self._vpn[tunnel.node, tunnel.peer] = tunnel.vpn_status
            if before != tunnel.vpn_status:
                why = f" ({tunnel.reason})" if tunnel.reason else ""
                self.log.add("vpn status", f"VPN status of {tunnel.peer} at {tunnel.node}: {tunnel.vpn_status}{why}", tunnel=tunnel)

    def close(self, *, forget: bool) -> None:
        """End the network. What is kept stays, or is removed as well."""
        self._keeping.close(forget=forget)
        self._backend.close()

    def _tunnels(self) -> tuple[TunnelInfo, ...]:
        emulation = self._backend.emulation
        return tunnels_of(emulation.tunnel_status(), self._backend.names) if emulation is not None else ()

    def _apply(self) -> None:
        started = time.monotonic()
        self._backend.apply(compile_topology(self._lab.cloud))
        self.log.add("applied", f"the network follows, after {time.monotonic() - started:.2f} s")

    @property
    def _emulation(self) -> Any:
        emulation = self._backend.emulation
        if emulation is None:
            raise MachineError(f"the network of {self.info.name} is not built yet ({self.info.condition})")
        return emulation

    @property
    def _topology(self) -> Topology:
        topology = self._emulation.topology
        assert isinstance(topology, Topology)  # noqa: S101
        return topology


__all__ = ["Condition", "LiveLab"]
