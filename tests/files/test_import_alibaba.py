"""`saglab import alibaba`: an account that is described and imported is the same network, and nothing is dropped in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.compiler import compile_topology
from lab.files import LabFile
from lab.files.imports import Documents, import_alibaba, written
from lab.files.source import Source
from tests.files.canonical import canonical
from tests.files.described import write_alibaba

ACCOUNT = """\
alibaba:
  vpcs:
    shop:
      cidr_block: 192.168.0.0/16
      v_switches: {web: 192.168.1.0/24, edge: {cidr_block: 192.168.2.0/24, zone: ap-southeast-1b}}
      route_table: {10.9.0.0/16: {next_hop: proxy, publish: true}, 10.8.0.0/16: spare}
      security_groups:
        web: {ingress: [tcp 80 from 0.0.0.0/0, tcp 8000-8100 from web, icmp from 10.0.0.0/8, tcp from 10.1.0.0/16]}
        vault:
          type: enterprise
          ingress:
            - {protocol: all, from: 10.0.0.0/8, policy: drop, priority: 7}
            - {protocol: udp, ports: 53, from: 10.0.0.0/8, priority: 9}
          egress: [all to 0.0.0.0/0]
      network_interfaces:
        spare: {v_switch: web, private_ip_address: 192.168.1.50, security_groups: [web]}
        second: {v_switch: web, security_groups: [vault], secondary_private_ip_addresses: [192.168.1.77]}
      instances:
        www: {v_switch: web, security_groups: [web], secondary_private_ip_addresses: [192.168.1.99], network_interfaces: [second]}
        proxy: {v_switch: edge, security_groups: [web, vault]}
        stopped: {v_switch: web, security_groups: [web], state: stopped}
    archive:
      cidr_block: 172.16.0.0/16
      region: cn-hangzhou
      publish: false
      instances: {tape: }
  smart_access_gateways:
    sag: {cidr_blocks: [10.1.0.0/16, 10.2.0.0/16], max_bandwidth: 30}
  cloud_connect_networks: {ccn: {region: ap-southeast-1}}
  cens:
    hybrid:
      attachments: [ccn, shop, archive]
      bandwidth_packages: [{between: [China, Asia-Pacific], bandwidth: 10}]
      inter_region_bandwidth: [{between: [ap-southeast-1, cn-hangzhou], bandwidth: 2}]
"""


def test_describing_and_importing_gives_an_equal_network(tmp_path: Path) -> None:
    cloud = LabFile.of(Source("lab.yaml", ACCOUNT)).cloud()
    write_alibaba(cloud, tmp_path)
    imported = import_alibaba(Documents(tmp_path))
    text = written(imported, "a test")
    again = LabFile.of(Source("again.yaml", text)).cloud()
    assert canonical(compile_topology(again)) == canonical(compile_topology(cloud)), text
    assert len(imported.left_out) == 1
    assert "the machine that it runs on, which nothing tells; name it under runs_on of sag" in imported.left_out[0]


LEFT_OUT = {
    "another CIDR block": (
        {
            "Vpcs": {
                "Vpc": [
                    {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "RegionId": "cn-hangzhou"}
                    | {"SecondaryCidrBlocks": {"SecondaryCidrBlock": ["10.7.0.0/16"]}}
                ]
            }
        },
        "vpc-1: the further CIDR block 10.7.0.0/16; a VPC has one here",
    ),
    "what is attached and not there": (
        {
            "Cens": {"Cen": [{"CenId": "cen-1"}]},
            "ChildInstances": {"ChildInstance": [{"CenId": "cen-1", "ChildInstanceId": "vbr-1", "ChildInstanceType": "VBR"}]},
        },
        "cen-1: the attached VBR vbr-1",
    ),
    "what nobody reads": ({"NatGateways": {"NatGateway": [{"NatGatewayId": "ngw-1"}]}}, "NatGateway: ngw-1"),
    "a hardware gateway": (
        {"SmartAccessGateways": {"SmartAccessGateway": [{"SmartAGId": "sag-1", "HardwareVersion": "sag-1000"}]}},
        "sag-1: that it is a device of the type sag-1000",
    ),
}


@pytest.mark.parametrize(("document", "told"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_what_is_not_modelled_is_listed(document: dict[str, object], told: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8")
    assert told in import_alibaba(Documents(tmp_path)).left_out


def test_a_group_without_its_rules_is_told_of(tmp_path: Path) -> None:
    vpc = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "RegionId": "cn-hangzhou"}
    group = {"SecurityGroupId": "sg-1", "VpcId": "vpc-1"}
    document = {"Vpcs": {"Vpc": [vpc]}, "SecurityGroups": {"SecurityGroup": [group]}}
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8")
    (told,) = import_alibaba(Documents(tmp_path)).left_out
    assert told == "sg-1: its rules; `aliyun ecs DescribeSecurityGroupAttribute` of it is missing"
