"""Why a laptop does not reach the private network, and what would let it: for the network of `tests.compiler.app_cloud`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lab.cloud import password as passwords
from lab.cloud.alibaba import Cen, SecurityGroup, Vpc
from lab.cloud.password import Cost
from lab.explanation import Question, explain
from tests.compiler.app_cloud import BLOCK, REGION, AppCloud, app_cloud

Break = Callable[[AppCloud], object]


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", Cost(memory=8, passes=1, lanes=1))


def without_vpc(world: AppCloud) -> None:
    store = world.cloud.store
    cen, vpc = store.all(Cen)[0], store.all(Vpc)[0]
    world.cloud.alibaba.detach_cen_child_instance(cen.id, vpc.id, "VPC", REGION)


def without_cen(world: AppCloud) -> None:
    world.cloud.alibaba.detach_ccn_instance_from_cen(world.app.ccn_id or "", world.cloud.store.all(Cen)[0].id)


def without_rule(world: AppCloud) -> None:
    group = world.cloud.store.all(SecurityGroup)[0]
    world.cloud.alibaba.revoke_security_group(group.id, source_cidr_ip=BLOCK)


@dataclass(frozen=True)
class Case:
    name: str
    breaks: Break
    fix: str


CASES = [
    Case("the VPC is not attached to the CEN", without_vpc, "alibaba.attach_cen_child_instance"),
    Case("the CCN is bound to no CEN", without_cen, "alibaba.attach_ccn_instance_to_cen"),
    Case("the security group does not admit the clients", without_rule, f'source_cidr_ip="{BLOCK}"'),
]


@pytest.mark.requirement("S2-046", "S2-047", "S2-048")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize(("source", "destination"), [("laptop", "ecs"), ("ecs", "laptop")])
def test_a_call_mends_what_lies_between(case: Case, source: str, destination: str) -> None:
    world = app_cloud()
    world.connect()
    case.breaks(world)
    explanation = explain(world.cloud, Question(source, destination))
    if (case.breaks, source) == (without_rule, "ecs"):
        assert explanation.reaches  # the group looks at who begins
        return
    assert explanation.solved
    assert case.fix in " ".join(str(call) for fix in explanation.fixes for call in fix.calls)


@pytest.mark.requirement("S2-025", "S2-190")
@pytest.mark.parametrize(
    ("change", "hint"),
    [
        pytest.param(lambda world: None, "the SAG app of laptop is not connected", id="not connected"),
        pytest.param(
            lambda world: world.cloud.alibaba.log_off_app(world.session.id), "nobody is logged on to the SAG app", id="logged off"
        ),
    ],
)
def test_who_is_not_connected_is_told_so(change: Break, hint: str) -> None:
    world = app_cloud()
    change(world)
    assert hint in explain(world.cloud, Question("laptop", "ecs")).hint
    assert hint in explain(world.cloud, Question("ecs", "laptop")).hint
