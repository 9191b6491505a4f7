"""Drills in memory: each fault is noticed, can be mended by calls, and is noticed to be mended."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random

import pytest

from lab.cli import find_scenario
from lab.cloud import Cloud
from lab.errors import UsageError
from lab.explanation import Question, Replay, apply_fixes, explain
from lab.teaching.drill import LEVELS, QUESTIONS, Drill
from lab.teaching.faults import ALIBABA_CIDR, FAULTS, VCPE, Fault
from lab.teaching.parts import Parts
from scenarios.app_get_started import PASSWORD, USER


@cache
def replay(scenario: str) -> Replay:
    return Replay(find_scenario(scenario))


def network(scenario: str = VCPE) -> Cloud:
    """A document's network, whole."""
    return replay(scenario).complete.cloud.fork()


def lost(cloud: Cloud, scenario: str = VCPE) -> list[Question]:
    """The questions that are not answered, or cannot be asked."""
    return [question for question in QUESTIONS[scenario] if not reaches(cloud, question)]


def reaches(cloud: Cloud, question: Question) -> bool:
    try:
        return explain(cloud, question, fixes=False).reaches
    except UsageError:  # a machine does not run
        return False


def start_ecs(parts: Parts) -> None:
    parts.alibaba.start_instance(next(each.id for each in parts.alibaba.describe_instances()))


def route_to_vcpe(parts: Parts) -> None:
    parts.aws.replace_route(parts.main_table, ALIBABA_CIDR, network_interface_id=parts.interface("vcpe"))


def admit_tunnel(parts: Parts) -> None:
    acl = parts.aws.network_acl_of(parts.subnet("vcpe").id)
    parts.aws.delete_network_acl_entry(acl.id, rule_number=50, egress=True)


def widen(parts: Parts) -> None:
    (small,) = parts.app.private_cidrs
    parts.alibaba.configure_smart_access_gateway_software_network(parts.app.id, cidr_blocks=[str(small.supernet(new_prefix=24))])
    laptop = next(terminal.id for terminal in parts.terminals.describe_terminals() if terminal.name == "laptop")
    session = parts.alibaba.log_on_app(laptop, user_name=USER, password=PASSWORD, smart_ag_id=parts.app.id)
    parts.alibaba.connect_app(session.id)


# What the answer of a fault says, where explanations do not know it.
ANSWERS: dict[str, Callable[[Parts], None]] = {
    "stopped": start_ecs,
    "wrong-target": route_to_vcpe,
    "acl-tunnel": admit_tunnel,
    "pool-used-up": widen,
}


def mend(cloud: Cloud, faults: tuple[Fault, ...]) -> None:
    """Follow the answers of faults, and make the calls that explanations advise until nothing is lost."""
    for fault in faults:
        if fault.answer:
            ANSWERS[fault.id](Parts(cloud))
    for _ in range(2 * len(QUESTIONS[VCPE])):
        still = lost(cloud, faults[0].scenario)
        if not still:
            return
        explanation = explain(cloud, still[0])
        assert explanation.solved, (explanation.death, explanation.fixes, explanation.hint)
        apply_fixes(cloud, explanation.fixes)


@pytest.mark.parametrize("scenario", QUESTIONS)
def test_nothing_is_lost_while_nothing_is_broken(scenario: str) -> None:
    assert lost(network(scenario), scenario) == []


OF_CALLS = [fault for fault in FAULTS if fault.is_of_calls]


@pytest.mark.parametrize("fault", OF_CALLS, ids=lambda fault: fault.id)
def test_a_fault_is_noticed_and_can_be_mended(fault: Fault) -> None:
    cloud = network(fault.scenario)
    fault.make(Parts(cloud), Random(1))  # noqa: S311 - the same each time
    assert lost(cloud, fault.scenario), "nobody would notice"
    mend(cloud, (fault,))
    assert lost(cloud, fault.scenario) == []


DRILLS = [Drill(3, seed) for seed in range(1, 13)]


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: "+".join(fault.id for fault in drill.faults))
def test_two_faults_at_once_are_noticed_until_both_are_mended(drill: Drill) -> None:
    """Mending one of them alone is not enough: neither hides behind the other for good, nor undoes it."""
    if len(drill.faults) == 1:  # the trap, or the pool
        assert drill.faults[0].level == drill.level
        return
    for alone in drill.faults:
        cloud = network()
        alone.make(Parts(cloud), Random(drill.seed))  # noqa: S311 - as above
        assert lost(cloud)
    cloud = network()
    drill.begin(cloud)
    assert lost(cloud)
    mend(cloud, drill.faults)
    assert lost(cloud) == []


@pytest.mark.parametrize("level", LEVELS)
def test_a_seed_always_breaks_the_same_and_seeds_differ(level: int) -> None:
    chosen = [tuple(fault.id for fault in Drill(level, seed).faults) for seed in range(200)]
    assert chosen == [tuple(fault.id for fault in Drill(level, seed).faults) for seed in range(200)]
    reached = {id for ids in chosen for id in ids}
    assert reached == {fault.id for fault in FAULTS if fault.level == level or level == 3}


def test_a_drill_is_known_by_the_name_of_its_lab() -> None:
    assert Drill.named(Drill(2, 17).name) == Drill(2, 17)


@pytest.mark.parametrize("name", ["demo", "drill", "drill-4-1", "drill-1-x", "my-drill-1-2"])
def test_a_lab_that_is_no_drill(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is no drill"):
        Drill.named(name)


def test_a_level_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="there is no level 4; there are 1, 2, 3"):
        Drill(4, 1)


def test_every_fault_teaches_something_of_its_own() -> None:
    assert len({fault.id for fault in FAULTS}) == len({fault.lesson for fault in FAULTS}) == len({f.title for f in FAULTS})
    for fault in FAULTS:
        assert fault.step in {"", *(step.number for step in find_scenario(fault.scenario).steps)}
    (lesson,) = Drill(1, 1).lessons()
    assert Drill(1, 1).faults[0].lesson in lesson
