"""Drills on labs that are up, by the command: begun, helped with, judged by real packets before and after the repair."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab.connection import connect
from lab.supervisor.client import Client
from lab.supervisor.door import living
from lab.teaching.drill import Drill
from lab.teaching.faults import TRAPPED
from lab.teaching.parts import Parts
from tests.supervisor.command import saglab, saglab_process

pytestmark = pytest.mark.emulation



def drill_of(level: int, fault: str) -> Drill:
    """One that breaks just this, and that no other process of tests has: a lab is called as its drill."""
    found = [drill for drill in (Drill(level, seed) for seed in range(2000)) if [each.id for each in drill.faults] == [fault]]
    return found[os.getpid() % len(found)]


STEP, TRAP = drill_of(1, "check-on"), drill_of(3, "mtu-trap")


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    yield
    for drill in (STEP, TRAP):
        if drill.name in living():
            Client(drill.name).down()


def start(drill: Drill) -> str:
    return saglab_process("drill", "start", "--level", str(drill.level), "--seed", str(drill.seed))


def test_a_step_undone() -> None:
    said = start(STEP)
    assert "✗ app → ecs, ping  no answer" in said
    assert "source/destination" not in said  # what is broken is to be found out
    assert "is up already" in saglab("drill", "start", "--level", "1", "--seed", str(STEP.seed), status=2)

    assert "not repaired yet" in saglab("drill", "check", "--lab", STEP.name, status=1)
    eni = Parts(connect(STEP.name)).interface("vcpe")
    call = ["aws", "modify_network_interface_attribute", "--network-interface-id", eni, "--no-source-dest-check"]
    saglab("call", *call, "--lab", STEP.name)
    said = saglab("drill", "check", "--lab", STEP.name)
    assert "repaired: all that is needed works, with real packets" in said
    assert "A machine that forwards what is neither from nor to itself" in said


def test_the_trap_that_no_configuration_shows() -> None:
    said = start(TRAP)
    assert "✓ app → ecs, ping  \n" in said
    assert "✗ app → ecs, ping with 1400 bytes  no answer" in said
    assert "it is the network itself: compare packet sizes" in saglab("drill", "hint", "--lab", TRAP.name)
    answer = saglab("drill", "answer", "--lab", TRAP.name)
    assert "A link loses large packets, without an answer. Small packets pass" in answer
    assert "saglab impair app/aws --clear" in answer
    saglab("impair", TRAPPED, "--clear", "--lab", TRAP.name)
    assert "repaired" in saglab("drill", "check", "--lab", TRAP.name)


def test_a_lab_that_is_no_drill() -> None:
    assert "demo is no drill; `saglab drill start` begins one" in saglab("drill", "check", "--lab", "demo", status=2)
