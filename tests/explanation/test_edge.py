"""A vCPE on an edge node: what is missing there is explained and mended as in AWS."""

from __future__ import annotations

import pytest

from lab.explanation import Explanation, Question, Replay, apply_fixes, explain
from lab.scenario import Scenario
from scenarios import vcpe_ens

SCENARIO = Scenario.of(vcpe_ens)
THERE, BACK = Question("app", "ecs"), Question("ecs", "app")

# What is left out, who asks, and how each call that mends it begins.
CASES = {
    "the vCPE's group": (["2.4"], THERE, ["alibaba.authorize_ens_security_group("]),
    "the host's group": (["4.3"], BACK, ["alibaba.authorize_ens_security_group("]),
    "the check": (["2.5"], THERE, ["alibaba.modify_ens_instance_attribute("]),
    "the route": (["4.2"], THERE, ["alibaba.create_ens_route_entry("]),
    "the way back": (["4.2"], BACK, ["alibaba.create_ens_route_entry("]),
    "the static route": (["3.1"], THERE, ["alibaba.modify_smart_access_gateway("]),
    "the CEN": (["3.3"], THERE, ["cen = alibaba.create_cen(", "alibaba.attach_cen_", "alibaba.attach_cen_"]),
    "the CCN": (
        ["3.2"],
        BACK,
        [
            "ccn = alibaba.create_cloud_connect_network(",
            "alibaba.bind_smart_access_gateway(",
            "cen = alibaba.create_cen(",
            "alibaba.attach_cen_",
            "alibaba.attach_cen_",
        ],
    ),
    "several": (["2.4", "2.5", "3.3.5"], THERE, ["alibaba.authorize_ens_", "alibaba.modify_ens_", "alibaba.authorize_security_"]),
}


@pytest.mark.parametrize(("steps", "question", "calls"), CASES.values(), ids=CASES.keys())
def test_the_calls_that_mend_it(steps: list[str], question: Question, calls: list[str]) -> None:
    cloud = Replay(SCENARIO).state(steps).cloud
    explanation = explain(cloud, question)
    assert (explanation.reaches, explanation.solved) == (False, True)
    made = calls_of(explanation)
    assert [call[: len(beginning)] for call, beginning in zip(made, calls, strict=True)] == calls, made
    apply_fixes(cloud, explanation.fixes)
    assert explain(cloud, question).reaches


def calls_of(explanation: Explanation) -> list[str]:
    return [str(call) for fix in explanation.fixes for call in fix.calls]


def test_a_drop_rule_is_outdone_or_taken_back() -> None:
    cloud = Replay(SCENARIO).state(()).cloud
    group = next(it for it in cloud.alibaba.describe_ens_security_groups() if it.security_group_name == "app")
    cloud.alibaba.authorize_ens_security_group(group.id, source_cidr_ip="192.168.0.0/16", policy="drop", priority=1)
    (call,) = calls_of(explain(cloud, BACK))
    assert call.startswith("alibaba.revoke_ens_security_group(")
    assert 'policy="drop"' in call


def test_a_stopped_gateway_is_started() -> None:
    cloud = Replay(SCENARIO).state(()).cloud
    vcpe = next(it for it in cloud.alibaba.describe_ens_instances() if it.instance_name == "vcpe")
    cloud.alibaba.stop_ens_instance(vcpe.id)
    explanation = explain(cloud, THERE)
    assert calls_of(explanation) == [f'alibaba.start_ens_instance(instance_id="{vcpe.id}")']
    assert explanation.solved


def test_without_a_gateway_the_hint_is_to_launch_one() -> None:
    cloud = Replay(SCENARIO).state(()).cloud
    (network,) = cloud.alibaba.describe_ens_networks()
    cloud.alibaba.delete_ens_route_entry(network.id, "192.168.0.0/16")
    vcpe = next(it for it in cloud.alibaba.describe_ens_instances() if it.instance_name == "vcpe")
    cloud.alibaba.release_ens_instance(vcpe.id)
    explanation = explain(cloud, THERE)
    assert not explanation.solved
    assert explanation.hint.startswith("no gateway runs in edge: launch one from the SAG vCPE image")
