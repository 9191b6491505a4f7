"""Every fault that a drill may have, on a lab that is up: packets notice it, the last hint mends it, packets notice that.

A student who does what `saglab drill hint 4` says is done in the end, whatever is broken. Takes about ten minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from lab.connection import Connection, connect
from lab.supervisor.client import Client
from lab.supervisor.door import living
from lab.teaching.drill import Drill
from lab.teaching.faults import FAULTS, TRAPPED, Fault
from lab.teaching.judge import Verdict, judge
from lab.teaching.parts import Parts
from scenarios.app_get_started import PASSWORD, USER
from tests.supervisor.command import saglab, saglab_process
from tests.teaching.test_drill import admit_tunnel, route_to_vcpe, start_ecs
from tests.teaching.test_drill_lab import drill_of

pytestmark = [pytest.mark.emulation, pytest.mark.long]

_TUNNEL = 60.0  # seconds; our choice: a tunnel opens again by itself once it can, after a while of silence
_ROUNDS = 6  # of hints; one fault needs one or two


@dataclass(frozen=True)
class Student:
    """Who follows the hints."""

    drill: Drill
    lab: Connection

    def verdicts(self) -> list[Verdict]:
        return judge(self.lab, self.drill)

    def works(self) -> bool:
        return all(verdict.works for verdict in self.verdicts())

    def mend(self) -> None:
        """Do what the answers say, or make the calls that are advised, until nothing is advised."""
        for fault in self.drill.faults:
            if fault.answer:
                ANSWERS[fault.id](self)
        for _ in range(_ROUNDS):
            advised = next((verdict.fixes for verdict in self.verdicts() if verdict.fixes), ())
            if not advised:
                return
            exec("\n".join(advised), {"aws": self.lab.aws, "alibaba": self.lab.alibaba})  # noqa: S102 - as a script would

    def works_in_time(self) -> bool:
        deadline = time.monotonic() + _TUNNEL
        while not self.works():
            if time.monotonic() > deadline:
                return False
        return True


def widen(student: Student) -> None:
    parts, app = Parts(student.lab), Parts(student.lab).app
    (small,) = app.private_cidrs
    parts.alibaba.configure_smart_access_gateway_software_network(app.id, cidr_blocks=[str(small.supernet(new_prefix=24))])
    lab = ("--lab", student.drill.name)
    saglab_process("app", "log-on", "laptop", "--user", USER, "--instance", app.id, *lab, stdin=f"{PASSWORD}\n")
    saglab_process("app", "connect", "laptop", *lab)


def by(repair: Callable[[Parts], None]) -> Callable[[Student], None]:
    return lambda student: repair(Parts(student.lab))


ANSWERS: dict[str, Callable[[Student], None]] = {
    "stopped": by(start_ecs),
    "wrong-target": by(route_to_vcpe),
    "acl-tunnel": by(admit_tunnel),
    "pool-used-up": widen,
    "mtu-trap": lambda student: saglab("impair", TRAPPED, "--clear", "--lab", student.drill.name) and None,
}


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.id)
def student(request: pytest.FixtureRequest) -> Iterator[Student]:
    fault: Fault = request.param
    drill = drill_of(fault.level, fault.id)
    saglab_process("drill", "start", "--level", str(drill.level), "--seed", str(drill.seed))
    try:
        yield Student(drill, connect(drill.name))
    finally:
        if drill.name in living():
            Client(drill.name).down()


def test_a_fault_is_noticed_until_the_hints_are_followed(student: Student) -> None:
    lab = ("--lab", student.drill.name)
    assert not student.works(), "nobody would notice"
    assert "not repaired yet" in saglab("drill", "check", *lab, status=1)
    student.mend()
    assert student.works_in_time(), student.verdicts()
    assert "repaired" in saglab("drill", "check", *lab)
