"""Security groups of ENS instances."""

from __future__ import annotations

import pytest

from lab.cloud.alibaba import EnsInstance, EnsSecurityGroup

RULE = {"source_cidr_ip": "10.0.0.0/16"}


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.network = w.alibaba.create_ens_network("10.0.0.0/16")
    w.group = w.alibaba.create_ens_security_group("edge")
    w.run = lambda **given: w.alibaba.run_ens_instances(network_id=w.network.id, **given)
    w.groups = lambda instance: w.cloud.store.get(EnsInstance, instance.id).security_group_ids
    w.rules = lambda side: [
        (rule.ip_protocol, rule.port_range, str(rule.cidr_ip), rule.policy, rule.priority)
        for rule in getattr(w.cloud.store.get(EnsSecurityGroup, w.group.id), side)
    ]
    return w


def test_an_instance_is_in_the_group_it_was_launched_into_and_in_those_it_joins(w) -> None:
    instance, other = w.run(security_id=w.group.id), w.alibaba.create_ens_security_group()
    assert w.groups(instance) == (w.group.id,)
    w.alibaba.join_ens_security_group(instance.id, other.id)
    assert w.groups(instance) == (w.group.id, other.id)
    w.alibaba.leave_ens_security_group(instance.id, w.group.id)
    assert w.groups(instance) == (other.id,)
    assert w.cloud.store.get(EnsInstance, instance.id).groups_origin.operation == "alibaba.leave_ens_security_group"
    assert w.groups(w.run()) == ()


@pytest.mark.parametrize(
    ("suffix", "side", "block"),
    [
        pytest.param("", "ingress", "source_cidr_ip", id="ingress"),
        pytest.param("_egress", "egress", "dest_cidr_ip", id="egress"),
    ],
)
def test_a_rule_is_added_once_and_taken_back(w, suffix, side, block) -> None:
    rule = {block: "10.0.0.0/16", "ip_protocol": "tcp", "port_range": "22/22", "policy": "drop", "priority": 5}
    for _ in range(2):
        getattr(w.alibaba, f"authorize_ens_security_group{suffix}")(w.group.id, **rule)
    assert w.rules(side) == [("TCP", "22/22", "10.0.0.0/16", "drop", 5)]
    getattr(w.alibaba, f"revoke_ens_security_group{suffix}")(w.group.id, **rule | {"priority": 6})
    assert len(w.rules(side)) == 1
    getattr(w.alibaba, f"revoke_ens_security_group{suffix}")(w.group.id, **rule)
    assert w.rules("ingress") == w.rules("egress") == []


def test_a_group_that_nobody_is_in_is_deleted(w) -> None:
    w.alibaba.delete_ens_security_group(w.group.id)
    assert w.alibaba.describe_ens_security_groups() == ()


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.run(security_id="sg-0"), "InvalidSecurityGroupId.NotFound", id="launch into no group"),
        pytest.param(
            lambda w: w.alibaba.create_ens_security_group("http://x"), "InvalidSecurityGroupName.Malformed", id="name"
        ),
        pytest.param(lambda w: w.alibaba.delete_ens_security_group(w.group.id), "DependencyViolation", id="in use"),
        pytest.param(
            lambda w: w.alibaba.join_ens_security_group(w.member.id, w.group.id), "InvalidParameter", id="join twice"
        ),
        pytest.param(
            lambda w: w.alibaba.leave_ens_security_group(w.stranger.id, w.group.id), "InvalidParameter", id="leave another's"
        ),
        pytest.param(
            lambda w: w.alibaba.join_ens_security_group("i-0", w.group.id), "InvalidInstanceId.NotFound", id="no instance"
        ),
        pytest.param(
            lambda w: w.alibaba.authorize_ens_security_group("sg-0", **RULE), "InvalidSecurityGroupId.NotFound", id="no group"
        ),
        pytest.param(
            lambda w: w.alibaba.authorize_ens_security_group(w.group.id, source_cidr_ip="10.0.0.1/16"),
            "InvalidSourceCidrIp.Malformed",
            id="no block",
        ),
        pytest.param(
            lambda w: w.alibaba.authorize_ens_security_group_egress(w.group.id, dest_cidr_ip="x"),
            "InvalidDestCidrIp.Malformed",
            id="no block for egress",
        ),
        pytest.param(
            lambda w: w.alibaba.authorize_ens_security_group(w.group.id, **RULE, ip_protocol="GRE"),
            "InvalidIpProtocol.ValueNotSupported",
            id="protocol",
        ),
        pytest.param(
            lambda w: w.alibaba.authorize_ens_security_group(w.group.id, **RULE, port_range="1/2"),
            "InvalidIpPortRange.Malformed",
            id="ports of all protocols",
        ),
        pytest.param(
            lambda w: w.alibaba.authorize_ens_security_group(w.group.id, **RULE, policy="maybe"),
            "InvalidPolicy.Malformed",
            id="policy",
        ),
        pytest.param(
            lambda w: w.alibaba.authorize_ens_security_group(w.group.id, **RULE, priority=0),
            "InvalidPriority.Malformed",
            id="priority",
        ),
        pytest.param(lambda w: w.run(instance_type="ens.huge"), "InvalidInstanceType.NotSupported", id="instance type"),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.member, w.stranger = w.run(security_id=w.group.id), w.run()
    refused(w.cloud, lambda: call(w), code)


@pytest.mark.requirement("S0-032")
@pytest.mark.parametrize("instance_type", ["ens.sn1.stiny", "ens.sn1.tiny", "ens.sn1.small"])
def test_a_vcpe_starts_on_any_size(w, instance_type) -> None:
    instance = w.run(image_id="sag-vcpe", instance_type=instance_type, user_data='{"sn":"s","key":"k"}')
    assert (instance.instance_type, instance.state) == (instance_type, "Running")
