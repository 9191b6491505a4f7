"""API calls that let a packet pass where no scenario's step would: one thing broken in a network that works, or several."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache

import pytest

from lab.cli.call import add_operations
from lab.cli.verbs import Parser
from lab.cloud import Cloud
from lab.explanation import Call, Explanation, Question, apply_fixes, explain
from lab.explanation.call import Result
from tests.explanation.build import REGION, Ids, joined

THERE, BACK = Question("app", "ecs"), Question("ecs", "app")
HTTPS = Question("app", "ecs", "tcp", 443)
BETWEEN = Question("ecs", "far")
ICMP_FROM_AWS = 'ip_protocol="ICMP", source_cidr_ip="10.0.0.0/16"'

Break = Callable[[Cloud, Ids], object]


@dataclass(frozen=True)
class Case:
    """`breaks` spoils the network; `question` is then answered with a death of `code`, and `calls` mend it.

    Calls are written with the names of `Ids` in braces.
    """

    id: str
    breaks: Break
    code: str
    calls: tuple[str, ...]
    question: Question = THERE
    cause: str = ""


def two_rules(cloud: Cloud, ids: Ids) -> None:
    cloud.alibaba.authorize_security_group(ids.ecs_group, source_cidr_ip="10.0.1.0/24", policy="drop", priority=1)
    cloud.alibaba.authorize_security_group(ids.ecs_group, ip_protocol="TCP", port_range="22/22", source_cidr_ip="10.0.0.0/16")


def unjoin(cloud: Cloud, ids: Ids) -> None:
    """Nothing is left of the way between the clouds but the machines."""
    cloud.alibaba.detach_cen_child_instance(ids.cen, ids.vpc, "VPC", REGION)
    cloud.alibaba.detach_cen_child_instance(ids.cen, ids.far_vpc, "VPC", REGION)
    cloud.alibaba.detach_ccn_instance_from_cen(ids.ccn, ids.cen)
    cloud.alibaba.delete_cen(ids.cen)
    cloud.alibaba.unbind_smart_access_gateway(ids.ccn, ids.sag)
    cloud.alibaba.delete_cloud_connect_network(ids.ccn)


def lose_public_address(cloud: Cloud, ids: Ids) -> None:
    """An elastic address replaces the one of the launch, and goes."""
    association = cloud.aws.associate_address(cloud.aws.allocate_address().id, network_interface_id=ids.vcpe_eni)
    cloud.aws.disassociate_address(association)


def everything(cloud: Cloud, ids: Ids) -> None:
    cloud.aws.delete_route(ids.table, "192.168.0.0/16")
    cloud.aws.modify_network_interface_attribute(ids.vcpe_eni, source_dest_check=True)
    cloud.aws.revoke_security_group_ingress(ids.vcpe_group, ip_protocol="-1", cidr_ip="10.0.0.0/16")
    cloud.alibaba.detach_ccn_instance_from_cen(ids.ccn, ids.cen)
    cloud.alibaba.revoke_security_group(ids.ecs_group, source_cidr_ip="10.0.0.0/16", priority=10)


def only_egress_to(cloud: Cloud, group: str, port: int) -> None:
    cloud.aws.revoke_security_group_egress(group, ip_protocol="-1", cidr_ip="0.0.0.0/0")
    cloud.aws.authorize_security_group_egress(group, ip_protocol="tcp", from_port=port, to_port=port, cidr_ip="0.0.0.0/0")


def deny(cloud: Cloud, ids: Ids, number: int, block: str = "192.168.0.0/16") -> None:
    cloud.aws.create_network_acl_entry(
        cloud.aws.network_acl_of(ids.app_subnet).id,
        rule_number=number,
        protocol="-1",
        rule_action="deny",
        egress=True,
        cidr_block=block,
    )


def move_ecs_abroad(cloud: Cloud, ids: Ids) -> None:
    """A third VPC, in another geographic region, in the same CEN; its machine is called abroad."""
    alibaba = cloud.alibaba
    vpc = alibaba.create_vpc("192.168.0.0/20", region_id="eu-central-1")
    group = alibaba.create_security_group(vpc.id)
    switch = alibaba.create_vswitch(vpc.id, "192.168.9.0/24")
    alibaba.run_instances(switch.id, group.id, instance_name="abroad")
    alibaba.authorize_security_group(group.id, source_cidr_ip="10.0.0.0/8")
    alibaba.detach_cen_child_instance(ids.cen, ids.vpc, "VPC", REGION)
    alibaba.attach_cen_child_instance(ids.cen, vpc.id, "VPC", "eu-central-1")


def share_out(cloud: Cloud, ids: Ids, bandwidth: int) -> None:
    """Give a plan of 8 Mbit/s to the CEN, and so much of it to two other regions."""
    move_ecs_abroad(cloud, ids)
    plan = cloud.alibaba.create_cen_bandwidth_package(8, "Asia-Pacific", "Europe")
    cloud.alibaba.associate_cen_bandwidth_package(ids.cen, plan.id)
    cloud.alibaba.set_cen_inter_region_bandwidth_limit(ids.cen, "ap-northeast-1", "eu-central-1", bandwidth)


def move_ecs_abroad_where_little_is_left(cloud: Cloud, ids: Ids) -> None:
    share_out(cloud, ids, 5)


ACL = (
    'aws.create_network_acl_entry(network_acl_id="ACL", rule_number=%s, protocol="icmp", rule_action="allow", egress=%s, '
    'cidr_block="192.168.0.0/16")'
)
ROUTE = 'aws.create_route(route_table_id="{table}", destination_cidr_block="192.168.0.0/16", network_interface_id="{vcpe_eni}")'
CHECK = 'aws.modify_network_interface_attribute(network_interface_id="{vcpe_eni}", source_dest_check=False)'
ADMIT = 'aws.authorize_security_group_ingress(group_id="{vcpe_group}", ip_protocol="icmp", cidr_ip="10.0.0.0/16")'
ATTACH = (
    'alibaba.attach_cen_child_instance(cen_id="{cen}", child_instance_id="{%s}", child_instance_type="%s", '
    'child_instance_region_id="ap-southeast-1")'
)

CASES = [
    Case(
        "source/destination check",
        lambda cloud, ids: cloud.aws.modify_network_interface_attribute(ids.vcpe_eni, source_dest_check=True),
        "ENI_SOURCE_DEST_CHECK_RESTRICTION",
        (CHECK,),
    ),
    Case(
        "inbound group without a rule",
        lambda cloud, ids: cloud.aws.revoke_security_group_ingress(ids.vcpe_group, ip_protocol="-1", cidr_ip="10.0.0.0/16"),
        "SG_HAS_NO_RULES",
        (ADMIT,),
    ),
    Case(
        "outbound group for another port",
        lambda cloud, ids: only_egress_to(cloud, ids.app_group, 80),
        "ENI_SG_RULES_MISMATCH",
        (
            'aws.authorize_security_group_egress(group_id="{app_group}", ip_protocol="tcp", cidr_ip="192.168.0.0/16", '
            "from_port=443, to_port=443)",
        ),
        HTTPS,
    ),
    Case(
        "no route",
        lambda cloud, ids: cloud.aws.delete_route(ids.table, "192.168.0.0/16"),
        "NO_ROUTE_TO_DESTINATION",
        (ROUTE,),
    ),
    Case(
        "the answer has no route",
        lambda cloud, ids: cloud.aws.delete_route(ids.table, "192.168.0.0/16"),
        "NO_ROUTE_TO_DESTINATION",
        (ROUTE,),
        BACK,
    ),
    Case(
        "a stopped gateway",
        lambda cloud, ids: cloud.aws.stop_instances(ids.vcpe),
        "BAD_STATE_ROUTE",
        ('aws.start_instances(instance_id="{vcpe}")',),
    ),
    Case(
        "a stopped gateway, seen from the other side",
        lambda cloud, ids: cloud.aws.stop_instances(ids.vcpe),
        "NO_ROUTE_TO_DESTINATION",
        ('aws.start_instances(instance_id="{vcpe}")',),
        BACK,
    ),
    Case(
        "a list that denies",
        lambda cloud, ids: deny(cloud, ids, 90),
        "SUBNET_ACL_RESTRICTION",
        (ACL % (89, True),),
    ),
    Case(
        "a list that denies, with the number before it taken",
        lambda cloud, ids: (deny(cloud, ids, 90), deny(cloud, ids, 89, "172.16.0.0/12")),
        "SUBNET_ACL_RESTRICTION",
        (ACL % (88, True),),
    ),
    Case(
        "a list of nothing",
        lambda cloud, ids: cloud.aws.replace_network_acl_association(
            cloud.aws.create_network_acl(ids.aws_vpc).id, ids.app_subnet
        ),
        "SUBNET_ACL_RESTRICTION",
        (ACL % (100, True), ACL % (100, False)),
    ),
    Case(
        "regions without bandwidth between them",
        move_ecs_abroad,
        "CEN_NO_BANDWIDTH_PLAN",
        (
            'plan = alibaba.create_cen_bandwidth_package(bandwidth=10, geographic_region_a_id="Asia-Pacific", '
            'geographic_region_b_id="Europe")',
            'alibaba.associate_cen_bandwidth_package(cen_id="{cen}", cen_bandwidth_package_id=plan.id)',
            'alibaba.set_cen_inter_region_bandwidth_limit(cen_id="{cen}", local_region_id="ap-southeast-1", '
            'opposite_region_id="eu-central-1", bandwidth_limit=10)',
        ),
        Question("app", "abroad"),
    ),
    Case(
        "a plan of which another pair of regions has most",
        move_ecs_abroad_where_little_is_left,
        "CEN_NO_BANDWIDTH_PLAN",
        (
            'alibaba.set_cen_inter_region_bandwidth_limit(cen_id="{cen}", local_region_id="ap-southeast-1", '
            'opposite_region_id="eu-central-1", bandwidth_limit=1)',
        ),
        Question("app", "abroad"),
    ),
    Case(
        "the VPC's block withdrawn from the CEN",
        lambda cloud, ids: cloud.alibaba.withdraw_published_route_entries(
            ids.cen, ids.vpc, "VPC", REGION, ids.vpc_table, "192.168.0.0/16"
        ),
        "NO_ROUTE_TO_DESTINATION",
        (
            'alibaba.publish_route_entries(cen_id="{cen}", child_instance_id="{vpc}", child_instance_type="VPC", '
            'child_instance_region_id="ap-southeast-1", child_instance_route_table_id="{vpc_table}", '
            'destination_cidr_block="192.168.0.0/16")',
        ),
    ),
    Case(
        "a stopped app",
        lambda cloud, ids: cloud.aws.stop_instances(ids.app),
        "NO_POSSIBLE_DESTINATION",
        ('aws.start_instances(instance_id="{app}")',),
        Question("ecs", "10.0.1.10"),
    ),
    Case(
        "a stopped ecs",
        lambda cloud, ids: cloud.alibaba.stop_instance(ids.ecs),
        "NO_POSSIBLE_DESTINATION",
        ('alibaba.start_instance(instance_id="{ecs}")',),
        Question("app", "192.168.1.10"),
    ),
    Case(
        "a route to another target",
        lambda cloud, ids: cloud.aws.replace_route(ids.table, "192.168.0.0/16", gateway_id=ids.igw),
        "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",
        (ROUTE.replace("create_route", "replace_route"),),
    ),
    Case(
        "ECS group without a rule",
        lambda cloud, ids: cloud.alibaba.revoke_security_group(ids.ecs_group, source_cidr_ip="10.0.0.0/16", priority=10),
        "ECS_SG_RULES_MISMATCH",
        (f'alibaba.authorize_security_group(security_group_id="{{ecs_group}}", {ICMP_FROM_AWS})',),
    ),
    Case(
        "ECS rule that drops, with room before it",
        lambda cloud, ids: cloud.alibaba.authorize_security_group(
            ids.ecs_group, source_cidr_ip="10.0.1.0/24", policy="drop", priority=5
        ),
        "ECS_SG_RULES_MISMATCH",
        (f'alibaba.authorize_security_group(security_group_id="{{ecs_group}}", {ICMP_FROM_AWS}, priority=4)',),
    ),
    Case(
        "ECS rule that drops before all others",
        two_rules,
        "ECS_SG_RULES_MISMATCH",
        (
            'alibaba.revoke_security_group(security_group_id="{ecs_group}", ip_protocol="ALL", port_range="-1/-1", '
            'source_cidr_ip="10.0.1.0/24", policy="drop", priority=1)',
        ),
    ),
    Case(
        "ECS outbound rule that drops",
        lambda cloud, ids: cloud.alibaba.authorize_security_group_egress(
            ids.ecs_group, ip_protocol="ICMP", dest_cidr_ip="10.0.0.0/16", policy="drop", priority=9
        ),
        "ECS_SG_RULES_MISMATCH",
        (
            'alibaba.authorize_security_group_egress(security_group_id="{ecs_group}", ip_protocol="ICMP", '
            'dest_cidr_ip="10.0.0.0/16", priority=8)',
        ),
        BACK,
    ),
    Case(
        "VPC not in the CEN",
        lambda cloud, ids: cloud.alibaba.detach_cen_child_instance(ids.cen, ids.vpc, "VPC", REGION),
        "NO_ROUTE_TO_DESTINATION",
        (ATTACH % ("vpc", "VPC"),),
    ),
    Case(
        "CCN not in the CEN",
        lambda cloud, ids: cloud.alibaba.detach_ccn_instance_from_cen(ids.ccn, ids.cen),
        "NO_ROUTE_TO_DESTINATION",
        (ATTACH % ("ccn", "CCN"),),
        BACK,
    ),
    Case(
        "two VPCs, one not in the CEN",
        lambda cloud, ids: cloud.alibaba.detach_cen_child_instance(ids.cen, ids.far_vpc, "VPC", REGION),
        "NO_ROUTE_TO_DESTINATION",
        (ATTACH % ("far_vpc", "VPC"),),
        BETWEEN,
    ),
    Case(
        "gateway without a CCN",
        lambda cloud, ids: cloud.alibaba.unbind_smart_access_gateway(ids.ccn, ids.sag),
        "SAG_NOT_ATTACHED_TO_CCN",
        ('alibaba.bind_smart_access_gateway(ccn_id="{ccn}", smart_ag_id="{sag}")',),
    ),
    Case(
        "static route for another block",
        lambda cloud, ids: cloud.alibaba.modify_smart_access_gateway(ids.sag, cidr_block="10.9.0.0/16"),
        "OUTSIDE_SELECTOR",
        (
            'alibaba.modify_smart_access_gateway(smart_ag_id="{sag}", routing_strategy="static", '
            'cidr_block="10.9.0.0/16,10.0.0.0/16")',
        ),
    ),
    Case(
        "the gateway's public address gone",
        lose_public_address,
        "PEER_NOT_HEARD",
        (
            "address = aws.allocate_address()",
            'aws.associate_address(allocation_id=address.id, network_interface_id="{vcpe_eni}")',
        ),
        cause="IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
    ),
    Case(
        "the gateway's way to the internet gone",
        lambda cloud, ids: cloud.aws.delete_route(ids.public_table, "0.0.0.0/0"),
        "PEER_NOT_HEARD",
        ('aws.create_route(route_table_id="{public_table}", destination_cidr_block="0.0.0.0/0", gateway_id="{igw}")',),
        cause="NO_ROUTE_TO_DESTINATION",
    ),
    Case(
        "no CCN and no CEN",
        unjoin,
        "SAG_NOT_ATTACHED_TO_CCN",
        (
            'ccn = alibaba.create_cloud_connect_network(region_id="ap-southeast-1")',
            'alibaba.bind_smart_access_gateway(ccn_id=ccn.id, smart_ag_id="{sag}")',
            "cen = alibaba.create_cen()",
            'alibaba.attach_cen_child_instance(cen_id=cen.id, child_instance_id=ccn.id, child_instance_type="CCN", '
            'child_instance_region_id="ap-southeast-1")',
            'alibaba.attach_cen_child_instance(cen_id=cen.id, child_instance_id="{vpc}", child_instance_type="VPC", '
            'child_instance_region_id="ap-southeast-1")',
        ),
    ),
    Case(
        "five things at once",
        everything,
        "NO_ROUTE_TO_DESTINATION",
        (
            ROUTE,
            CHECK,
            ADMIT,
            ATTACH % ("ccn", "CCN"),
            f'alibaba.authorize_security_group(security_group_id="{{ecs_group}}", {ICMP_FROM_AWS})',
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_calls_that_mend_it(case: Case) -> None:
    cloud, ids = joined()
    assert case.question.destination == "abroad" or explain(cloud, case.question).reaches
    case.breaks(cloud, ids)
    explanation = explain(cloud, case.question)
    assert not explanation.reaches
    assert explanation.death is not None
    assert explanation.death.code == case.code
    assert (explanation.death.cause.code if explanation.death.cause else "") == case.cause
    names = asdict(ids)
    acl = cloud.aws.network_acl_of(ids.app_subnet).id
    assert calls_of(explanation) == [call.format(**names).replace('"ACL"', f'"{acl}"') for call in case.calls]
    assert explanation.solved
    for call in (call for fix in explanation.fixes for call in fix.calls):
        assert given_by(call.command("demo")) == as_given(call)
    apply_fixes(cloud, explanation.fixes)
    assert explain(cloud, case.question).reaches


@cache
def parser_of(provider: str) -> Parser:
    parser = Parser()
    add_operations(provider, parser)
    return parser


def given_by(command: str) -> dict[str, object]:
    """What `saglab call` would give the operation, by name."""
    typed = re.fullmatch(r"(?:\w+=\$\()?saglab call (\w+) (\w+) (.*?)(?: --id\))?", command)
    assert typed is not None, command
    provider, operation, rest = typed.groups()
    options = vars(parser_of(provider).parse_args([operation, *shlex.split(rest)]))
    assert options["lab"] == "demo"
    prefix = "parameter_"
    return {name.removeprefix(prefix): value for name, value in options.items() if name.startswith(prefix)}


def as_given(call: Call) -> dict[str, object]:
    """Its arguments as JSON has them; what an earlier call returned is a variable of the shell."""
    given: dict[str, object] = {}
    for name, value in call.arguments:
        plain = f"${value.name}" if isinstance(value, Result) else list(value) if isinstance(value, tuple) else value
        given[name] = plain if isinstance(plain, (bool, int, list)) else str(plain)
    return given


def calls_of(explanation: Explanation) -> list[str]:
    return [str(call) for fix in explanation.fixes for call in fix.calls]


def test_asking_changes_nothing() -> None:
    cloud, ids = joined()
    everything(cloud, ids)
    before = cloud.store.everything(), len(cloud.journal)
    explain(cloud, THERE)
    assert (cloud.store.everything(), len(cloud.journal)) == before


def test_fixes_may_be_left_unasked() -> None:
    cloud, ids = joined()
    everything(cloud, ids)
    assert explain(cloud, THERE, fixes=False).fixes == ()


HINTS = {
    "TTL": (Question("app", "ecs", ttl=2), "TTL_EXCEEDED", "send the packet with a greater TTL"),
    "size": (
        Question("app", "ecs", size=1500, dont_fragment=True),
        "FRAGMENTATION_NEEDED",
        "send packets of at most 1438 bytes, or let them be fragmented",
    ),
    "nobody there": (
        Question("app", "192.168.7.7"),
        "NO_POSSIBLE_DESTINATION",
        "launch a machine with that address, or ask for another address",
    ),
    "the internet": (
        Question("vcpe", "8.8.8.8"),
        "NO_ROUTE_TO_DESTINATION",
        "ask for the public address of a machine; the lab's internet has no others",
    ),
}


@pytest.mark.parametrize(("question", "code", "hint"), HINTS.values(), ids=HINTS.keys())
def test_what_no_call_mends(question: Question, code: str, hint: str) -> None:
    cloud, _ = joined()
    explanation = explain(cloud, question)
    assert explanation.death is not None
    assert (explanation.death.code, explanation.solved, explanation.fixes) == (code, False, ())
    assert explanation.hint == hint


def test_of_a_plan_that_is_shared_out_nothing_is_left() -> None:
    cloud, ids = joined()
    share_out(cloud, ids, 8)
    explanation = explain(cloud, Question("app", "abroad"))
    assert (explanation.fixes, explanation.solved) == ((), False)
    assert explanation.hint.startswith("all of the bandwidth plan is shared out")


def test_what_gets_it_further_is_told_even_where_nothing_gets_it_there() -> None:
    cloud, ids = joined()
    cloud.aws.modify_network_interface_attribute(ids.vcpe_eni, source_dest_check=True)
    explanation = explain(cloud, Question("app", "192.168.7.7"))
    assert calls_of(explanation) == [CHECK.format(**asdict(ids))]
    assert not explanation.solved
    assert explanation.remaining is not None
    assert explanation.remaining.code == "NO_POSSIBLE_DESTINATION"


def test_a_route_to_a_machine_that_is_no_gateway() -> None:
    cloud, ids = joined()
    cloud.aws.replace_route(ids.table, "192.168.0.0/16", network_interface_id=ids.app_eni)
    cloud.aws.modify_network_interface_attribute(ids.app_eni, source_dest_check=False)
    explanation = explain(cloud, Question("vcpe", "ecs"))
    assert explanation.reaches  # the gateway does not need the route
    assert not explain(cloud, THERE).reaches


def test_without_a_gateway_the_hint_is_to_launch_one() -> None:
    cloud, ids = joined()
    cloud.aws.terminate_instances(ids.vcpe)
    explanation = explain(cloud, BACK)
    assert not explanation.solved
    assert explanation.hint.startswith("no gateway runs in office: launch one from the SAG vCPE image")
