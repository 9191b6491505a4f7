"""Hypothesis strategies for packets: who sends what to whom, allowed or not, up to the edges of TTL and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lab.agreement.pair import Question
from lab.agreement.states import SPARE_ADDRESSES, world
from lab.agreement.world import addresses_in
from lab.compiler import compile_topology
from lab.emulation.probe import UDP_PORTS
from lab.simulation import Probe
from lab.topology import Topology

TCP_PORTS = (22, *UDP_PORTS)
ICMP_KINDS = ((8, 0), (8, 0), (8, 0), (8, 0), (8, 1), (13, 0), (17, 0), (0, 0))
# What a ping sends (84), and around the MTU of a tunnel (1438) and of a link (1500), and several fragments.
SIZES = (84, 84, 84, 84, 84, 84, 1437, 1438, 1439, 1500, 1501, 3000)
TTLS = (64, 64, 64, 64, 64, 64, 1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Ask:
    """A packet that a machine, by its name, is to send. It has the machine's own address unless `spoofed`."""

    machine: str
    probe: Probe
    spoofed: bool = False

    def __str__(self) -> str:
        return f"{self.machine}{' (spoofed)' if self.spoofed else ''}: {self.probe}"


def asks(number: int) -> SearchStrategy[list[Ask]]:
    """So many packets."""
    return st.lists(_ask(), min_size=number, max_size=number)


def questions(topology: Topology, wanted: Sequence[Ask]) -> list[Question]:
    """The packets as they can be sent: for a machine that does not run, the next one that does sends."""
    return [_question(topology, ask) for ask in wanted]


def _question(topology: Topology, ask: Ask) -> Question:
    names = list(world().machines)
    start = names.index(ask.machine)
    candidates = [topology.by_name.get(world().machines[name]) for name in names[start:] + names[:start]]
    sender = next(node for node in candidates if node is not None)
    own = sender.interfaces[0].addresses[0].ip
    return Question(sender.name, ask.probe if ask.spoofed else replace(ask.probe, source=own))


def _ask() -> SearchStrategy[Ask]:
    machines = st.sampled_from(tuple(world().machines))
    own = st.builds(Ask, machines, st.one_of(_icmp(), _with_ports("tcp", TCP_PORTS), _with_ports("udp", UDP_PORTS)))
    return st.one_of(own, own, own, own, st.builds(Ask, machines, _icmp(), spoofed=st.just(True)))


def _icmp() -> SearchStrategy[Probe]:
    return _probes(protocol=st.just("icmp"), icmp=st.sampled_from(ICMP_KINDS))


def _with_ports(protocol: str, ports: tuple[int, ...]) -> SearchStrategy[Probe]:
    return _probes(protocol=st.just(protocol), destination_port=st.sampled_from(ports))


def _probes(**fields: SearchStrategy[Any]) -> SearchStrategy[Probe]:
    everybody = (*addresses_in(compile_topology(world().cloud)), *map(IPv4Address, SPARE_ADDRESSES))
    return st.builds(
        Probe,
        source=st.sampled_from(everybody),
        destination=st.sampled_from(everybody),
        ttl=st.sampled_from(TTLS),
        size=st.sampled_from(SIZES),
        dont_fragment=st.booleans(),
        **fields,
    )
