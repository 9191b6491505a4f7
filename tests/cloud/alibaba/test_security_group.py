"""Security groups and their rules."""

from __future__ import annotations

import pytest

from lab.cloud.alibaba import SecurityGroup


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.admit = lambda **rule: w.alibaba.authorize_security_group(w.group.id, **{"source_cidr_ip": "10.0.0.0/16"} | rule)
    w.release = lambda **rule: w.alibaba.authorize_security_group_egress(w.group.id, **{"dest_cidr_ip": "10.0.0.0/16"} | rule)
    w.state = lambda: w.cloud.store.get(SecurityGroup, w.group.id)
    return w


@pytest.mark.parametrize("kind", ["normal", "enterprise"])
def test_a_new_group_has_no_rules(w, kind) -> None:
    group = w.alibaba.create_security_group(w.vpc.id, "g", security_group_type=kind)
    assert (group.security_group_type, group.ingress, group.egress) == (kind, (), ())
    assert w.alibaba.describe_security_groups(w.vpc.id) == (w.group, group)


@pytest.mark.parametrize(
    ("rule", "ports"),
    [
        pytest.param({}, None, id="all", marks=pytest.mark.requirement("S0-060")),
        pytest.param({"ip_protocol": "ICMP"}, None, id="icmp"),
        pytest.param({"ip_protocol": "TCP", "port_range": "1/200"}, (1, 200), id="tcp"),
        pytest.param({"ip_protocol": "UDP", "port_range": "1/65535"}, (1, 65535), id="udp"),
        pytest.param({"policy": "drop", "priority": 100}, None, id="drop, last"),
    ],
)
def test_a_rule_is_added_on_its_own_side_and_taken_back(w, rule, ports) -> None:
    w.admit(**rule)
    (added,) = w.state().ingress
    said = {"ip_protocol": "ALL", "port_range": "-1/-1", "policy": "accept", "priority": 1} | rule
    assert {name: getattr(added, name) for name in said} == said
    assert (str(added.cidr_ip), added.source_group_id, added.ports) == ("10.0.0.0/16", None, ports)
    assert (added.origin.resource, added.origin.operation) == (w.group.id, "alibaba.authorize_security_group")
    assert w.state().egress == ()
    w.release(**rule)
    assert w.state().egress[0].same_rule(added)
    w.alibaba.revoke_security_group(w.group.id, source_cidr_ip="10.0.0.0/16", **rule)
    assert (w.state().ingress, len(w.state().egress)) == ((), 1)
    w.alibaba.revoke_security_group_egress(w.group.id, dest_cidr_ip="10.0.0.0/16", **rule)
    assert w.state().egress == ()


def test_protocols_are_taken_in_either_case(w) -> None:
    w.admit(ip_protocol="icmp")
    assert w.state().ingress[0].ip_protocol == "ICMP"


def test_a_duplicate_is_accepted_and_adds_nothing_and_so_is_revoking_none(w) -> None:
    w.admit()
    before = w.state()
    w.admit()
    w.alibaba.revoke_security_group(w.group.id, source_cidr_ip="9.0.0.0/8")
    assert w.state() == before
    assert [entry.error for entry in w.cloud.journal][-3:] == [None, None, None]
    w.admit(priority=2)
    assert len(w.state().ingress) == 2


def test_a_rule_may_speak_of_a_group(w) -> None:
    w.admit(source_cidr_ip=None, source_group_id=w.group.id)
    w.release(dest_cidr_ip=None, dest_group_id=w.group.id)
    assert [(rule.source_group_id, rule.cidr_ip) for rule in (*w.state().ingress, *w.state().egress)] == [(w.group.id, None)] * 2


@pytest.mark.parametrize("call", ["authorize_security_group", "revoke_security_group"])
def test_rules_of_an_enterprise_group_speak_of_blocks_only(w, refused, call) -> None:
    group = w.alibaba.create_security_group(w.vpc.id, security_group_type="enterprise").id
    w.alibaba.authorize_security_group(group, source_cidr_ip="10.0.0.0/8")
    for name, side in ((call, "source"), (f"{call}_egress", "dest")):
        refused(
            w.cloud,
            lambda name=name, side=side: getattr(w.alibaba, name)(group, **{f"{side}_group_id": w.group.id}),
            "InvalidGroupAuthParameter.OperationDenied",
        )


def test_a_group_that_a_rule_speaks_of_is_not_deleted(w, refused) -> None:
    named = w.alibaba.create_security_group(w.vpc.id).id
    w.admit(source_cidr_ip=None, source_group_id=named)
    assert w.group.id in refused(w.cloud, lambda: w.alibaba.delete_security_group(named), "DependencyViolation").message
    refused(w.cloud, lambda: w.admit(source_cidr_ip=None, source_group_id=w.other_group.id), "InvalidSourceGroupId.NotFound")


def test_an_unused_group_is_deleted(w) -> None:
    group = w.alibaba.create_security_group(w.vpc.id)
    w.alibaba.delete_security_group(group.id)
    assert w.cloud.store.find(SecurityGroup, group.id) is None


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.alibaba.create_security_group("vpc-0"), "InvalidVpcId.NotFound", id="unknown vpc"),
        pytest.param(
            lambda w: w.alibaba.create_security_group(w.vpc.id, security_group_type="basic"),
            "InvalidSecurityGroupType.ValueNotSupported",
            id="type",
        ),
        pytest.param(
            lambda w: w.alibaba.authorize_security_group("sg-0", source_cidr_ip="0.0.0.0/0"),
            "InvalidSecurityGroupId.NotFound",
            id="unknown",
        ),
        pytest.param(lambda w: w.alibaba.delete_security_group("sg-0"), "InvalidSecurityGroupId.NotFound", id="delete unknown"),
        pytest.param(lambda w: w.alibaba.delete_security_group(w.group.id), "DependencyViolation", id="delete in use"),
        pytest.param(lambda w: w.admit(ip_protocol="GRE"), "InvalidIpProtocol.ValueNotSupported", id="protocol"),
        pytest.param(lambda w: w.admit(port_range="1/2"), "InvalidIpPortRange.Malformed", id="ports of all"),
        pytest.param(lambda w: w.admit(ip_protocol="ICMP", port_range="8/0"), "InvalidIpPortRange.Malformed", id="of icmp"),
        pytest.param(lambda w: w.admit(ip_protocol="TCP"), "InvalidIpPortRange.Malformed", id="tcp without ports"),
        pytest.param(lambda w: w.tcp("200/1"), "InvalidIpPortRange.Malformed", id="ports backwards"),
        pytest.param(lambda w: w.tcp("0/1"), "InvalidIpPortRange.Malformed", id="port 0"),
        pytest.param(lambda w: w.tcp("1/65536"), "InvalidIpPortRange.Malformed", id="port 65536"),
        pytest.param(lambda w: w.tcp("22"), "InvalidIpPortRange.Malformed", id="one port"),
        pytest.param(lambda w: w.tcp("1/2/3"), "InvalidIpPortRange.Malformed", id="three ports"),
        pytest.param(lambda w: w.admit(policy="deny"), "InvalidPolicy.Malformed", id="policy"),
        pytest.param(lambda w: w.admit(priority=0), "InvalidPriority.Malformed", id="priority 0"),
        pytest.param(lambda w: w.admit(priority=101), "InvalidPriority.Malformed", id="priority 101"),
        pytest.param(lambda w: w.admit(source_cidr_ip="10.0.0.1/16"), "InvalidSourceCidrIp.Malformed", id="host bits"),
        pytest.param(lambda w: w.release(dest_cidr_ip="10.0.0.1/16"), "InvalidDestCidrIp.Malformed", id="egress host bits"),
        pytest.param(lambda w: w.admit(source_cidr_ip=None), "MissingParameter", id="no peer"),
        pytest.param(lambda w: w.admit(source_group_id=w.group.id), "MissingParameter", id="two peers"),
        pytest.param(
            lambda w: w.admit(source_cidr_ip=None, source_group_id="sg-0"), "InvalidSourceGroupId.NotFound", id="unknown peer"
        ),
        pytest.param(
            lambda w: w.release(dest_cidr_ip=None, dest_group_id="sg-0"), "InvalidDestGroupId.NotFound", id="egress unknown peer"
        ),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.tcp = lambda ports: w.admit(ip_protocol="TCP", port_range=ports)
    refused(w.cloud, lambda: call(w), code)
