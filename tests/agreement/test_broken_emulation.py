"""Would a mistake of one backend be noticed? The emulation's ruleset is broken on purpose, and the pair must disagree."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

import pytest

from lab.agreement import pair as pair_module
from lab.agreement.asks import Ask, questions
from lab.agreement.call import Call, make_all
from lab.agreement.pair import Pair
from lab.agreement.states import world
from lab.agreement.worker import Worker
from lab.agreement.world import make_world
from lab.compiler import compile_topology
from lab.emulation import gates
from lab.emulation.ruleset import Ruleset, render
from lab.simulation import Probe
from lab.simulation.probe import Protocol
from lab.topology import Node

pytestmark = pytest.mark.emulation

Breakage = Callable[[str], str]

FLOW = 7  # the identifier of one flow, that goes on while the network changes
ESTABLISHED = re.compile(r"ct state established,related .* return")


def bypass_checks(text: str) -> str:
    """Take an established connection past the source/destination check."""
    return re.sub(r"(chain (source|destination)_check_\w+ \{\n)", r"\1\t\tct state established return\n", text)


BREAKAGES: dict[str, Breakage] = {
    "nothing": lambda text: text,
    "accept established before the destination check": bypass_checks,
    "know a connection in the whole VPC, not at one interface": lambda text: ESTABLISHED.sub(
        "ct state established,related return", text
    ),
    "let the sink swallow without counting": lambda text: re.sub(r"\t\toifname \"sink\".*\n", "", text),
    "match no destination port": lambda text: re.sub(r"(tcp|udp) dport \S+", r"meta l4proto \1", text),
}


def changes() -> list[list[Call]]:
    """States one after another. The flow between app and ecs is admitted in the first."""
    here = world()
    workload = here.aws_groups[0]
    checked = aws("modify_network_interface_attribute", network_interface_id=here.enis["vcpe"], source_dest_check=True)
    unchecked = aws("modify_network_interface_attribute", network_interface_id=here.enis["db"], source_dest_check=False)
    elsewhere = aws(
        "replace_route",
        route_table_id=here.tables[0],
        destination_cidr_block="192.168.0.0/16",
        network_interface_id=here.enis["db"],
    )
    closed = aws("revoke_security_group_ingress", group_id=workload, ip_protocol="-1", cidr_ip="10.0.0.0/16")
    one_port = aws(
        "authorize_security_group_ingress",
        group_id=workload,
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        cidr_ip="10.0.0.0/16",
    )
    return [[], [checked], [unchecked, elsewhere], [closed, one_port]]


def aws(name: str, **arguments: object) -> Call:
    return Call("aws", name, arguments)


def packets() -> list[Ask]:
    """Some that start anew in every state."""
    return [
        ask("app", "10.0.1.99"),
        ask("app", "172.31.0.1"),
        ask("app", "192.168.1.10"),
        ask("vcpe", "203.0.113.11"),
        ask("app", "10.0.1.11", "tcp", 22),
        ask("app", "10.0.1.11", "tcp", 443),
    ]


def flow() -> list[Ask]:
    """One that goes on."""
    return [ask("app", "192.168.1.10", source_port=FLOW), ask("ecs", "10.0.1.10", source_port=FLOW + 1)]


def ask(machine: str, destination: str, protocol: Protocol = "icmp", port: int = 0, *, source_port: int = 0) -> Ask:
    address = IPv4Address(destination)
    return Ask(machine, Probe(address, address, protocol, source_port, port))


def disagreements(breakage: Breakage) -> Sequence[str]:
    def broken(node: Node) -> Ruleset:
        whole = render(node)
        return Ruleset(breakage(whole.text), whole.counters)

    # In this process alone, which ends with the lab. What is broken need not be waited for as long as what works.
    pair_module.SEEN_WITHIN, pair_module.HEARD_WITHIN, pair_module.READINGS = 0.3, 0.3, 2
    gates.render = broken  # type: ignore[attr-defined]
    found: list[str] = []
    pair = Pair(compile_topology(make_world().cloud))
    for calls in changes():
        topology = compile_topology(make_all(calls, make_world().cloud))
        pair.apply(topology)
        answers = pair.ask(questions(topology, [*packets(), *flow()]))
        found += map(str, [*pair.disagreements, *answers.disagreements])
    pair.close()
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, Sequence[str]]:
    """What each breakage leads to; two labs at a time."""
    results: dict[str, Sequence[str]] = {}
    names = list(BREAKAGES)
    for number in range(0, len(names), 2):
        workers = {name: Worker(lambda name=name: disagreements(BREAKAGES[name])) for name in names[number : number + 2]}  # type: ignore[misc]
        results |= {name: worker.result() for name, worker in workers.items()}
    return results


def test_unbroken_it_agrees(found: dict[str, Sequence[str]]) -> None:
    assert found["nothing"] == []


@pytest.mark.parametrize("name", [name for name in BREAKAGES if name != "nothing"])
def test_a_broken_ruleset_is_noticed(found: dict[str, Sequence[str]], name: str) -> None:
    assert found[name]
