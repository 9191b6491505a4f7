"""Security groups and their rules."""

from __future__ import annotations

import pytest

from lab.cloud.aws import SecurityGroup


@pytest.fixture
def w(aws_world):
    w = aws_world
    w.create = w.aws.create_security_group
    w.admit = lambda **rule: w.aws.authorize_security_group_ingress(w.group.id, **rule)
    w.release = lambda **rule: w.aws.authorize_security_group_egress(w.group.id, **rule)
    return w


def said(rules) -> list[tuple[str, int, int, str]]:
    return [(rule.ip_protocol, rule.from_port, rule.to_port, str(rule.cidr_ip or rule.group_id)) for rule in rules]


def test_a_new_group_admits_nothing_and_lets_everything_out(w) -> None:
    group = w.create("db", "data base", w.vpc.id)
    assert (said(group.ingress), said(group.egress)) == ([], [("-1", -1, -1, "0.0.0.0/0")])


@pytest.mark.parametrize("name", ["a", "x" * 255, "with spaces and ._-:/()#,@[]+=&;{}!$*"])
def test_names_of_groups(w, name) -> None:
    assert w.create(name, name, w.vpc.id).group_name == name


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({"ip_protocol": "-1"}, ("-1", -1, -1), id="all"),
        pytest.param({"ip_protocol": "-1", "from_port": 5, "to_port": 6}, ("-1", -1, -1), id="all has no ports"),
        pytest.param({"ip_protocol": "icmp"}, ("icmp", -1, -1), id="icmp"),
        pytest.param({"ip_protocol": "icmp", "from_port": 8, "to_port": 0}, ("icmp", 8, 0), id="icmp type and code"),
        pytest.param({"ip_protocol": "1", "from_port": 8, "to_port": -1}, ("icmp", 8, -1), id="icmp by number"),
        pytest.param({"ip_protocol": "tcp", "from_port": 22, "to_port": 22}, ("tcp", 22, 22), id="tcp"),
        pytest.param({"ip_protocol": "17", "from_port": 0, "to_port": 65535}, ("udp", 0, 65535), id="udp by number"),
        pytest.param({"ip_protocol": "50"}, ("50", -1, -1), id="esp by number"),
    ],
)
def test_a_rule_is_added_on_its_own_side_and_taken_back(w, rule, expected) -> None:
    group = lambda: w.cloud.store.get(SecurityGroup, w.group.id)  # noqa: E731
    w.admit(**rule, cidr_ip="192.168.0.0/16")
    assert said(group().ingress) == [(*expected, "192.168.0.0/16")]
    assert len(group().egress) == 1
    w.release(**rule, source_group_id=w.default_group)
    assert said(group().egress) == [("-1", -1, -1, "0.0.0.0/0"), (*expected, w.default_group)]
    w.aws.revoke_security_group_ingress(w.group.id, **rule, cidr_ip="192.168.0.0/16")
    w.aws.revoke_security_group_egress(w.group.id, **rule, source_group_id=w.default_group)
    assert (said(group().ingress), said(group().egress)) == ([], [("-1", -1, -1, "0.0.0.0/0")])


def test_a_group_may_admit_itself(w) -> None:
    w.admit(ip_protocol="-1", source_group_id=w.group.id)
    assert w.cloud.store.get(SecurityGroup, w.group.id).referenced_group_ids == (w.group.id,)


def test_an_unused_group_is_deleted_even_if_it_names_itself(w) -> None:
    group = w.create("db", "data base", w.vpc.id)
    w.aws.authorize_security_group_ingress(group.id, ip_protocol="-1", source_group_id=group.id)
    w.aws.delete_security_group(group.id)
    assert w.cloud.store.find(SecurityGroup, group.id) is None
    assert w.create("db", "the name is free again", w.vpc.id).group_name == "db"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.create("db", "d", "vpc-0"), "InvalidVpcID.NotFound", id="unknown vpc"),
        pytest.param(lambda w: w.create("app", "d", w.vpc.id), "InvalidGroup.Duplicate", id="name taken"),
        pytest.param(lambda w: w.create("default", "d", w.vpc.id), "InvalidGroup.Reserved", id="reserved name"),
        pytest.param(lambda w: w.create("sg-mine", "d", w.vpc.id), "InvalidParameterValue", id="name like an id"),
        pytest.param(lambda w: w.create("", "d", w.vpc.id), "InvalidParameterValue", id="no name"),
        pytest.param(lambda w: w.create("x" * 256, "d", w.vpc.id), "InvalidParameterValue", id="long name"),
        pytest.param(lambda w: w.create("a\nb", "d", w.vpc.id), "InvalidParameterValue", id="name of two lines"),
        pytest.param(lambda w: w.create("db", "", w.vpc.id), "InvalidParameterValue", id="no description"),
        pytest.param(lambda w: w.create("db", "what?", w.vpc.id), "InvalidParameterValue", id="sign in the description"),
        pytest.param(lambda w: w.aws.delete_security_group("sg-0"), "InvalidGroup.NotFound", id="delete unknown"),
        pytest.param(lambda w: w.aws.delete_security_group(w.default_group), "CannotDelete", id="delete the default one"),
        pytest.param(lambda w: w.aws.delete_security_group(w.group.id), "DependencyViolation", id="delete in use"),
        pytest.param(lambda w: w.aws.delete_security_group(w.named.id), "DependencyViolation", id="delete one that a rule names"),
        pytest.param(
            lambda w: w.aws.authorize_security_group_ingress("sg-0", ip_protocol="-1", cidr_ip="0.0.0.0/0"),
            "InvalidGroup.NotFound",
            id="unknown",
        ),
        pytest.param(lambda w: w.admit(ip_protocol="-1"), "MissingParameter", id="no peer"),
        pytest.param(
            lambda w: w.admit(ip_protocol="-1", cidr_ip="0.0.0.0/0", source_group_id=w.group.id),
            "InvalidParameterCombination",
            id="two peers",
        ),
        pytest.param(lambda w: w.admit(ip_protocol="-1", cidr_ip="10.0.0.1/16"), "InvalidParameterValue", id="host bits"),
        pytest.param(lambda w: w.admit(ip_protocol="-1", source_group_id="sg-0"), "InvalidGroup.NotFound", id="unknown peer"),
        pytest.param(
            lambda w: w.admit(ip_protocol="-1", source_group_id=w.other_group.id),
            "InvalidGroup.NotFound",
            id="peer of another vpc",
        ),
        pytest.param(lambda w: w.admit(ip_protocol="ipsec", cidr_ip="0.0.0.0/0"), "InvalidParameterValue", id="protocol"),
        pytest.param(lambda w: w.admit(ip_protocol="256", cidr_ip="0.0.0.0/0"), "InvalidParameterValue", id="protocol 256"),
        pytest.param(lambda w: w.admit(ip_protocol="tcp", cidr_ip="0.0.0.0/0"), "InvalidParameterValue", id="tcp without ports"),
        pytest.param(lambda w: w.tcp(23, 22), "InvalidParameterValue", id="ports backwards"),
        pytest.param(lambda w: w.tcp(0, 65536), "InvalidParameterValue", id="port 65536"),
        pytest.param(
            lambda w: w.admit(ip_protocol="icmp", from_port=-1, to_port=0, cidr_ip="0.0.0.0/0"),
            "InvalidParameterValue",
            id="icmp code without a type",
        ),
        pytest.param(
            lambda w: w.admit(ip_protocol="icmp", from_port=256, to_port=0, cidr_ip="0.0.0.0/0"),
            "InvalidParameterValue",
            id="icmp type 256",
        ),
        pytest.param(
            lambda w: w.admit(ip_protocol="icmp", cidr_ip="9.0.0.0/8"), "InvalidPermission.Duplicate", id="ingress twice"
        ),
        pytest.param(
            lambda w: w.admit(ip_protocol="1", cidr_ip="9.0.0.0/8"), "InvalidPermission.Duplicate", id="ingress twice, by number"
        ),
        pytest.param(
            lambda w: w.release(ip_protocol="-1", cidr_ip="0.0.0.0/0"), "InvalidPermission.Duplicate", id="egress twice"
        ),
        pytest.param(
            lambda w: w.aws.revoke_security_group_ingress(w.group.id, ip_protocol="icmp", cidr_ip="8.0.0.0/8"),
            "InvalidPermission.NotFound",
            id="revoke none",
        ),
        pytest.param(
            lambda w: w.aws.revoke_security_group_egress(w.group.id, ip_protocol="icmp", cidr_ip="9.0.0.0/8"),
            "InvalidPermission.NotFound",
            id="revoke on the other side",
        ),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.named = w.create("named", "by a rule of another", w.vpc.id)
    w.admit(ip_protocol="icmp", source_group_id=w.named.id)
    w.admit(ip_protocol="icmp", cidr_ip="9.0.0.0/8")
    w.tcp = lambda first, last: w.admit(ip_protocol="tcp", from_port=first, to_port=last, cidr_ip="0.0.0.0/0")
    refused(w.cloud, lambda: call(w), code)
