"""Importing what moto, which nobody here wrote, answers to the describe calls of boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.cli import main
from lab.explanation import Question, explain
from lab.files import LabFile

boto3 = pytest.importorskip("boto3", reason="the extra `test` has moto")
moto = pytest.importorskip("moto")

CALLS = (
    "vpcs",
    "subnets",
    "route_tables",
    "security_groups",
    "network_acls",
    "network_interfaces",
    "instances",
    "internet_gateways",
    "addresses",
    "vpn_gateways",
)


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        yield boto3.client("ec2", region_name="eu-west-1")


def named(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def an_account(ec2: Any) -> None:
    """A VPC with a public and a private subnet, a group for each of two machines, and things that no lab has."""
    vpc = ec2.create_vpc(CidrBlock="10.5.0.0/16", TagSpecifications=named("vpc", "Branch Office"))["Vpc"]["VpcId"]
    public = ec2.create_subnet(VpcId=vpc, CidrBlock="10.5.1.0/24", TagSpecifications=named("subnet", "public"))["Subnet"][
        "SubnetId"
    ]
    inner = ec2.create_subnet(VpcId=vpc, CidrBlock="10.5.2.0/24", TagSpecifications=named("subnet", "inner"))["Subnet"][
        "SubnetId"
    ]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=named("route-table", "to the internet"))["RouteTable"][
        "RouteTableId"
    ]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=public)
    web = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    data = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=data,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": web}]}],
    )
    for name, subnet, group, address in (("web", public, web, "10.5.1.10"), ("db", inner, data, "10.5.2.10")):
        ec2.run_instances(
            ImageId="ami-12c6146b",  # one of moto's
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            PrivateIpAddress=address,
            SecurityGroupIds=[group],
            TagSpecifications=named("instance", name),
        )
    ec2.create_vpn_gateway(Type="ipsec.1")
    ec2.allocate_address(Domain="vpc")


def describe(ec2: Any, directory: Path) -> None:
    for call in CALLS:
        document = getattr(ec2, f"describe_{call}")()
        (directory / f"{call}.json").write_text(json.dumps(document, default=str), encoding="utf-8")


def test_an_account_of_moto_becomes_a_network(ec2: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    an_account(ec2)
    describe(ec2, tmp_path)
    assert main(["import", "aws", str(tmp_path), "--output", str(tmp_path / "lab.yaml")]) == 0
    said = capsys.readouterr().err
    assert "not modelled: VpnGateways: vgw-" in said
    assert "an elastic IP address that is associated with nothing" in said
    file = LabFile.read(tmp_path / "lab.yaml")
    assert "Branch-Office" in file.content.aws.vpcs
    cloud = file.cloud()
    assert explain(cloud, Question("web", "db", "tcp", 5432)).reaches
    assert not explain(cloud, Question("web", "db", "tcp", 22), fixes=False).reaches
    assert not explain(cloud, Question("db", "web"), fixes=False).reaches
