"""Clients of the SAG app in both backends: who reaches what from where, as people connect, move, and are thrown out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lab.agreement.pair import Pair, Question
from lab.agreement.worker import Worker
from lab.cloud.alibaba import Cen, Vpc
from lab.compiler import compile_topology
from lab.simulation import Probe
from lab.topology import Topology
from tests.compiler.app_cloud import PASSWORD, REGION, AppCloud, app_cloud

pytestmark = pytest.mark.emulation

SECOND = "han.meimei"
Change = Callable[[AppCloud], object]


def second_at_home(world: AppCloud) -> None:
    """Another laptop behind the same router: its tunnel leaves from the same ports."""
    alibaba = world.cloud.alibaba
    alibaba.create_smart_access_gateway_client_user(
        world.app.id, user_mail="han@example.com", user_name=SECOND, password=PASSWORD
    )
    laptop = world.cloud.terminals.create_terminal("second", home_router_id=world.router.id)
    session = alibaba.log_on_app(laptop.id, user_name=SECOND, password=PASSWORD, smart_ag_id=world.app.id)
    alibaba.connect_app(session.id)


def go_out(world: AppCloud) -> None:
    """To a public address. What was connected connects anew."""
    world.cloud.terminals.move_terminal(world.laptop.id)
    world.connect()


def unbind_cen(world: AppCloud) -> None:
    vpc, cen = world.cloud.store.all(Vpc)[0], world.cloud.store.all(Cen)[0]
    world.cloud.alibaba.detach_cen_child_instance(cen.id, vpc.id, child_instance_type="VPC", child_instance_region_id=REGION)


@dataclass(frozen=True)
class Stage:
    """After this change too, `reaches` are the pairs that a ping passes between, of laptop, second and ecs."""

    name: str
    change: Change
    reaches: frozenset[tuple[str, str]] = frozenset()


def both(*pairs: tuple[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset({pair for one in pairs for pair in (one, one[::-1])})


STAGES = [
    Stage("logged on, not connected", lambda _world: None),
    Stage("connected", AppCloud.connect, both(("laptop", "ecs"))),
    Stage("two behind one router", second_at_home, both(("laptop", "ecs"), ("second", "ecs"))),
    Stage("connected anew", AppCloud.connect, both(("laptop", "ecs"), ("second", "ecs"))),
    Stage("in another network", go_out, both(("laptop", "ecs"), ("second", "ecs"))),
    Stage(
        "one is thrown out",
        lambda world: world.cloud.alibaba.kick_out_clients(world.app.id, SECOND),
        both(("laptop", "ecs")),
    ),
    Stage("without the VPC in the CEN", unbind_cen),
]
PAIRS = sorted(both(("laptop", "ecs"), ("second", "ecs"), ("laptop", "second")))


def _questions(topology: Topology) -> list[tuple[tuple[str, str], Question]]:
    """A ping between each two that are there, by the addresses that they are known by now."""
    nodes = {node.label: node for node in topology.nodes}
    return [
        (pair, Question(nodes[pair[0]].name, Probe(nodes[pair[0]].own_address, nodes[pair[1]].own_address, "icmp")))
        for pair in PAIRS
        if set(pair) <= nodes.keys()
    ]


def observe() -> dict[str, tuple[list[str], frozenset[tuple[str, str]]]]:
    world = app_cloud()
    pair: Pair | None = None
    found = {}
    for stage in STAGES:
        stage.change(world)
        topology = compile_topology(world.cloud)
        if pair is None:
            pair = Pair(topology)
        else:
            pair.apply(topology)
        asked = _questions(topology)
        answers = pair.ask([question for _, question in asked])
        disagreements = [str(one) for one in (*pair.disagreements, *answers.disagreements)]
        reached = {ends for (ends, _), outcome in zip(asked, answers.outcomes, strict=True) if outcome.answered_at}
        found[stage.name] = (disagreements, frozenset(reached))
    assert pair is not None
    pair.close()
    return found


@pytest.fixture(scope="module")
def observed() -> dict[str, tuple[list[str], frozenset[tuple[str, str]]]]:
    return Worker(observe).result()


@pytest.mark.requirement("S2-026", "S2-041", "S2-045", "S2-047", "S2-100", "S2-190")
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_both_backends_say_who_reaches_whom(
    observed: dict[str, tuple[list[str], frozenset[tuple[str, str]]]], stage: Stage
) -> None:
    disagreements, reached = observed[stage.name]
    assert not disagreements, "\n".join(disagreements)
    assert reached == stage.reaches
