"""What must become of packets in states whose outcome anybody can tell from the clouds' documents, without either backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.agreement.asks import Ask, questions
from lab.agreement.call import Call
from lab.agreement.landmarks import LANDMARKS
from lab.agreement.states import world
from lab.compiler import compile_topology
from lab.explanation.place import drop_of
from lab.reasons import Reason
from lab.simulation import Probe, Simulation
from lab.simulation.probe import Protocol

ANSWERED = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """After these calls the packet is answered, or dropped with a code."""

    id: str
    ask: Ask
    code: str = ANSWERED
    calls: tuple[Call, ...] = ()

    def outcome(self) -> str:
        """What becomes of it with the compiler as it is now. The calls must not be refused."""
        cloud = world().cloud.fork()
        for call in self.calls:
            call.make(cloud)
        topology = compile_topology(cloud)
        (question,) = questions(topology, [self.ask])
        exchange = Simulation(topology).exchange(question.probe, question.node)
        fatal = exchange.reply or exchange.request
        counted = not isinstance(fatal.reason, Reason) or drop_of(fatal) is not None
        return str(fatal.reason or ANSWERED) + ("" if counted else ", but counted nowhere")


def failing(expectations: Sequence[Expectation]) -> Iterator[str]:
    """The ids of those that do not hold."""
    for expectation in expectations:
        if expectation.outcome() != expectation.code:
            yield expectation.id


def _ask(machine: str, destination: str, protocol: Protocol = "icmp", port: int = 0, *, source: str = "") -> Ask:
    """From the machine's own address unless a source is given."""
    probe = Probe(IPv4Address(source or destination), IPv4Address(destination), protocol, 1, port)
    return Ask(machine, probe, spoofed=bool(source))


def _aws(name: str, **arguments: object) -> Call:
    return Call("aws", name, arguments)


def _alibaba(name: str, **arguments: object) -> Call:
    return Call("alibaba", name, arguments)


def _drop_from_app(priority: int) -> Call:
    group = world().alibaba_groups[0]
    return _alibaba(
        "authorize_security_group", security_group_id=group, source_cidr_ip="10.0.1.0/24", policy="drop", priority=priority
    )


def _entry(number: int, action: str, *, egress: bool, block: str = "0.0.0.0/0", protocol: str = "-1") -> Call:
    return _aws(
        "create_network_acl_entry",
        network_acl_id=world().acls[0],
        rule_number=number,
        protocol=protocol,
        rule_action=action,
        egress=egress,
        cidr_block=block,
    )


APP, WEB, DB, OTHER = "10.0.1.10", "10.0.1.11", "10.0.2.20", "203.0.113.11"
ECS, PEER = "192.168.1.10", "172.16.1.10"


def _make() -> tuple[Expectation, ...]:
    here = world()
    workload, gateway, spare, _ = here.aws_groups
    _, enterprise, _ = here.alibaba_groups
    own_list = _aws("replace_network_acl_association", network_acl_id=here.acls[0], subnet_id=here.subnets[0])
    let_out = _entry(100, "allow", egress=True)
    only_ping_in = (
        _aws("modify_network_interface_attribute", network_interface_id=here.enis["web"], groups=(spare,)),
        _aws(
            "authorize_security_group_ingress",
            group_id=spare,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            source_group_id=workload,
        ),
    )
    return (
        *(Expectation(f"landmark {landmark.code}", landmark.ask, landmark.code, landmark.calls) for landmark in LANDMARKS),
        Expectation("same subnet", _ask("app", WEB)),
        Expectation("other subnet of the VPC", _ask("db", APP)),
        Expectation("through the tunnel", _ask("app", ECS, "tcp", 443)),
        Expectation("through the tunnel, from the other side", _ask("ecs", APP, "udp", 53)),
        Expectation("through the tunnel, to the second VPC", _ask("app", PEER)),
        Expectation("between VPCs of one CEN", _ask("ecs", PEER)),
        Expectation("from public address to public address", _ask("vcpe", OTHER)),
        Expectation(
            "no route into the other's private network", _ask("other", APP), "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS"
        ),
        Expectation("the VPC's own block beside a default route", _ask("db", "10.0.2.99"), "NO_POSSIBLE_DESTINATION"),
        Expectation("a group refuses who is not in it", _ask("app", DB), "ENI_SG_RULES_MISMATCH"),
        Expectation("a group's port", _ask("app", WEB, "tcp", 443), calls=only_ping_in),
        Expectation("another port than the group's", _ask("app", WEB, "tcp", 22), "ENI_SG_RULES_MISMATCH", only_ping_in),
        Expectation("another protocol than the group's", _ask("app", WEB, "udp", 443), "ENI_SG_RULES_MISMATCH", only_ping_in),
        Expectation("another sender than the group's", _ask("vcpe", WEB, "tcp", 443), "ENI_SG_RULES_MISMATCH", only_ping_in),
        Expectation("an address that is not its own", _ask("app", WEB, source=DB), "ENI_SOURCE_DEST_CHECK_RESTRICTION"),
        Expectation(
            "a secondary address is its own",
            _ask("app", WEB, source="10.0.1.60"),
            calls=(
                _aws("assign_private_ip_addresses", network_interface_id=here.enis["app"], private_ip_addresses=["10.0.1.60"]),
            ),
        ),
        Expectation(
            "a list lets in, and answers out",
            _ask("db", APP),
            calls=(own_list, _entry(100, "allow", egress=False), let_out),
        ),
        Expectation(
            "a list's lower number wins",
            _ask("db", APP),
            "SUBNET_ACL_RESTRICTION",
            (own_list, _entry(100, "allow", egress=False), _entry(50, "deny", egress=False, block="10.0.2.0/24"), let_out),
        ),
        Expectation(
            "a list knows no connection",
            _ask("db", APP),
            "SUBNET_ACL_RESTRICTION",
            (own_list, _entry(100, "allow", egress=False)),
        ),
        Expectation("a list is not asked within its subnet", _ask("app", WEB), calls=(own_list,)),
        Expectation(
            "Alibaba: drop wins at equal priority",
            _ask("app", ECS),
            "ECS_SG_RULES_MISMATCH",
            (_drop_from_app(50),),
        ),
        Expectation(
            "Alibaba: a lower priority number wins",
            _ask("app", ECS),
            calls=(_drop_from_app(60),),
        ),
        Expectation(
            "Alibaba: an enterprise group lets nothing out by itself",
            _ask("lone", ECS),
            "ECS_SG_RULES_MISMATCH",
            (_alibaba("revoke_security_group_egress", security_group_id=enterprise, dest_cidr_ip="0.0.0.0/0", priority=50),),
        ),
        Expectation(
            "a route whose target was stopped",
            _ask("app", ECS),
            "BAD_STATE_ROUTE",
            (_aws("stop_instances", instance_id=here.machines["vcpe"]),),
        ),
        Expectation(
            "a subnet's own table",
            _ask("app", OTHER),
            "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
            (_aws("associate_route_table", route_table_id=here.tables[1], subnet_id=here.subnets[0]),),
        ),
        Expectation(
            "gateways of one CCN need no CEN",
            _ask("branch", APP),
            calls=(_alibaba("detach_ccn_instance_from_cen", ccn_id=here.ccn, cen_id=here.cen),),
        ),
        Expectation(
            "networks that the gateway does not announce",
            _ask("app", ECS),
            "OUTSIDE_SELECTOR",
            (_alibaba("modify_smart_access_gateway", smart_ag_id=here.sag, cidr_block="10.0.2.0/24"),),
        ),
        Expectation(
            "a VPC that is not attached",
            _ask("ecs", PEER),
            "NO_ROUTE_TO_DESTINATION",
            (
                _alibaba(
                    "detach_cen_child_instance",
                    cen_id=here.cen,
                    child_instance_id=here.vpcs["D"],
                    child_instance_type="VPC",
                ),
            ),
        ),
        Expectation(
            "a public address that was moved",
            _ask("other", "203.0.113.12"),
            calls=(
                _aws("associate_address", allocation_id=here.addresses[0], network_interface_id=here.enis["vcpe"]),
                _aws("authorize_security_group_ingress", group_id=gateway, ip_protocol="icmp", cidr_ip="203.0.113.11/32"),
            ),
        ),
    )


EXPECTATIONS = _make()
