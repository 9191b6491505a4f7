"""Would a mistake be noticed? The compiler is broken on purpose, one way at a time, and an expectation must fail each time.

A mistake of the compiler reaches both backends alike, so their agreement says nothing of it; what says it are expectations that
know of neither. A mistake of one backend is what agreement is for: `test_broken_emulation.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.compiler.draft import Draft
from lab.reasons import Reason
from lab.topology import ANY, Gate, Node, NodeKind, Route, RouteTable, Rule, Stage, Topology
from tests.agreement.expectations import EXPECTATIONS, failing

Mutation = Callable[[Node], Node]

_GROUPS = (Stage.EGRESS, Stage.INGRESS)
_VPCS = (NodeKind.VPC,)


def with_gates(change: Callable[[Gate], Gate]) -> Mutation:
    return lambda node: replace(node, gates=tuple(change(gate) for gate in node.gates))


def with_rules(stages: tuple[Stage, ...], change: Callable[[tuple[Rule, ...]], tuple[Rule, ...]]) -> Mutation:
    return with_gates(lambda gate: replace(gate, rules=change(gate.rules)) if gate.stage in stages else gate)


def without_routes(unwanted: Callable[[Route], bool]) -> Mutation:
    def mutate(node: Node) -> Node:
        tables = (replace(table, routes=tuple(r for r in table.routes if not unwanted(r))) for table in node.tables)
        return replace(node, tables=tuple(tables))

    return mutate


def swap_directions(node: Node) -> Node:
    """What a group says of packets that come in is asked of those that go out, and the other way round."""
    rules = {(gate.interface, gate.stage): gate.rules for gate in node.gates}
    other = {Stage.EGRESS: Stage.INGRESS, Stage.INGRESS: Stage.EGRESS}
    gates = (
        replace(gate, rules=rules[gate.interface, other[gate.stage]]) if gate.stage in _GROUPS else gate for gate in node.gates
    )
    return replace(node, gates=tuple(gates))


def one_table_for_all(node: Node) -> Node:
    """Every interface of a VPC uses the table of the first subnet."""
    if node.kind not in _VPCS:
        return node
    chosen = [table for table in node.tables if table.selected_by]
    every = tuple(name for table in chosen for name in table.selected_by)
    tables = (replace(table, selected_by=every if table is chosen[0] else ("nothing",)) for table in chosen)
    return replace(node, tables=(*(table for table in node.tables if not table.selected_by), *tables))


def first_address_only(node: Node) -> Node:
    checks = (replace(one, check=replace(one.check, addresses=one.check.addresses[:1])) for one in node.checks)
    return replace(node, checks=tuple(checks))


def prefixes_open(node: Node) -> Node:
    """A point of presence that takes anything from a peer."""
    if node.kind is not NodeKind.CCN:
        return node
    services = (replace(s, peers=tuple(replace(peer, prefixes=(ANY,)) for peer in s.peers)) for s in node.services)
    return replace(node, services=tuple(services))


def any_port(rule: Rule) -> Rule:
    return replace(rule, match=replace(rule.match, ports=None))


def any_protocol(rule: Rule) -> Rule:
    return replace(rule, match=replace(rule.match, protocol="", ports=None, icmp=None))


def anybody(rule: Rule) -> Rule:
    return replace(rule, match=replace(rule.match, source=ANY))


def on_each(change: Callable[[Rule], Rule]) -> Callable[[tuple[Rule, ...]], tuple[Rule, ...]]:
    return lambda rules: tuple(change(rule) for rule in rules)


def only_permits(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.permit)


def is_default(route: Route) -> bool:
    return route.destination == ANY and route.drop is Reason.NO_ROUTE_TO_DESTINATION


def first_route_wins(node: Node) -> Node:
    """Routes lose their length: the default route covers what a longer prefix led elsewhere."""
    tables = (replace(table, routes=_without_longer(table)) for table in node.tables)
    return replace(node, tables=tuple(tables)) if node.kind in _VPCS else node


def _without_longer(table: RouteTable) -> tuple[Route, ...]:
    leads = any(route.destination == ANY and route.drop is None for route in table.routes)
    return tuple(r for r in table.routes if not (leads and r.destination.prefixlen not in (0, 32)))


MUTATIONS: dict[str, Mutation] = {
    "swap the directions of security groups": swap_directions,
    "forget the source/destination check": lambda node: replace(node, checks=()),
    "know only the first address of an interface": first_address_only,
    "ignore the order of a network ACL": with_rules((Stage.ACL,), lambda rules: tuple(reversed(rules))),
    "make network ACLs stateful": with_gates(lambda gate: replace(gate, stateful=True) if gate.stage is Stage.ACL else gate),
    "leave network ACLs out": lambda node: replace(node, gates=tuple(g for g in node.gates if g.stage is not Stage.ACL)),
    "forget the state of security groups": with_gates(lambda gate: replace(gate, stateful=False)),
    "let everything in that no rule speaks of": with_gates(
        lambda gate: replace(gate, default=True) if gate.stage is Stage.INGRESS else gate
    ),
    "forget the ports of a rule": with_rules(_GROUPS, on_each(any_port)),
    "forget the protocol of a rule": with_rules(_GROUPS, on_each(any_protocol)),
    "admit anybody where a group is named": with_rules((Stage.INGRESS,), on_each(anybody)),
    "ignore the rules that deny": with_rules(_GROUPS, only_permits),
    "ignore priorities": with_rules(_GROUPS, lambda rules: tuple(sorted(rules, key=lambda rule: rule.permit))),
    "forget the sink": without_routes(is_default),
    "forget blackholes": without_routes(lambda route: route.drop is Reason.BAD_STATE_ROUTE),
    "forget that the VPC's block is local": without_routes(lambda route: route.drop is Reason.NO_POSSIBLE_DESTINATION),
    "drop the public addresses": lambda node: replace(node, nats=()),
    "use one route table for every subnet": one_table_for_all,
    "let private addresses out through the internet gateway": with_rules((Stage.EDGE,), only_permits),
    "do not enforce the prefixes of a peer": prefixes_open,
    "let the default route win": first_route_wins,
}


def test_every_expectation_holds() -> None:
    assert list(failing(EXPECTATIONS)) == []


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_broken_compiler_is_noticed(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    freeze = Draft.freeze

    def broken(draft: Draft) -> Topology:
        network = freeze(draft)
        return replace(network, nodes=tuple(mutation(node) for node in network.nodes))

    monkeypatch.setattr(Draft, "freeze", broken)
    assert list(failing(EXPECTATIONS)), "nothing noticed it"
