"""The gates of all nodes: nftables rules, each node's in one transaction, and what they count."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Address

from lab.drops import Drop, Place
from lab.emulation.machine import Machine
from lab.emulation.ruleset import SINK, TABLE, render
from lab.topology import Node, translated_otherwise


class Gates:
    """Those of the nodes behind `machines`. A node that forwards has some, and a sink for what its routes send nowhere."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._machines = machines
        self._loaded: dict[str, Node] = {}
        self._counters: dict[str, dict[str, Place]] = {}

    def load(self, node: Node) -> None:
        """Make the gates of a node what they are to be, those that are already so untouched. Raises MachineError."""
        before = self._loaded.get(node.name)
        if node == before or not (node.forwards or before):
            return
        machine = self._machines[node.name]
        if before is None:
            machine.add_veth_pair(SINK)
        machine.set_forwarding(node.forwards)
        ruleset = render(node)
        machine.run_nft(ruleset.text)
        self._counters.setdefault(node.name, {}).update(ruleset.counters)
        forgotten = translated_otherwise(before, node) if before is not None else set()
        if forgotten:
            _forget_connections(machine, forgotten)
        self._loaded[node.name] = node

    def forget(self, name: str) -> None:
        """The node is gone."""
        for memory in (self._loaded, self._counters):
            memory.pop(name, None)

    def drops(self) -> Iterator[tuple[tuple[str, str], Drop]]:
        """What every gate has dropped so far, by machine and counter."""
        for name, counters in self._counters.items():
            machine = self._machines[name]
            for counter, packets in _read_counters(machine).items():
                yield (machine.name, counter), Drop(name, counters[counter], packets)


def _forget_connections(machine: Machine, addresses: Collection[IPv4Address]) -> None:
    from lab.emulation.conntrack import forget_connections  # few networks need it, and it takes long to load

    forget_connections(machine, addresses)


def _read_counters(machine: Machine) -> dict[str, int]:
    listing = json.loads(machine.run_nft(f"list counters table inet {TABLE}", json=True))
    return {entry["counter"]["name"]: entry["counter"]["packets"] for entry in listing["nftables"] if "counter" in entry}
