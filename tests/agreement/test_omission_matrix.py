"""Steps of the document left out, one and two at a time, on running labs: the packets fare as the simulation says.

In the usual run every single omission and some pairs, drawn with a fixed seed; all pairs with `-m long`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import combinations

import pytest

from lab.agreement.pair import Pair, Question
from lab.agreement.worker import Worker
from lab.results import Dies
from lab.scenario import Scenario
from lab.simulation import Probe
from lab.topology import Node, Topology
from scenarios import vcpe_ping

pytestmark = pytest.mark.emulation

SCENARIO = Scenario.of(vcpe_ping)
SEED = b"omissions"
STEPS = {step.number: step for step in SCENARIO.steps if step.number != "4.4"}  # the ping itself
PINGS = (("app", "ecs"), ("ecs", "app"), ("vcpe", "ecs"))

WORKERS = 2
Omission = tuple[str, ...]
SINGLES: list[Omission] = [(), *((number,) for number in STEPS)]
PAIRS: list[Omission] = list(combinations(STEPS, 2))
SOME_PAIRS = random.Random(20).sample(PAIRS, 20)  # noqa: S311 - a choice of tests, no secret
BUILT_ANEW = random.Random(3).sample(SOME_PAIRS, 3)  # noqa: S311


@dataclass(frozen=True)
class Observed:
    """The pings that found no answer, with the code of their drop, and where simulation and emulation differ."""

    deaths: frozenset[Dies]
    disagreements: tuple[str, ...]


def pings(network: Topology) -> list[Question]:
    by_label = {node.label: node for node in network.nodes}
    return [Question(by_label[a].name, Probe(first(by_label[a]), first(by_label[b]), "icmp")) for a, b in PINGS]


def first(node: Node) -> IPv4Address:
    return node.interfaces[0].addresses[0].ip


def observe(pair: Pair, network: Topology) -> Observed:
    answers = pair.ask(pings(network))
    deaths = {
        Dies(*ends, str(forecast.reason))
        for ends, forecast, outcome in zip(PINGS, answers.forecasts, answers.outcomes, strict=True)
        if not outcome.answered_at
    }
    return Observed(frozenset(deaths), tuple(map(str, [*pair.disagreements, *answers.disagreements])))


def observe_all(omissions: Sequence[Omission]) -> dict[Omission, Observed]:
    """One lab, changed from omission to omission."""
    found = {}
    pair = Pair(SCENARIO.topology((), SEED))
    for omission in omissions:
        network = SCENARIO.topology(omission, SEED)
        pair.apply(network)
        found[omission] = observe(pair, network)
    pair.close()
    return found


def observe_anew(omissions: Sequence[Omission]) -> dict[Omission, Observed]:
    """A lab of its own for each omission."""
    found = {}
    for omission in omissions:
        network = SCENARIO.topology(omission, SEED)
        pair = Pair(network)
        found[omission] = observe(pair, network)
        pair.close()
    return found


def side_by_side(omissions: Sequence[Omission]) -> dict[Omission, Observed]:
    workers = [Worker(lambda share=omissions[number::WORKERS]: observe_all(share)) for number in range(WORKERS)]  # type: ignore[misc]
    return {omission: observed for worker in workers for omission, observed in worker.result().items()}


@pytest.fixture(scope="module")
def running() -> dict[Omission, Observed]:
    return side_by_side([*SINGLES, *SOME_PAIRS])


def name(omission: Omission) -> str:
    return "+".join(omission) or "nothing"


@pytest.mark.requirement("S0-069")
@pytest.mark.parametrize("omission", [*SINGLES, *SOME_PAIRS], ids=name)
def test_both_say_the_same(running: dict[Omission, Observed], omission: Omission) -> None:
    assert not running[omission].disagreements, "\n".join(running[omission].disagreements)


@pytest.mark.requirement("S0-069")
@pytest.mark.parametrize("omission", SINGLES[1:], ids=name)
def test_one_step_left_out_kills_what_it_declares(running: dict[Omission, Observed], omission: Omission) -> None:
    declared = {effect for effect in STEPS[omission[0]].without if isinstance(effect, Dies)}
    assert running[omission].deaths == declared


@pytest.mark.parametrize("pair", SOME_PAIRS, ids=name)
def test_two_steps_left_out_kill_what_each_kills_alone(running: dict[Omission, Observed], pair: Omission) -> None:
    alone = {(death.source, death.destination) for step in pair for death in running[(step,)].deaths}
    assert {(death.source, death.destination) for death in running[pair].deaths} == alone


def test_a_changed_lab_is_like_one_built_anew(running: dict[Omission, Observed]) -> None:
    anew = Worker(lambda: observe_anew(BUILT_ANEW)).result()
    assert anew == {omission: running[omission] for omission in BUILT_ANEW}


@pytest.mark.long
@pytest.mark.requirement("S0-069")
def test_both_say_the_same_of_all_pairs() -> None:
    observed = side_by_side(PAIRS)
    assert set(observed) == set(PAIRS)
    differing = {name(omission): one.disagreements for omission, one in observed.items() if one.disagreements}
    assert not differing
