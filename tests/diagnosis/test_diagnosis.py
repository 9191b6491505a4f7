"""Broken set-ups, each found by its cause: the network of tests/explanation/build.py, broken in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.cloud import Cloud, CloudError
from lab.cloud.alibaba.resources import SmartAccessGateway
from lab.cloud.aws.resources import Instance
from lab.compiler import compile_topology
from lab.diagnosis import Check, Level, diagnose_smart_access_gateway
from lab.diagnosis.survey import _CHECKS, unexplained
from lab.explanation import Question, explain
from tests.explanation.build import REGION, Ids, joined

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Case:
    """`breaks` breaks it; the only errors are those of `check`, one of which says `finding` and advises `advice`."""

    breaks: Callable[[Cloud, Ids], object]
    check: Check
    finding: str
    advice: str


def relaunch(user_data: Callable[[SmartAccessGateway], str], image: str = "sag-vcpe") -> Callable[[Cloud, Ids], None]:
    """The vCPE launched anew with other user data, or from another image, at its old place."""

    def breaks(cloud: Cloud, ids: Ids) -> None:
        old = cloud.store.get(Instance, ids.vcpe)
        subnet = next(it.id for it in cloud.aws.describe_subnets(ids.aws_vpc) if it.id != ids.app_subnet)
        cloud.aws.terminate_instances(ids.vcpe)
        new = cloud.aws.run_instances(
            cloud.aws.describe_images(name=image)[0].id,
            subnet,
            security_group_ids=[ids.vcpe_group],
            private_ip_address="10.0.2.10",
            user_data=user_data(cloud.store.get(SmartAccessGateway, ids.sag)),
            associate_public_ip_address=True,
            name=old.name,
        )
        cloud.aws.modify_instance_attribute(new.id, source_dest_check=False)
        cloud.aws.replace_route(ids.table, "192.168.0.0/16", instance_id=new.id)

    return breaks


def right(gateway: SmartAccessGateway) -> str:
    return json.dumps({"sn": gateway.active_device.serial_number, "key": gateway.active_device.secret_key})


def other_key(gateway: SmartAccessGateway) -> str:
    return json.dumps({"sn": gateway.active_device.serial_number, "key": "0"})


def other_serial(gateway: SmartAccessGateway) -> str:
    return json.dumps({"sn": "saganother", "key": gateway.active_device.secret_key})


def mixed(gateway: SmartAccessGateway) -> str:
    active, standby = gateway.devices
    return json.dumps({"sn": active.serial_number, "key": standby.secret_key})


def lose_public_address(cloud: Cloud, ids: Ids) -> None:
    """An assigned address is lost with an elastic one that took its place."""
    address = cloud.aws.allocate_address()
    association = cloud.aws.associate_address(address.id, network_interface_id=ids.vcpe_eni)
    cloud.aws.disassociate_address(association)


def close_the_edge(cloud: Cloud, ids: Ids) -> None:
    """A network ACL that lets no UDP out to the point of presence."""
    (acl,) = cloud.aws.describe_network_acls(ids.aws_vpc)
    cloud.aws.create_network_acl_entry(
        network_acl_id=acl.id,
        rule_number=50,
        protocol="udp",
        from_port=0,
        to_port=65535,
        rule_action="deny",
        egress=True,
        cidr_block="198.51.100.0/24",
    )


def close_the_controller(cloud: Cloud, ids: Ids) -> None:
    """A network ACL that lets no HTTPS out."""
    (acl,) = cloud.aws.describe_network_acls(ids.aws_vpc)
    cloud.aws.create_network_acl_entry(
        network_acl_id=acl.id,
        rule_number=50,
        protocol="tcp",
        from_port=443,
        to_port=443,
        rule_action="deny",
        egress=True,
        cidr_block="0.0.0.0/0",
    )


def let_the_certificate_expire(cloud: Cloud, ids: Ids) -> None:
    cloud.alibaba.issue_controller_certificate(days=1)
    cloud.clock.move_forward(days=2)


def launch_a_twin(cloud: Cloud, ids: Ids) -> None:
    """Another machine with the same pair."""
    first = cloud.store.get(Instance, ids.vcpe)
    subnet = next(it.id for it in cloud.aws.describe_subnets(ids.aws_vpc) if it.id != ids.app_subnet)
    cloud.aws.run_instances(
        first.image_id,
        subnet,
        security_group_ids=[ids.vcpe_group],
        user_data=first.user_data,
        associate_public_ip_address=True,
        name="twin",
    )


def move_the_office(cloud: Cloud, ids: Ids) -> None:
    """A VPC with a block of which the office's is a part joins the CEN: nobody can tell where the office is."""
    vpc = cloud.alibaba.create_vpc("10.0.0.0/8", region_id=REGION)
    cloud.alibaba.attach_cen_child_instance(ids.cen, vpc.id, "VPC", REGION)


CASES = {
    "in arrears": Case(
        lambda c, i: c.clock.move_forward(months=1),
        Check.SUBSCRIPTION,
        "subscription ended",
        'alibaba.renew_instance(instance_id="{sag}", renew_period=1)',
    ),
    "no pair": Case(relaunch(lambda _: ""), Check.KEY, "the user data is empty", "launch the machine anew"),
    "a malformed pair": Case(relaunch(lambda _: "{"), Check.KEY, "is not JSON", "launch the machine anew"),
    "a key that is not the device's": Case(relaunch(other_key), Check.KEY, "with a key that is not its own", "launch"),
    "a serial number that was not bought": Case(relaunch(other_serial), Check.KEY, "saganother, which was not bought", "launch"),
    "the pair mixed up": Case(relaunch(mixed), Check.KEY, "with the key of the other", "launch the machine anew"),
    "another image": Case(relaunch(right, "al2023-*"), Check.KEY, "boots from another image", "SAG vCPE image"),
    "the machine terminated": Case(
        lambda c, i: c.aws.terminate_instances(i.vcpe), Check.KEY, "no machine bears a serial number", "launch the machine anew"
    ),
    "no CCN": Case(
        lambda c, i: c.alibaba.unbind_smart_access_gateway(i.ccn, i.sag),
        Check.CCN,
        "bound to no CCN",
        'bind_smart_access_gateway(ccn_id="{ccn}", smart_ag_id="{sag}")',
    ),
    "no public address": Case(lose_public_address, Check.TUNNEL, "no public IP address", "public address"),
    "no way to the internet": Case(
        lambda c, i: c.aws.delete_route(i.public_table, "0.0.0.0/0"), Check.TUNNEL, "no route to the destination", "a route"
    ),
    "a network ACL before the tunnel": Case(close_the_edge, Check.TUNNEL, "network ACL denies", "network ACL for UDP 500"),
    "a controller out of reach": Case(close_the_controller, Check.CONTROLLER, "gets no answer", "TCP 443"),
    "an expired certificate": Case(
        let_the_certificate_expire, Check.CONTROLLER, "certificate has expired", "alibaba.issue_controller_certificate("
    ),
    "two machines with one pair": Case(launch_a_twin, Check.CONTROLLER, "another machine runs with the same", "terminate one"),
    "no CEN": Case(
        lambda c, i: c.alibaba.detach_ccn_instance_from_cen(i.ccn, i.cen),
        Check.CEN,
        "bound to no CEN",
        'attach_ccn_instance_to_cen(ccn_id="{ccn}", cen_id="{cen}")',
    ),
    "a CEN without a VPC": Case(
        lambda c, i: [c.alibaba.detach_cen_child_instance(i.cen, vpc, "VPC", REGION) for vpc in (i.vpc, i.far_vpc)],
        Check.CEN,
        "no VPC is attached",
        'child_instance_id="{vpc}"',
    ),
    "nothing announced": Case(
        lambda c, i: c.alibaba.modify_smart_access_gateway(i.sag, routing_strategy="dynamic"),
        Check.ROUTES,
        "announces no network",
        'cidr_block="10.0.0.0/16"',
    ),
    "another network announced": Case(
        lambda c, i: c.alibaba.modify_smart_access_gateway(i.sag, cidr_block="10.9.0.0/16"),
        Check.ROUTES,
        "hold nothing of 10.0.0.0/16",
        'cidr_block="10.9.0.0/16,10.0.0.0/16"',
    ),
    "no route at AWS": Case(
        lambda c, i: c.aws.delete_route(i.table, "192.168.0.0/16"), Check.ROUTES, "NO_ROUTE_TO_DESTINATION", "aws.create_route("
    ),
    "a network on both sides": Case(move_the_office, Check.CONFLICTS, "overlaps 10.0.0.0/16", "another CIDR block"),
    "the vCPE's security group": Case(
        lambda c, i: c.aws.revoke_security_group_ingress(i.vcpe_group, ip_protocol="-1", cidr_ip="10.0.0.0/16"),
        Check.SECURITY_GROUPS,
        "app → ecs dies: SG_HAS_NO_RULES",
        'authorize_security_group_ingress(group_id="{vcpe_group}"',
    ),
    "the ECS instance's security group": Case(
        lambda c, i: c.alibaba.revoke_security_group(i.ecs_group, source_cidr_ip="10.0.0.0/16", priority=10),
        Check.SECURITY_GROUPS,
        "app → ecs dies: ECS_SG_RULES_MISMATCH",
        'authorize_security_group(security_group_id="{ecs_group}"',
    ),
    "the source/destination check": Case(
        lambda c, i: c.aws.modify_network_interface_attribute(i.vcpe_eni, source_dest_check=True),
        Check.SOURCE_DEST_CHECK,
        "ENI_SOURCE_DEST_CHECK_RESTRICTION",
        'modify_network_interface_attribute(network_interface_id="{vcpe_eni}", source_dest_check=False)',
    ),
}


@pytest.fixture
def world() -> tuple[Cloud, Ids]:
    """The far VPC's group admits the office too, and the office has a route to it: every host reaches every other."""
    cloud, ids = joined()
    far_group = next(it for it in cloud.alibaba.describe_security_groups(ids.far_vpc))
    cloud.alibaba.authorize_security_group(far_group.id, source_cidr_ip="10.0.0.0/16")
    cloud.aws.create_route(ids.table, "172.16.0.0/12", network_interface_id=ids.vcpe_eni)
    cloud.aws.authorize_security_group_ingress(ids.app_group, ip_protocol="-1", cidr_ip="172.16.0.0/12")
    return cloud, ids


def test_nothing_is_found_where_nothing_is_wrong(world: tuple[Cloud, Ids]) -> None:
    cloud, ids = world
    diagnosis = diagnose_smart_access_gateway(cloud, ids.sag)
    assert diagnosis.errors == diagnosis.at(Level.WARNING) == ()
    assert diagnosis.at(Level.UNCHECKED) == ()
    assert list(dict.fromkeys(item.check for item in diagnosis.items)) == list(Check)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_broken_set_up_is_found_by_its_cause(world: tuple[Cloud, Ids], case: Case) -> None:
    cloud, ids = world
    case.breaks(cloud, ids)
    before = cloud.store.everything()
    diagnosis = diagnose_smart_access_gateway(cloud, ids.sag)
    assert {item.check for item in diagnosis.errors} == {case.check}, diagnosis.errors
    advice = case.advice.format(**vars(ids))
    assert [item for item in diagnosis.errors if case.finding in item.finding and advice in item.advice], diagnosis.errors
    assert cloud.store.everything() == before


def test_a_narrow_link_on_the_tunnels_way_is_found(world: tuple[Cloud, Ids]) -> None:
    cloud, ids = world
    topology = compile_topology(cloud)
    narrow = tuple(
        replace(node, interfaces=tuple(replace(it, mtu=1400) for it in node.interfaces)) if node.name == "internet" else node
        for node in topology.nodes
    )
    diagnosis = diagnose_smart_access_gateway(cloud, ids.sag, topology=replace(topology, nodes=narrow))
    assert [(item.check, item.level) for item in diagnosis.errors] == [(Check.MTU, Level.ERROR)]
    assert "too large in its encrypted form at internet" in diagnosis.errors[0].finding


SAID = {
    "content": ("", Level.OK, "reports to the controller"),
    "unreachable": ("CONTROLLER_UNREACHABLE", Level.ERROR, "gets no answer from the controller"),
    "a certificate that nobody trusts": ("CERTIFICATE_NOT_TRUSTED", Level.ERROR, "not one that the device trusts"),
    "what another check is about": ("SAG_NOT_ATTACHED_TO_CCN", Level.UNCHECKED, "something else is to be mended first"),
}


@pytest.mark.parametrize(("reason", "level", "finding"), SAID.values(), ids=SAID.keys())
def test_what_a_machine_says_of_its_control_status_counts(
    world: tuple[Cloud, Ids], reason: str, level: Level, finding: str
) -> None:
    cloud, ids = world
    diagnosis = diagnose_smart_access_gateway(cloud, ids.sag, said={ids.vcpe: reason, "i-another": "WRONG_KEY"})
    (item,) = (item for item in diagnosis.items if item.check is Check.CONTROLLER)
    assert item.level is level
    assert finding in item.finding
    assert bool(item.advice) is (level is Level.ERROR)


def test_a_machine_that_never_phoned_home_says_nothing(world: tuple[Cloud, Ids]) -> None:
    cloud, ids = world
    (item,) = (it for it in diagnose_smart_access_gateway(cloud, ids.sag, said={}).items if it.check is Check.CONTROLLER)
    assert item.level is Level.UNCHECKED


def test_two_faults_at_once_are_both_found(world: tuple[Cloud, Ids]) -> None:
    cloud, ids = world
    CASES["the source/destination check"].breaks(cloud, ids)
    CASES["the ECS instance's security group"].breaks(cloud, ids)
    assert {item.check for item in diagnose_smart_access_gateway(cloud, ids.sag).errors} == {
        Check.SOURCE_DEST_CHECK,
        Check.SECURITY_GROUPS,
    }


def test_packets_that_die_of_what_no_call_mends_are_an_error_all_the_same(world: tuple[Cloud, Ids]) -> None:
    cloud, _ = world
    questions = (Question("app", "ecs"), Question("app", "ecs", ttl=2), Question("ecs", "app", ttl=2))
    (item,) = unexplained([explain(cloud, question) for question in questions])
    assert (item.check, item.level) == (Check.ROUTES, Level.ERROR)
    assert item.finding.startswith("app → ecs dies at ")
    assert "TTL_EXCEEDED" in item.finding
    assert item.advice == "send the packet with a greater TTL"


def test_a_gateway_that_was_never_activated(cloud: Cloud) -> None:
    sag = cloud.alibaba.create_smart_access_gateway().smart_ag_id
    found = {item.check: item for item in diagnose_smart_access_gateway(cloud, sag).errors}
    assert "never activated" in found[Check.SUBSCRIPTION].finding
    assert {Check.SUBSCRIPTION, Check.KEY, Check.CCN} <= found.keys()


def test_an_unknown_gateway_is_refused(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match=r"InvalidId\.SMARTAG"):
        diagnose_smart_access_gateway(cloud, "sag-0")


def test_every_call_that_an_explanation_advises_belongs_to_a_check() -> None:
    explanation = ROOT / "lab/explanation"
    sources = "".join(path.read_text() for path in (*sorted(explanation.glob("remedies/*.py")), explanation / "junction.py"))
    operations = {name.partition(".")[2] for name in re.findall(r'f?"((?:aws|alibaba)\.[a-z_]+)', sources)}
    beginnings = tuple(beginning for group in _CHECKS.values() for beginning in group)
    assert len(operations) > 15
    assert [name for name in operations if not name.startswith(beginnings)] == []


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(b"tests of the diagnosis")
