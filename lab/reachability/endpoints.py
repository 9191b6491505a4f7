"""The machines of a network by names that are the same in another network: "office/app" rather than an id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from lab.topology import MACHINES, Node, Topology


def node_names(topology: Topology) -> Mapping[str, str]:
    """A name for each node, by the node's own: what a person calls it, with the network in front for machines.

    Where several have one name, they are counted in the order of their making.
    """
    seen: Counter[str] = Counter()
    names = {}
    for node in topology.nodes:
        name = _name(topology, node)
        seen[name] += 1
        names[node.name] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names


def endpoints(topology: Topology) -> dict[str, Node]:
    """The machines that packets come from and go to, by their names."""
    names = node_names(topology)
    return {names[node.name]: node for node in topology.nodes if node.kind in MACHINES and node.interfaces[0].addresses}


def _name(topology: Topology, node: Node) -> str:
    if node.kind not in MACHINES:
        return f"{node.kind} {node.label}"
    far = topology.far_end.get((node.name, node.interfaces[0].name))
    home = topology.by_name[far[0]] if far is not None else None
    return f"{home.label}/{node.label}" if home is not None and home.resource else node.label
