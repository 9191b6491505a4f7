"""What is wrong with a lab file, and where: each message with its line and column."""

from __future__ import annotations

import pytest

from lab.files import InvalidFile, LabFile
from lab.files.source import Source

AWS = "aws:\n  vpcs:\n    a:\n      cidr_block: 10.0.0.0/16\n"
TWO = AWS + "      instances: {app: , web: }\n"
B = "alibaba:\n  vpcs:\n    b:\n      cidr_block: 192.168.0.0/16\n"
SAG = "  smart_access_gateways:\n    sag:\n"


def errors_in(text: str) -> list[str]:
    with pytest.raises(InvalidFile) as raised:
        LabFile.of(Source("lab.yaml", text))
    return [f"{error.line}:{error.column} {error.message}" for error in raised.value.errors]


# id: (text, with » in front of where the error is; how the message begins)
CASES = {
    # YAML
    "no YAML": ("aws: [\n»", "not valid YAML: "),
    "a tab": ("aws:\n»\tvpcs: {}", "not valid YAML: a tab stands here, and YAML indents with spaces"),
    "a key twice": ("name: a\n»name: b", "the key 'name' stands here a second time; the first is in line 1"),
    "a merge key": ("x: &x {}\naws:\n  »<<: *x", "merge keys (<<) are not understood"),
    "a list as a key": ("? »[a]\n: b", "a key is a word or a number"),
    "itself inside": ("aws: »&a {vpcs: *a}", "this holds itself, through an alias"),
    # keys and kinds of values
    "not a mapping": ("»- aws", "a list is not a mapping, keys with values"),
    "an unknown key": ("»asw: {}", "unknown key 'asw'; did you mean aws; the keys are format, name,"),
    "a thing that is not modelled": (
        AWS + "  »vpc_peering_connections: {}",
        "unknown key 'vpc_peering_connections' in aws, for this is not modelled",
    ),
    "a key of another cloud": (AWS + "      »v_switches: {}", "unknown key 'v_switches' in VPC a"),
    "a missing key": ("aws: {vpcs: {a: »{}}}", "'cidr_block' is missing in VPC a"),
    "a word for a mapping": ("aws: »vpcs", "'vpcs' is not a mapping, keys with values"),
    "a mapping for a list": ("expect: »{app: web}", "a mapping is not a list"),
    "a word for a list": (AWS + "      instances: {app: {security_groups: »web}}", "'web' is not a list; write [web]"),
    "too short a list": (
        B + "  cens: {x: {inter_region_bandwidth: [{between: »[a], bandwidth: 1}]}}",
        "'between' needs 2 values",
    ),
    "too large a number": (
        TWO + "expect: [{from: app, to: web, protocol: tcp, port: »70000}]",
        "port: '70000' is more than 65535",
    ),
    "too small a number": (TWO + "expect: [{from: app, to: web, size: »7}]", "size: '7' is less than 28"),
    "a number for a word": (AWS + "      region: »5", "'5' is not a word; put a number into quotes"),
    "a word for a number": (B + SAG + "      max_bandwidth: »fast", "'fast' is not a whole number"),
    "yes is no truth value": (AWS + "      internet_gateway: »perhaps", "'perhaps' is not true or false"),
    "another format": ("format: »2", "'2' is none of 1"),
    "a name with a blank": ("name: »my lab", "'my lab' is not a name: letters, digits and _.-"),
    "a number as a name": ("aws: {vpcs: {»7: {cidr_block: 10.0.0.0/16}}}", "'7' is not a name"),
    # addresses
    "no CIDR block": ("aws: {vpcs: {a: {cidr_block: »10.0.0.0}}}", "'10.0.0.0' is not a CIDR block such as 10.0.0.0/16"),
    "host bits": (AWS + "      subnets: {x: »10.0.1.1/24}", "'10.0.1.1/24' has bits set beyond /24; write 10.0.1.0/24"),
    "no address": (AWS + "      instances: {app: {private_ip_address: »ten}}", "'ten' is not an IPv4 address"),
    "a route to no block": (AWS + "      route_tables: {main: {»default: app}}", "'default' is not a CIDR block"),
    # rules
    "no rule": (AWS + "      security_groups: {g: {ingress: [»tcp 22]}}", "'tcp 22' is not a rule such as 'tcp 443 from"),
    "to in ingress": (
        AWS + "      security_groups: {g: {ingress: [»all to web]}}",
        "'all to web' says to, and a rule of ingress",
    ),
    "ports of ICMP": (AWS + "      security_groups: {g: {ingress: [»icmp 8 from web]}}", "ports belong to tcp and udp"),
    "ports backwards": (AWS + "      security_groups: {g: {ingress: [»tcp 9-8 from web]}}", "'9-8' is no range within 0"),
    "a port too high": (AWS + "      security_groups: {g: {ingress: [»tcp 70000 from web]}}", "'70000' is no port: they go from"),
    "two ports in a rule": (
        AWS + "      security_groups: {g: {ingress: [»'tcp 80,443 from web']}}",
        "'80,443' is neither a port nor a range such as 8000-8100; more take a rule each",
    ),
    "an unknown protocol": (AWS + "      security_groups: {g: {ingress: [»gre from web]}}", "'gre' is not a protocol"),
    "an address as a peer": (
        AWS + "      security_groups: {g: {ingress: [»all from 10.0.0.1]}}",
        "'10.0.0.1' is an address; write",
    ),
    "an ACL without a verdict": (
        AWS + "      network_acls: {l: {ingress: {1: »all from 10.0.0.0/8}}}",
        "'all from 10.0.0.0/8' is not a rule",
    ),
    # expectations
    "no expectation": (TWO + "expect: [»app pings web]", "'app pings web' is not an expectation such as 'app reaches ecs"),
    "an expectation with a slip": (
        TWO + "expect: [»app reaches web on tpc 443]",
        "'app reaches web on tpc 443' is not an expectation: 'on tpc 443' is none of on tcp 443, through gw, ccn or within 200",
    ),
    "an expectation in another order": (
        TWO + "expect: [»app reaches web within 2 s on tcp 443]",
        "'app reaches web within 2 s on tcp 443' is not an expectation: 'on tcp 443' comes too late",
    ),
    "an unknown code": (
        TWO + "expect: [{from: app, to: web, reaches: false, because: »ECS_SG_RULE_MISMATCH}]",
        "there is no code 'ECS_SG_RULE_MISMATCH'; did you mean ECS_SG_RULES_MISMATCH?",
    ),
    "TCP without a port": (TWO + "expect: [»{from: app, to: web, protocol: tcp}]", "tcp needs a port"),
    "ICMP with a port": (TWO + "expect: [»{from: app, to: web, port: 1}]", "icmp has no ports; name tcp or udp"),
    "a time without a unit": (TWO + "expect: [{from: app, to: web, within: »5}]", "'5' is not a time such as 200 ms"),
    "a way that must not be": (TWO + "expect: [»app cannot reach web within 1 s]", "what must not be reached has neither"),
    "a reason without a no": (
        TWO + "expect: [»{from: app, to: web, because: NO_ROUTE_TO_DESTINATION}]",
        "because tells why something cannot be",
    ),
    "an unknown machine": (TWO + "expect: [»ap reaches web]", "there is no machine 'ap'; did you mean app?"),
    "the same machine": (TWO + "expect: [»app reaches app]", "'app' is at both ends; name two machines"),
    "a way through nothing": (
        TWO + "expect: [»app reaches web through vcpe]",
        "there is nothing called 'vcpe' that a packet could",
    ),
    "two of a name": (
        TWO + B + "      instances: {app: }\nexpect: [»app reaches web]",
        "2 machines are called 'app'; say which one: a/app, b/app",
    ),
    # references
    "no such subnet": (AWS + "      instances: {app: {subnet: »web}}", "there is no subnet 'web' in a; there are: main"),
    "no such table": (AWS + "      subnets: {x: {cidr_block: 10.0.1.0/24, route_table: »t}}", "there is no route table 't' in a"),
    "no such group": (AWS + "      instances: {app: {security_groups: [»g]}}", "there is no security group 'g' in a"),
    "a group of no one": (AWS + "      security_groups: {g: {ingress: [»all from h]}}", "there is no security group 'h' in a"),
    "no such target": (AWS + "      route_tables: {main: {10.1.0.0/16: »app}}", "there is no target 'app' in a"),
    "no internet gateway": (
        AWS + "      internet_gateway: false\n      route_tables: {main: {0.0.0.0/0: »internet_gateway}}",
        "a has no internet gateway; say internet_gateway: true",
    ),
    "no such interface": (AWS + "      instances: {app: {network_interfaces: [»x]}}", "there is no network interface 'x' in a"),
    "a gateway on nothing": (B + SAG + "      runs_on: »vcpe", "there is no machine 'vcpe'; there are none"),
    "a gateway on ECS": (
        B + "      instances: {x: }\n" + SAG + "      runs_on: »x",
        "'x' is an ECS instance, and a gateway runs",
    ),
    "a machine for two": (
        TWO + B + SAG + "      runs_on: app\n    other: {runs_on: »app}",
        "sag runs on 'app' already, and a machine is one device",
    ),
    "a second device of one": (
        TWO + B + SAG + "      runs_on: [app, »web]\n      ha_type: no_backup",
        "sag has one device (no_backup), and this is a second machine",
    ),
    "no such CCN": (B + SAG + "      cloud_connect_network: »c", "there is no CCN 'c'; there are: ccn-ap-southeast-1"),
    "nothing to attach": (B + "  cens: {cen: [»c]}", "there is no CCN or VPC of Alibaba Cloud 'c'"),
    "a route for no CEN": (
        B + "      instances: {x: }\n      route_table: {10.0.0.0/8: {next_hop: x, publish: »true}}",
        "b is attached to no CEN that could learn of a route",
    ),
    # what the providers refuse
    "a VPC too wide": ("aws: {vpcs: {a: {cidr_block: »10.0.0.0/8}}}", "InvalidVpc.Range: the CIDR '10.0.0.0/8' is invalid"),
    "a region that is none": (
        "aws: {vpcs: {a: {cidr_block: 10.0.0.0/16, region: »eu-central-9}}}",
        "UnknownEndpoint: the region 'eu-central-9' is none of AWS's; there are eu-central-",
    ),
    "a subnet outside": (
        AWS + "      subnets: {x: »10.1.0.0/24}",
        "InvalidSubnet.Range: the CIDR '10.1.0.0/24' is invalid: a subnet of a",
    ),
    "subnets that overlap": (
        AWS + "      subnets: {x: 10.0.1.0/24, y: »10.0.0.0/20}",
        "InvalidSubnet.Conflict: the CIDR '10.0.0.0/20' conflicts with 10.0.1.0/24 (x)",
    ),
    "a reserved address": (
        AWS + "      instances: {app: {private_ip_address: »10.0.0.1}}",
        "InvalidParameterValue: AWS reserves the first four and the last address of 10.0.0.0/24 (main)",
    ),
    "an address twice": (
        AWS + "      instances:\n        app: {private_ip_address: 10.0.0.9}\n        web: {private_ip_address: »10.0.0.9}",
        "InvalidIPAddress.InUse: the address 10.0.0.9 of main is already in use by app; choose another",
    ),
    "an unknown size": (
        AWS + "      instances: {app: {instance_type: »huge}}",
        "InvalidParameterValue: the instance type 'huge'",
    ),
    "a rule twice": (
        AWS + "      security_groups: {g: {ingress: [all from 10.0.0.0/8, »all from 10.0.0.0/8]}}",
        "InvalidPermission.Duplicate: the rule (peer: 10.0.0.0/8",
    ),
    "an unknown region": (
        "alibaba: {vpcs: {b: {cidr_block: 10.0.0.0/8, region: »mars}}}",
        "InvalidRegionId.NotFound: the region 'mars'",
    ),
    "too little bandwidth": (B + SAG + "      »max_bandwidth: 5", "InvalidParameter: max_bandwidth 5 is not within 10 to 1000"),
    "blocks that conflict": (
        TWO + B + SAG + "      runs_on: app\n    other: »{runs_on: web}",
        "CidrConflict: ",
    ),
    "a CEN twice": (B + "  cens: {one: [b], two: [»b]}", "InvalidOperation.ChildInstanceAlreadyAttached: 'b' is attached to one"),
}


@pytest.mark.parametrize(("marked", "message"), CASES.values(), ids=CASES.keys())
def test_message_line_and_column(marked: str, message: str) -> None:
    before, mark, after = marked.partition("»")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    found = errors_in(before + after)
    assert mark
    assert len(found) == 1, found
    assert found[0].startswith(f"{line}:{column} {message}"), found[0]


def test_every_error_at_once_in_the_order_of_the_file() -> None:
    text = AWS + "      subnets: {x: 10.0.0.0/33, y: 10.0.0.1/24}\n      rejoin: {}\nexpect: [app, 5]"
    assert [error.split(" ")[0] for error in errors_in(text)] == ["5:20", "5:36", "6:7", "7:10", "7:15"]


def test_what_depends_on_something_wrong_is_not_an_error_of_its_own() -> None:
    text = AWS + "      subnets: {x: 10.1.0.0/24}\n      instances: {app: {subnet: x}, web: {subnet: z}}\n"
    found = errors_in(
        text + "      route_tables: {main: {10.9.0.0/16: app}}\nexpect: [{from: web, to: 10.0.0.9, reaches: false}]"
    )
    assert [error.split(":")[0] for error in found] == ["5", "6"], found
    assert "there is no subnet 'z' in a; there are: x" in found[1]


def test_the_message_as_a_person_reads_it() -> None:
    with pytest.raises(InvalidFile) as raised:
        LabFile.of(Source("office.yaml", "name: a b\nasw: {}"))
    assert str(raised.value).splitlines()[0] == "office.yaml has 2 errors:"
    assert str(raised.value).splitlines()[1].startswith("office.yaml:1:7: 'a b' is not a name")
