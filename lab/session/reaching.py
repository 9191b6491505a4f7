"""Expectations of packets: who reaches whom, and how much passes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Address
from itertools import permutations
from typing import TYPE_CHECKING

from lab.backend import Backend
from lab.contact import Contact, ContactRecord, differences
from lab.drops import Drop
from lab.results import Blame, Echo, FlowRecord, PingRecord, PingResult, ReachRecord
from lab.session.ground import Ground, Instance, label_of
from lab.topology import MACHINES, Topology

if TYPE_CHECKING:
    pass

_OVER = 1.2  # times what may pass is sent, to see what does

NO_PING = PingResult(0, 0, None)


class ReachExpectations(Ground):
    """Who reaches whom."""

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
        record.drops += blames(topology, backend.new_drops(lost=len(pairs) - len(record.answered)))

    def expect_contact(self, wanted: Contact) -> None:
        """Send one packet, and expect that its answer comes back, or that it does not, as `wanted` says.

        Where packets are really sent, what is seen is held against what the simulation foretells.
        """
        if self.clouds.leaving_out:
            return
        topology = self.compile()
        record = ContactRecord(self._number, label_of(topology, wanted.source), label_of(topology, wanted.destination), wanted)
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
        ping.drops += blames(topology, backend.new_drops(lost=ping.result.lost))


def blames(topology: Topology, drops: Sequence[Drop]) -> list[Blame]:
    """Drops with the names that a person knows their places by."""
    return [Blame(drop, topology.by_name[drop.node].label, _behind(topology, drop)) for drop in drops]


def _behind(topology: Topology, drop: Drop) -> str:
    """The label of the machine behind the interface that a drop happened at; empty where there is none."""
    far = topology.far_end.get((drop.node, drop.place.where))
    node = topology.by_name[far[0]] if far else None
    return node.label if node is not None and node.kind in MACHINES else ""


def _end(topology: Topology, instance_id: str) -> tuple[str, IPv4Address] | None:
    """The name and the private address of a machine; None when it does not run."""
    try:
        node = topology.node_of(instance_id)
    except KeyError:
        return None
    return node.label, node.own_address
