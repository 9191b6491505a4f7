"""Network ACLs."""

from __future__ import annotations

import pytest

from lab.cloud.aws import NetworkAcl


@pytest.fixture
def w(aws_world):
    w = aws_world
    w.own = w.aws.create_network_acl(w.vpc.id).id
    w.rule = lambda **given: w.aws.create_network_acl_entry(
        **{
            "network_acl_id": w.own,
            "rule_number": 10,
            "protocol": "-1",
            "rule_action": "allow",
            "egress": False,
            "cidr_block": "0.0.0.0/0",
        }
        | given
    )
    return w


def numbers(w, side: str) -> list[tuple[int, bool]]:
    return [(entry.rule_number, entry.permit) for entry in getattr(w.cloud.store.get(NetworkAcl, w.own), side)]


def test_a_new_list_denies_and_its_rules_stand_in_the_order_of_their_numbers(w) -> None:
    assert numbers(w, "ingress") == numbers(w, "egress") == []
    for number, action in ((200, "allow"), (100, "deny"), (32766, "allow"), (1, "deny")):
        w.rule(rule_number=number, rule_action=action)
    assert numbers(w, "ingress") == [(1, False), (100, False), (200, True), (32766, True)]
    assert numbers(w, "egress") == []


def test_a_rule_is_replaced_and_deleted(w) -> None:
    w.rule()
    w.rule(egress=True)
    w.aws.replace_network_acl_entry(
        w.own, rule_number=10, protocol="tcp", rule_action="deny", egress=False, cidr_block="9.0.0.0/8", from_port=1, to_port=2
    )
    assert (numbers(w, "ingress"), numbers(w, "egress")) == ([(10, False)], [(10, True)])
    w.aws.delete_network_acl_entry(w.own, rule_number=10, egress=True)
    assert (numbers(w, "ingress"), numbers(w, "egress")) == ([(10, False)], [])


def test_a_subnet_has_exactly_one_list(w) -> None:
    assert w.aws.network_acl_of(w.inner.id).id == w.acl
    w.aws.replace_network_acl_association(w.own, w.inner.id)
    assert w.aws.network_acl_of(w.inner.id).id == w.own
    assert w.aws.network_acl_of(w.edge.id).id == w.acl
    second = w.aws.create_network_acl(w.vpc.id).id
    w.aws.replace_network_acl_association(second, w.inner.id)
    assert w.aws.network_acl_of(w.inner.id).id == second
    w.aws.replace_network_acl_association(w.acl, w.inner.id)
    assert w.aws.network_acl_of(w.inner.id).id == w.acl
    w.aws.delete_network_acl(second)
    assert [acl.id for acl in w.aws.describe_network_acls(w.vpc.id)] == [w.acl, w.own]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.aws.create_network_acl("vpc-0"), "InvalidVpcID.NotFound", id="unknown vpc"),
        pytest.param(lambda w: w.aws.delete_network_acl("acl-0"), "InvalidNetworkAclID.NotFound", id="delete unknown"),
        pytest.param(lambda w: w.aws.delete_network_acl(w.acl), "CannotDelete", id="delete the default one"),
        pytest.param(lambda w: w.aws.delete_network_acl(w.used), "DependencyViolation", id="delete in use"),
        pytest.param(
            lambda w: w.aws.replace_network_acl_association(w.own, w.other_subnet.id), "InvalidParameterValue", id="other vpc"
        ),
        pytest.param(lambda w: w.rule(network_acl_id="acl-0"), "InvalidNetworkAclID.NotFound", id="unknown list"),
        pytest.param(lambda w: w.rule(rule_number=0), "InvalidParameterValue", id="rule 0"),
        pytest.param(lambda w: w.rule(rule_number=32767), "InvalidParameterValue", id="rule 32767"),
        pytest.param(lambda w: w.rule(rule_action="permit"), "InvalidParameterValue", id="action"),
        pytest.param(lambda w: w.rule(cidr_block="1.2.3.4"), "InvalidParameterValue", id="block"),
        pytest.param(lambda w: w.rule(protocol="tcp"), "InvalidParameterValue", id="tcp without ports"),
        pytest.param(lambda w: w.rule(rule_number=77), "NetworkAclEntryAlreadyExists", id="number taken"),
        pytest.param(
            lambda w: w.aws.delete_network_acl_entry(w.own, rule_number=77, egress=True),
            "InvalidNetworkAclEntry.NotFound",
            id="delete on the other side",
        ),
        pytest.param(
            lambda w: w.aws.replace_network_acl_entry(
                w.own, rule_number=78, protocol="-1", rule_action="deny", egress=False, cidr_block="0.0.0.0/0"
            ),
            "InvalidNetworkAclEntry.NotFound",
            id="replace none",
        ),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.used = w.aws.create_network_acl(w.vpc.id).id
    w.aws.replace_network_acl_association(w.used, w.inner.id)
    w.rule(rule_number=77)
    refused(w.cloud, lambda: call(w), code)
