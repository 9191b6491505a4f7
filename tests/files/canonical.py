"""Two Topologies made in different orders of calls, compared without what that order decides.

Identifiers, secrets, the addresses of transfer links, the numbers of tables, and origins follow from the order of the calls. Here
each name is replaced by what it stands for: a node by its kind and label, an interface by its node and the far end, a secret by
nothing; what has no order of its own is sorted.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from lab.origin import Origin
from lab.topology import Node, Route, RouteTable, Topology

_TRANSFER = IPv4Network("100.64.0.0/11")
_UNORDERED = {"interfaces", "tables", "routes", "checks", "gates", "nats", "peers", "selected_by", "links", "nodes"}
_SECRET = {"key", "secret_key", "serial_number", "local", "remote", "certificate"}
_ID = re.compile(r"\b(?:[a-z]+-[0-9a-z]{11,17}|sag[0-9a-z]{20})\b")  # of a resource, or the serial number of a device


def canonical(topology: Topology) -> Any:
    """Something that is equal for two Topologies that describe the same network."""
    return _Canon(topology).topology()


class _Canon:
    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._nodes = {node.name: f"{node.kind} {node.label}" for node in topology.nodes}
        assert len(set(self._nodes.values())) == len(self._nodes), "labels must be unique to compare by them"

    def topology(self) -> Any:
        nodes = sorted((self._node(node) for node in self._topology.nodes), key=repr)
        links = sorted(sorted([self._end(*link.a), self._end(*link.b)]) for link in self._topology.links)
        return {"nodes": nodes, "links": links}

    def _end(self, node: str, interface: str) -> str:
        """An interface by what lies behind it: for a machine its own name, which tells its place."""
        far = self._topology.far_end.get((node, interface))
        return f"{self._nodes[node]}:{self._nodes[far[0]] + ':' + self._short(far[1]) if far else self._short(interface)}"

    def _short(self, interface: str) -> str:
        return interface if not _ID.search(interface) and "-" not in interface else ""

    def _node(self, node: Node) -> Any:
        return self._value(node, node.name)

    def _value(self, value: Any, node: str, field: str = "") -> Any:
        if isinstance(value, Origin) or field in _SECRET:
            return None
        if isinstance(value, RouteTable):
            return {
                "routes": self._sorted(value.routes, node, "routes"),
                "by": self._sorted(value.selected_by, node, "interface"),
            }
        if isinstance(value, Route) and value.destination.subnet_of(_TRANSFER):
            return "a transfer link"
        if is_dataclass(value) and not isinstance(value, type):
            return {one.name: self._value(getattr(value, one.name), node, one.name) for one in fields(value) if one.compare}
        if isinstance(value, (tuple, list, frozenset)):
            return self._sorted(value, node, field) if field in _UNORDERED else [self._value(one, node, field) for one in value]
        return self._scalar(value, node, field)

    def _sorted(self, values: Any, node: str, field: str) -> Any:
        return sorted((self._value(one, node, field) for one in values), key=repr)

    def _scalar(self, value: Any, node: str, field: str) -> Any:
        if isinstance(value, (IPv4Interface, IPv4Address)):
            address = value.ip if isinstance(value, IPv4Interface) else value
            return "transfer" if address in _TRANSFER else str(value)
        if isinstance(value, Enum) or not isinstance(value, str):
            return str(value)
        if field == "interface" or (field == "name" and (node, value) in self._topology.far_end):
            return self._end(node, value)
        if value in self._nodes:
            return self._nodes[value]
        return _ID.sub("id", value)
