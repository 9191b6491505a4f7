"""Which of the steps that were left out a drop is due to.

Asked of the model, not of a table: the network is compiled as it would be had the step been done. A step matters to a ping if
the packet would then not die, or not there; to a drop of no known packet if what decides at its place would then differ.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence

from lab.drops import Drop, Filter
from lab.results import PingRecord
from lab.simulation import Probe, Simulation
from lab.topology import EniGate, Gate, Node, PeerAuthentication, Route, RouteTable, Side, Stage, Topology, Tunnel

Counterfactual = Callable[[frozenset[str]], Topology]  # the network with exactly these steps left out


def attribute_ping(ping: PingRecord, left_out: Sequence[str], network: Counterfactual) -> tuple[str, ...]:
    """The steps that a ping's failure is due to."""
    return _attribute(lambda topology: _fate(topology, ping), left_out, network)


def attribute_drop(drop: Drop, left_out: Sequence[str], network: Counterfactual) -> tuple[str, ...]:
    """The steps that a drop outside any ping is due to."""
    return _attribute(lambda topology: _decider(topology, drop), left_out, network)


def _attribute(view: Callable[[Topology], Hashable], left_out: Sequence[str], network: Counterfactual) -> tuple[str, ...]:
    """Each step that alone would change what is viewed, or else the fewest that do so together."""
    everything = frozenset(left_out)
    now = view(network(everything))

    def matters(done: Collection[str]) -> bool:
        return view(network(everything - set(done))) != now

    alone = tuple(step for step in left_out if matters([step]))
    if alone or not matters(left_out):
        return alone
    together = list(left_out)
    for step in left_out:
        rest = [other for other in together if other != step]
        if matters(rest):
            together = rest
    return tuple(together)


def _fate(topology: Topology, ping: PingRecord) -> Hashable:
    """How a ping ends: answered, or where its request or its reply dies, and why."""
    if ping.source_address is None or ping.destination_address is None or ping.node not in topology.by_name:
        return None
    probe = Probe(ping.source_address, ping.destination_address, "icmp", source_port=1)
    exchange = Simulation(topology).exchange(probe, ping.node)
    last = exchange.reply or exchange.request
    return last is exchange.reply, last.verdict, last.reason, last.at and last.at.node.name


def _decider(topology: Topology, drop: Drop) -> Hashable:
    """What decides at the place of a drop, without the origins: they differ in number even where nothing else does."""
    node = topology.by_name.get(drop.node)
    if node is None:
        return None
    where = drop.place.where
    match drop.place.filter:
        case Filter.SOURCE_CHECK | Filter.DESTINATION_CHECK:
            return tuple(_check(gate) for gate in node.checks if gate.interface == where)
        case Filter.ROUTE:
            return node.kind, tuple(_table(table) for table in node.tables if table.resource == where)
        case Filter.TUNNEL | Filter.HANDSHAKE:
            return tuple(_tunnel(service) for service in node.services)
        case _:
            return tuple(_gate(gate) for gate in _gates(node, drop))


def _gates(node: Node, drop: Drop) -> list[Gate]:
    stages = {Filter.EGRESS: Stage.EGRESS, Filter.INGRESS: Stage.INGRESS, Filter.NETWORK_ACL: Stage.ACL, Filter.EDGE: Stage.EDGE}
    return [gate for gate in node.gates if gate.interface == drop.place.where and gate.stage is stages[drop.place.filter]]


def _check(gate: EniGate) -> Hashable:
    return gate.check


def _gate(gate: Gate) -> tuple[Side, Stage, Hashable, bool]:
    return gate.side, gate.stage, tuple((rule.match, rule.permit) for rule in gate.rules), gate.default


def _table(table: RouteTable) -> Hashable:
    return table.number, tuple(_route(route) for route in table.routes)


def _route(route: Route) -> Hashable:
    return route.destination, route.interface, route.via, route.drop


def _tunnel(service: Tunnel) -> Hashable:
    return tuple((peer.name, peer.prefixes, peer.endpoint, _proof(peer.authentication)) for peer in service.peers)


def _proof(authentication: PeerAuthentication) -> Hashable:
    return authentication.local, authentication.remote, authentication.key
