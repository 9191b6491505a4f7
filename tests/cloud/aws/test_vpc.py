"""VPCs and subnets."""

from __future__ import annotations

from ipaddress import IPv4Network

import botocore.session
import pytest

from lab.cloud.aws import NetworkAcl, Subnet
from lab.cloud.aws.region import REGIONS


@pytest.mark.parametrize("block", ["10.0.0.0/16", "172.31.0.0/20", "192.168.0.0/28"])
def test_a_vpc_comes_with_its_local_route_group_and_acl(cloud, block) -> None:
    vpc = cloud.aws.create_vpc(block, name="main")
    assert (vpc.cidr_block, vpc.name, vpc.region) == (IPv4Network(block), "main", "ap-southeast-1")
    (table,) = cloud.aws.describe_route_tables(vpc.id)
    assert (table.id, table.main) == (vpc.main_route_table_id, True)
    assert [(route.destination, route.target, route.state) for route in table.routes] == [(vpc.cidr_block, "local", "active")]
    (group,) = cloud.aws.describe_security_groups(vpc.id)
    assert (group.id, group.group_name) == (vpc.default_security_group_id, "default")
    assert [rule.group_id for rule in group.ingress] == [group.id]
    assert [str(rule.cidr_ip) for rule in group.egress] == ["0.0.0.0/0"]
    (acl,) = cloud.aws.describe_network_acls(vpc.id)
    assert (acl.id, acl.default) == (vpc.default_network_acl_id, True)
    assert [entry.permit for entry in (*acl.ingress, *acl.egress)] == [True, True]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.aws.create_vpc("10.0.0.0/15"), "InvalidVpc.Range", id="vpc too wide"),
        pytest.param(lambda w: w.aws.create_vpc("10.0.0.0/29"), "InvalidVpc.Range", id="vpc too narrow"),
        pytest.param(lambda w: w.aws.create_vpc("10.0.0.1/16"), "InvalidParameterValue", id="vpc with host bits"),
        pytest.param(lambda w: w.aws.create_vpc("10.0.0.0"), "InvalidParameterValue", id="vpc without a length"),
        pytest.param(lambda w: w.aws.create_vpc("10.0.0.0/255.255.0.0"), "InvalidParameterValue", id="vpc with a mask"),
        pytest.param(lambda w: w.aws.create_vpc("10.0.0/16"), "InvalidParameterValue", id="vpc with three numbers"),
        pytest.param(lambda w: w.aws.create_vpc("fd00::/64"), "InvalidParameterValue", id="vpc of IPv6"),
        pytest.param(lambda w: w.aws.create_vpc("10.0.0.0/16; reboot"), "InvalidParameterValue", id="vpc with more behind it"),
        pytest.param(lambda w: w.aws.create_vpc("10.0.0.0/16", region="eu-central-9"), "UnknownEndpoint", id="nowhere"),
        pytest.param(lambda w: w.aws.create_vpc(""), "InvalidParameterValue", id="vpc of nothing"),
        pytest.param(lambda w: w.aws.delete_vpc("vpc-0"), "InvalidVpcID.NotFound", id="delete unknown vpc"),
        pytest.param(lambda w: w.aws.delete_vpc(w.vpc.id), "DependencyViolation", id="delete vpc in use"),
        pytest.param(
            lambda w: w.aws.create_subnet("vpc-0", "10.0.3.0/24"),
            "InvalidVpcID.NotFound",
            id="subnet of unknown vpc",
            marks=pytest.mark.requirement("S0-001"),
        ),
        pytest.param(lambda w: w.aws.create_subnet(w.vpc.id, "10.1.0.0/24"), "InvalidSubnet.Range", id="subnet outside"),
        pytest.param(lambda w: w.aws.create_subnet(w.vpc.id, "10.0.0.0/15"), "InvalidSubnet.Range", id="subnet around the vpc"),
        pytest.param(lambda w: w.aws.create_subnet(w.vpc.id, "10.0.3.0/29"), "InvalidSubnet.Range", id="subnet too narrow"),
        pytest.param(lambda w: w.aws.create_subnet(w.vpc.id, "10.0.1.0/24"), "InvalidSubnet.Conflict", id="subnet twice"),
        pytest.param(lambda w: w.aws.create_subnet(w.vpc.id, "10.0.0.0/22"), "InvalidSubnet.Conflict", id="around another"),
        pytest.param(lambda w: w.aws.create_subnet(w.vpc.id, "10.0.2.16/28"), "InvalidSubnet.Conflict", id="subnet in another"),
        pytest.param(lambda w: w.aws.create_subnet(w.vpc.id, "10.0.3.1/24"), "InvalidParameterValue", id="subnet with host bits"),
        pytest.param(lambda w: w.aws.delete_subnet("subnet-0"), "InvalidSubnetID.NotFound", id="delete unknown subnet"),
        pytest.param(lambda w: w.aws.delete_subnet(w.inner.id), "DependencyViolation", id="delete subnet in use"),
    ],
)
def test_refused(aws_world, refused, call, code) -> None:
    refused(aws_world.cloud, lambda: call(aws_world), code)


def test_a_subnet_may_be_the_whole_vpc(cloud) -> None:
    vpc = cloud.aws.create_vpc("10.0.0.0/28")
    subnet = cloud.aws.create_subnet(vpc.id, "10.0.0.0/28", name="all")
    assert cloud.aws.describe_subnets(vpc.id) == (subnet,)
    assert (subnet.cidr_block, subnet.name) == (vpc.cidr_block, "all")


def test_the_same_blocks_may_be_used_in_two_vpcs(cloud) -> None:
    for _ in range(2):
        cloud.aws.create_subnet(cloud.aws.create_vpc("10.0.0.0/16").id, "10.0.1.0/24")
    assert len(cloud.store.all(Subnet)) == 2


def test_a_deleted_subnet_leaves_no_association_behind(cloud) -> None:
    vpc = cloud.aws.create_vpc("10.0.0.0/16")
    subnet, table = cloud.aws.create_subnet(vpc.id, "10.0.1.0/24"), cloud.aws.create_route_table(vpc.id)
    acl = cloud.aws.create_network_acl(vpc.id)
    cloud.aws.associate_route_table(table.id, subnet.id)
    cloud.aws.replace_network_acl_association(acl.id, subnet.id)
    cloud.aws.delete_subnet(subnet.id)
    assert [it.associations for it in cloud.aws.describe_route_tables(vpc.id)] == [(), ()]
    assert [it.associations for it in cloud.store.all(NetworkAcl)] == [(), ()]


def test_a_deleted_vpc_takes_along_what_came_with_it(cloud) -> None:
    before = cloud.store.everything()
    vpc = cloud.aws.create_vpc("10.0.0.0/16")
    cloud.aws.delete_vpc(vpc.id)
    assert cloud.store.everything() == before


def test_the_regions_that_aws_has_are_known() -> None:
    """The regions of botocore, which comes with moto; new ones are to be added here."""
    session, parts = botocore.session.get_session(), ("aws", "aws-cn", "aws-us-gov")
    assert {region for part in parts for region in session.get_available_regions("ec2", part)} <= {*REGIONS}
