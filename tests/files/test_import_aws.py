"""`saglab import aws`: an account that is described and imported is the same network, and nothing is dropped in silence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lab.cli import main
from lab.cloud import Cloud
from lab.compiler import compile_topology
from lab.files import LabFile
from lab.files.imports import Documents, import_aws, written
from lab.files.source import Source
from tests.files.canonical import canonical
from tests.files.described import write_aws

ACCOUNT = """\
aws:
  vpcs:
    office:
      cidr_block: 10.0.0.0/16
      subnets:
        app: {cidr_block: 10.0.1.0/24, network_acl: strict}
        edge: {cidr_block: 10.0.2.0/24, route_table: public}
      route_tables:
        main: {192.168.0.0/16: router, 172.16.0.0/12: spare, 10.9.0.0/16: stopped}
        public: {0.0.0.0/0: internet_gateway, 192.168.0.0/16: router}
        unused: {10.8.0.0/16: spare}
      network_acls:
        strict:
          ingress: {10: deny tcp 23 from 0.0.0.0/0, 20: {protocol: icmp, type: 8, from: 10.0.0.0/8}, 30: allow all from 0.0.0.0/0}
          egress: {30: allow udp 53-123 to 10.0.0.0/8}
        default:
          ingress: {5: allow all from 10.0.0.0/8}
      security_groups:
        default: {ingress: [icmp from web], egress: [tcp 443 to 0.0.0.0/0]}
        web:
          description: the servers; see #4
          ingress:
            [tcp 443 from 0.0.0.0/0, all from web, "50 from 10.0.0.0/8", {protocol: icmp, type: 3, code: 4, from: 10.0.0.0/8}]
      network_interfaces:
        spare: {subnet: app, private_ip_address: 10.0.1.50, security_groups: [web]}
        second: {subnet: edge, secondary_private_ip_addresses: [10.0.2.77], source_dest_check: false}
      instances:
        app: {subnet: app, security_groups: [web, default], secondary_private_ip_addresses: [10.0.1.99]}
        router: {subnet: edge, source_dest_check: false, elastic_ip: true, network_interfaces: [second], image: sag-vcpe}
        public: {subnet: edge, associate_public_ip_address: true, instance_type: c5.large}
        stopped: {subnet: app, state: stopped}
    bare:
      cidr_block: 10.1.0.0/16
      instances: {alone: }
"""


def imported(directory: Path) -> str:
    return written(import_aws(Documents(directory)), "a test")


def test_describing_and_importing_gives_an_equal_network(tmp_path: Path) -> None:
    cloud = LabFile.of(Source("lab.yaml", ACCOUNT)).cloud()
    write_aws(cloud, tmp_path)
    text = imported(tmp_path)
    again = LabFile.of(Source("again.yaml", text)).cloud()
    assert canonical(compile_topology(again)) == canonical(compile_topology(cloud)), text
    assert "Not modelled" not in text


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    write_aws(LabFile.of(Source("lab.yaml", ACCOUNT)).cloud(), tmp_path)
    first = imported(tmp_path)
    write_aws(LabFile.of(Source("first.yaml", first)).cloud(), tmp_path)
    again = imported(tmp_path)
    assert again.count("\n") == first.count("\n")
    assert re.sub(r"[a-z]+-[0-9a-f]{17}", "id", again) == re.sub(r"[a-z]+-[0-9a-f]{17}", "id", first)


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """A small one, as described."""
    text = "aws: {vpcs: {office: {cidr_block: 10.0.0.0/16, instances: {app: {associate_public_ip_address: true}}}}}"
    write_aws(LabFile.of(Source("lab.yaml", text)).cloud(), tmp_path)
    return tmp_path


def change(directory: Path, name: str, key: str, **more: object) -> None:
    """Add to the first thing that a document lists."""
    path = directory / f"{name}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    thing = document[key][0] if key != "Instances" else document["Reservations"][0]["Instances"][0]
    for name, value in more.items():
        thing[name] = [*thing[name], *value] if isinstance(value, list) and name in thing else value
    path.write_text(json.dumps(document), encoding="utf-8")


LEFT_OUT = {
    "another CIDR block": (
        ("vpcs", "Vpcs", {"CidrBlockAssociationSet": [{"CidrBlock": "10.5.0.0/16"}]}),
        "the further CIDR block 10.5.0.0/16",
    ),
    "IPv6": (
        ("vpcs", "Vpcs", {"Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8::/56"}]}),
        "the IPv6 block 2001:db8::/56",
    ),
    "a route to a NAT gateway": (
        (
            "route-tables",
            "RouteTables",
            {"Routes": [{"DestinationCidrBlock": "10.7.0.0/16", "NatGatewayId": "nat-1", "State": "active"}]},
        ),
        "the route 10.7.0.0/16 to nat-1",
    ),
    "a blackhole": (
        (
            "route-tables",
            "RouteTables",
            {"Routes": [{"DestinationCidrBlock": "10.7.0.0/16", "NetworkInterfaceId": "eni-9", "State": "blackhole"}]},
        ),
        "the route 10.7.0.0/16 to eni-9, which is gone (blackhole)",
    ),
    "a rule for IPv6": (
        (
            "security-groups",
            "SecurityGroups",
            {"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]},
        ),
        "a rule from ::/0",
    ),
    "a rule for a prefix list": (
        (
            "security-groups",
            "SecurityGroups",
            {"IpPermissions": [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}]},
        ),
        "a rule from pl-1",
    ),
    "a group of another VPC": (
        (
            "security-groups",
            "SecurityGroups",
            {"IpPermissions": [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-9"}]}]},
        ),
        "a rule from the group sg-9, which is of another VPC or account",
    ),
    "an unknown size": (
        ("instances", "Instances", {"InstanceType": "x9.huge"}),
        "its instance type x9.huge; the default is taken",
    ),
    "an interface of a service": (
        ("network-interfaces", "NetworkInterfaces", {"InterfaceType": "nat_gateway"}),
        "of the type nat_gateway",
    ),
}


@pytest.mark.parametrize(("changed", "told"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_what_is_not_modelled_is_listed(
    account: Path, changed: tuple[str, str, dict[str, object]], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, key, more = changed
    change(account, name, key, **more)
    assert main(["import", "aws", str(account)]) == 0
    said = capsys.readouterr()
    assert told in said.err
    assert told in said.out.partition("\naws:")[0]


def test_kinds_that_are_not_read_are_listed(account: Path) -> None:
    more = {
        "NatGateways": [{"NatGatewayId": "nat-7"}],
        "TransitGateways": [],
        "VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1"}],
    }
    (account / "more.json").write_text(json.dumps(more), encoding="utf-8")
    assert import_aws(Documents(account)).left_out == ["NatGateways: nat-7", "VpcPeeringConnections: pcx-1"]


REFUSED = {
    "no directory": ("nowhere", "nowhere is no directory"),
    "an empty one": ("empty", "there is no .json file in empty"),
    "no JSON": ("broken", "broken/a.json:1:2: no JSON"),
    "something else": ("other", "other/a.json: this is not what a describe command prints"),
}


@pytest.mark.parametrize(("directory", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_imported(
    directory: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("empty", ""), ("broken", "{,"), ("other", '{"Vpcs": "none"}')):
        Path(name).mkdir()
        if text:
            Path(name, "a.json").write_text(text, encoding="utf-8")
    assert main(["import", "aws", directory]) == 2
    assert told in capsys.readouterr().err


def test_what_the_model_refuses_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vpcs.json").write_text(json.dumps({"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/8"}]}), encoding="utf-8")
    assert main(["import", "aws", str(tmp_path), "--output", str(tmp_path / "lab.yaml")]) == 1
    assert "InvalidVpc.Range" in capsys.readouterr().err
    assert "vpc-1:" in (tmp_path / "lab.yaml").read_text(encoding="utf-8")


def test_an_empty_cloud_has_an_empty_file(tmp_path: Path) -> None:
    write_aws(Cloud(b"seed"), tmp_path)
    assert import_aws(Documents(tmp_path)).content == {"aws": {"vpcs": {}}}
