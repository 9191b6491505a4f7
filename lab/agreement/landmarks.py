"""For each code of a drop a state that has it and the packet that meets it, so that no search goes without."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.agreement.asks import Ask
from lab.agreement.call import Call
from lab.agreement.states import MONTHS, world
from lab.reasons import Reason
from lab.simulation import Probe

# An internet gateway is sent only what is for a public address in use, so no machine's packet is refused on its way in. And each
# gateway of this network has one device only that runs. Nobody of it uses the SAG app (tests/agreement/test_app.py). A
# few packets are never more than a bandwidth.
NOT_BY_A_MACHINE = frozenset(
    {
        Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS,
        Reason.SAG_DEVICE_STANDBY,
        Reason.SAG_APP_NOT_CONNECTED,
        Reason.CEN_BANDWIDTH_EXCEEDED,
    }
)

ADDRESSES = {
    "app": "10.0.1.10",
    "web": "10.0.1.11",
    "vcpe": "10.0.2.10",
    "db": "10.0.2.20",
    "ecs": "192.168.1.10",
    "nobody": "10.0.1.99",
    "remote": "172.20.1.10",
    "blackhole": "172.30.0.1",
    "elsewhere": "172.31.0.1",
    "internet": "203.0.113.11",  # of `other`, given to it at its launch
}


@dataclass(frozen=True, slots=True)
class Landmark:
    """`ask` is dropped under `code` once the calls are made in a new world."""

    code: Reason
    ask: Ask
    calls: tuple[Call, ...] = ()


def _ask(source: str, destination: str) -> Ask:
    return Ask(source, Probe(IPv4Address("0.0.0.0"), IPv4Address(ADDRESSES[destination]), "icmp"))  # noqa: S104 - takes its own


def _aws(name: str, **arguments: object) -> Call:
    return Call("aws", name, arguments)


def _alibaba(name: str, **arguments: object) -> Call:
    return Call("alibaba", name, arguments)


def _make() -> tuple[Landmark, ...]:
    here = world()
    workload, basic = here.aws_groups[0], here.alibaba_groups[0]
    main_table = here.tables[0]
    return (
        Landmark(Reason.NO_POSSIBLE_DESTINATION, _ask("app", "nobody")),
        Landmark(Reason.NO_ROUTE_TO_DESTINATION, _ask("app", "elsewhere")),
        Landmark(Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS, _ask("db", "elsewhere")),
        Landmark(Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS, _ask("db", "internet")),
        Landmark(Reason.BAD_STATE_ROUTE, _ask("app", "blackhole")),
        Landmark(Reason.CEN_NO_BANDWIDTH_PLAN, _ask("ecs", "remote")),
        Landmark(Reason.ENI_SG_RULES_MISMATCH, _ask("app", "db")),
        Landmark(
            Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION,
            _ask("app", "ecs"),
            (_aws("modify_network_interface_attribute", network_interface_id=here.enis["vcpe"], source_dest_check=True),),
        ),
        Landmark(
            Reason.SG_HAS_NO_RULES,
            _ask("app", "ecs"),
            (_aws("revoke_security_group_egress", group_id=workload, ip_protocol="-1", cidr_ip="0.0.0.0/0"),),
        ),
        Landmark(
            Reason.SUBNET_ACL_RESTRICTION,
            _ask("app", "ecs"),
            (_aws("replace_network_acl_association", network_acl_id=here.acls[0], subnet_id=here.subnets[0]),),
        ),
        Landmark(
            Reason.SAG_DEVICE_NOT_ASSOCIATED,
            _ask("app", "ecs"),
            (
                _aws("modify_network_interface_attribute", network_interface_id=here.enis["nat"], source_dest_check=False),
                _aws(
                    "replace_route",
                    route_table_id=main_table,
                    destination_cidr_block="192.168.0.0/16",
                    network_interface_id=here.enis["nat"],
                ),
            ),
        ),
        Landmark(
            Reason.ECS_SG_RULES_MISMATCH,
            _ask("app", "ecs"),
            (_alibaba("revoke_security_group", security_group_id=basic, source_cidr_ip="10.0.0.0/16", priority=50),),
        ),
        Landmark(Reason.SAG_OVERDUE_PAYMENT, _ask("app", "ecs"), (Call("clock", "move_forward", {"months": MONTHS}),)),
        Landmark(
            Reason.SAG_DEVICE_NOT_CONFIGURED,
            _ask("app", "ecs"),
            (
                _alibaba("issue_controller_certificate", days=1),
                Call("clock", "move_forward", {"days": 2}),
                _aws("stop_instances", instance_id=here.machines["vcpe"]),
                _aws("start_instances", instance_id=here.machines["vcpe"]),
            ),
        ),
        Landmark(
            Reason.SAG_NOT_ATTACHED_TO_CCN,
            _ask("app", "ecs"),
            (_alibaba("unbind_smart_access_gateway", ccn_id=here.ccn, smart_ag_id=here.sag),),
        ),
    )


LANDMARKS = _make()
