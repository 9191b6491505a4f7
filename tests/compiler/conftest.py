"""Walks over compiled clouds: what becomes of a packet, and of the answer to it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from lab.cloud import Cloud
from lab.compiler import compile_topology
from lab.simulation import Probe, Simulation

Fate = Callable[..., str]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(b"tests of the compiler")


@pytest.fixture
def fate(cloud: Cloud) -> Fate:
    """ "there and back", or the code of the drop with its way: "there: CODE" or "back: CODE".

    `source` is a machine's id; its packet bears the first of its own addresses, or `from_`.
    """

    def walk(source: str, to: str, protocol: str = "icmp", port: int = 0, *, from_: str = "") -> str:
        topology = compile_topology(cloud)
        node = topology.node_of(source)
        own = IPv4Address(from_) if from_ else node.interfaces[0].addresses[0].ip
        ports = {} if protocol == "icmp" else {"source_port": 40000, "destination_port": port}
        exchange = Simulation(topology).exchange(Probe(own, IPv4Address(to), protocol, **ports), source)
        for way, done in (("there", exchange.request), ("back", exchange.reply)):
            if done is None:
                return f"{way}: nothing"
            if done.reason is not None:
                return f"{way}: {done.reason}"
        return "there and back"

    return walk
