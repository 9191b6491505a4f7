"""What may be wrong with a document's network: one line of the table for each, with what there is to learn from it.

Each is made by calls that somebody might really have made, and mended by others. Level 1 undoes a step of the document; level 2
does one in a wrong way, or adds what forbids; level 3 is two of these at once, or what no configuration shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from lab.teaching.parts import Parts

AWS_CIDR, ALIBABA_CIDR = "10.0.0.0/16", "192.168.0.0/16"  # as vcpe-ping has them
VCPE, APP = "vcpe-ping", "app-get-started"  # scenarios
_PROVIDER = "198.51.100.0/24"  # where points of presence and the controller are
_FIRST_RULE = 50  # of a network ACL: before 100, which admits everything
_REGION = "ap-southeast-1"
_COLLEAGUES = ("han.mei.02", "wang.fang.03")  # as many as a block of /30 has addresses for
_PASSWORD = "out-of-office@2022"  # noqa: S105 - of people who are made up

TRAP = "mtu 1280"  # what a link is made to do, in the words of `saglab impair`
TRAPPED = "app/aws"  # the link


@dataclass(frozen=True)
class Fault:
    """`make` makes it, by calls; `step` is the document's that it is about. With `link`, a link is impaired instead.

    `answer` says what mends it where no explanation knows. `scenario` is whose network it is about.
    """

    id: str
    level: int
    title: str
    lesson: str
    step: str
    make: Callable[[Parts, Random], None]
    link: str = ""
    answer: str = ""
    scenario: str = VCPE

    @property
    def is_of_calls(self) -> bool:
        return not self.link


def _check_on(parts: Parts, chance: Random) -> None:
    parts.aws.modify_network_interface_attribute(parts.interface("vcpe"), source_dest_check=True)


def _vcpe_group_shut(parts: Parts, chance: Random) -> None:
    parts.aws.revoke_security_group_ingress(parts.group("vcpe"), ip_protocol="-1", cidr_ip=AWS_CIDR)


def _app_group_shut(parts: Parts, chance: Random) -> None:
    parts.aws.revoke_security_group_ingress(parts.group("app"), ip_protocol="-1", cidr_ip=ALIBABA_CIDR)


def _no_route(parts: Parts, chance: Random) -> None:
    parts.aws.delete_route(parts.main_table, ALIBABA_CIDR)


def _no_way_out(parts: Parts, chance: Random) -> None:
    parts.aws.delete_route(parts.public_table.id, "0.0.0.0/0")


def _unbound(parts: Parts, chance: Random) -> None:
    parts.alibaba.unbind_smart_access_gateway(parts.ccn.id, parts.gateway.id)


def _ccn_alone(parts: Parts, chance: Random) -> None:
    parts.alibaba.detach_ccn_instance_from_cen(parts.ccn.id, parts.cen.id)


def _vpc_alone(parts: Parts, chance: Random) -> None:
    parts.alibaba.detach_cen_child_instance(parts.cen.id, parts.cloud_vpc.id, "VPC", _REGION)


def _ecs_group_shut(parts: Parts, chance: Random) -> None:
    parts.alibaba.revoke_security_group(parts.ecs_group, ip_protocol="ALL", source_cidr_ip=AWS_CIDR)


def _stopped(parts: Parts, chance: Random) -> None:
    parts.alibaba.stop_instance(next(each.id for each in parts.alibaba.describe_instances() if each.instance_name == "ecs"))


def _wrong_static_route(parts: Parts, chance: Random) -> None:
    wrong = f"10.{chance.randint(1, 250)}.0.0/16"
    parts.alibaba.modify_smart_access_gateway(parts.gateway.id, routing_strategy="static", cidr_block=wrong)


def _narrow_static_route(parts: Parts, chance: Random) -> None:
    narrow = f"10.0.{chance.randint(3, 250)}.0/24"
    parts.alibaba.modify_smart_access_gateway(parts.gateway.id, routing_strategy="static", cidr_block=narrow)


def _narrow_route(parts: Parts, chance: Random) -> None:
    parts.aws.delete_route(parts.main_table, ALIBABA_CIDR)
    narrow = f"192.168.{chance.randint(2, 250)}.0/24"
    parts.aws.create_route(parts.main_table, narrow, network_interface_id=parts.interface("vcpe"))


def _wrong_target(parts: Parts, chance: Random) -> None:
    parts.aws.replace_route(parts.main_table, ALIBABA_CIDR, network_interface_id=parts.interface("app"))


def _wrong_source(parts: Parts, chance: Random) -> None:
    _ecs_group_shut(parts, chance)
    wrong = f"10.{chance.randint(1, 250)}.0.0/16"
    parts.alibaba.authorize_security_group(parts.ecs_group, ip_protocol="ALL", source_cidr_ip=wrong)


def _tcp_only(parts: Parts, chance: Random) -> None:
    _ecs_group_shut(parts, chance)
    parts.alibaba.authorize_security_group(
        parts.ecs_group, ip_protocol="TCP", port_range="443/443", source_cidr_ip=AWS_CIDR
    )


def _ping_only(parts: Parts, chance: Random) -> None:
    _ecs_group_shut(parts, chance)
    parts.alibaba.authorize_security_group(
        parts.ecs_group, ip_protocol="ICMP", port_range="-1/-1", source_cidr_ip=AWS_CIDR
    )


def _acl_inbound(parts: Parts, chance: Random) -> None:
    _deny(parts, "app", egress=False, cidr=ALIBABA_CIDR)


def _acl_outbound(parts: Parts, chance: Random) -> None:
    _deny(parts, "app", egress=True, cidr=ALIBABA_CIDR)


def _acl_tunnel(parts: Parts, chance: Random) -> None:
    """What leaves the vCPE's subnet for the internet; what stays inside the VPC goes on."""
    _deny(parts, "vcpe", egress=True, cidr=_PROVIDER)


def _deny(parts: Parts, subnet: str, *, egress: bool, cidr: str) -> None:
    """A list of its own for a subnet, which admits everything but this."""
    acl = parts.aws.create_network_acl(parts.vpc.id)
    entry = parts.aws.create_network_acl_entry
    for way in (True, False):
        entry(acl.id, rule_number=100, protocol="-1", rule_action="allow", egress=way, cidr_block="0.0.0.0/0")
    entry(acl.id, rule_number=_FIRST_RULE, protocol="-1", rule_action="deny", egress=egress, cidr_block=cidr)
    parts.aws.replace_network_acl_association(acl.id, parts.subnet(subnet).id)


def _vcpe_egress(parts: Parts, chance: Random) -> None:
    """What goes out to the internet stays: a tunnel that is open is a connection that the group remembers."""
    parts.aws.revoke_security_group_egress(parts.group("vcpe"), ip_protocol="-1", cidr_ip="0.0.0.0/0")
    parts.aws.authorize_security_group_egress(parts.group("vcpe"), ip_protocol="-1", cidr_ip=_PROVIDER)


def _app_egress(parts: Parts, chance: Random) -> None:
    parts.aws.revoke_security_group_egress(parts.group("app"), ip_protocol="-1", cidr_ip="0.0.0.0/0")
    parts.aws.authorize_security_group_egress(parts.group("app"), ip_protocol="-1", cidr_ip=AWS_CIDR)


def _other_table(parts: Parts, chance: Random) -> None:
    for association in parts.public_table.associations:
        parts.aws.disassociate_route_table(association.id)


def _expired(parts: Parts, chance: Random) -> None:
    parts.clock.move_forward(months=chance.randint(2, 6))


def _pool(parts: Parts, chance: Random) -> None:
    """A new block, in which colleagues are quicker than the laptop: it has been disconnected by the change."""
    third = chance.randint(20, 250)
    parts.alibaba.authorize_security_group(parts.ecs_group, source_cidr_ip=f"192.168.{third}.0/24")
    app = parts.app.id
    parts.alibaba.configure_smart_access_gateway_software_network(app, cidr_blocks=[f"192.168.{third}.0/30"])
    for name in _COLLEAGUES:
        terminal = parts.terminals.create_terminal(name)
        parts.alibaba.create_smart_access_gateway_client_user(
            app, user_mail=f"{name}@example.com", user_name=name, password=_PASSWORD
        )
        session = parts.alibaba.log_on_app(terminal.id, user_name=name, password=_PASSWORD, smart_ag_id=app)
        parts.alibaba.connect_app(session.id)


def _nothing(parts: Parts, chance: Random) -> None:
    """The link is what is broken."""


FAULTS = (
    Fault(
        "check-on", 1, "the source/destination check of the vCPE is on",
        "A machine that forwards what is neither from nor to itself needs the check off, at its interface.", "2.5", _check_on,
    ),
    Fault(
        "vcpe-group-shut", 1, "the vCPE's security group admits nothing from AWS",
        "A packet that passes a gateway enters its interface first, so the gateway's own group has to admit it.",
        "2.4.aws", _vcpe_group_shut,
    ),
    Fault(
        "app-group-shut", 1, "the security group of app does not admit Alibaba Cloud",
        "Security groups remember connections: app could still open them, and be answered. Nobody could open one to it.",
        "4.3", _app_group_shut,
    ),
    Fault(
        "no-route", 1, "the VPC has no route to Alibaba Cloud",
        "A VPC's router knows what its route table says. The tunnel was open all the time; nobody was sent into it.",
        "4.2", _no_route,
    ),
    Fault(
        "no-way-out", 1, "the gateway's subnet has no route to the internet",
        "The tunnel is packets, too: they leave by the gateway's own subnet, and its route table has to know the way.",
        "2.3", _no_way_out,
    ),
    Fault(
        "unbound", 1, "the gateway is bound to no CCN",
        "A gateway without a CCN has no point of presence to connect to, and so no tunnel; Control Status stays Normal.",
        "3.2", _unbound,
    ),
    Fault(
        "ccn-alone", 1, "the CCN is not attached to the CEN",
        "The tunnel ends at the CCN. From there it is the CEN that knows the VPCs; without it, gateways reach each other alone.",
        "3.3", _ccn_alone,
    ),
    Fault(
        "vpc-alone", 1, "the Alibaba Cloud VPC is not attached to the CEN",
        "A CEN spreads the routes of what is attached to it. The gateway never heard of the VPC's block.", "3.3.4", _vpc_alone,
    ),
    Fault(
        "ecs-group-shut", 1, "the ECS instance's security group does not admit AWS",
        "The last rule on the way counts as much as the first: the whole road was right, and the door was shut.",
        "3.3.5", _ecs_group_shut,
    ),
    Fault(
        "stopped", 1, "the ECS instance is stopped", "Look at the machine before you look at the network.", "", _stopped,
        answer="start the ECS instance: alibaba start_instance",
    ),
    Fault(
        "wrong-static-route", 2, "the gateway's static route is another block than the VPC's",
        "The point of presence takes from a gateway what its static routes cover. One wrong digit, and it drops what it got.",
        "3.1", _wrong_static_route,
    ),
    Fault(
        "narrow-static-route", 2, "the gateway's static route covers a part of the VPC that nobody lives in",
        "A static route has to cover every source behind the gateway, not some subnet of it.", "3.1", _narrow_static_route,
    ),
    Fault(
        "narrow-route", 2, "the route to Alibaba Cloud is too narrow",
        "The longest matching prefix wins, but it has to match: compare the destination with the block, bit by bit.",
        "4.2", _narrow_route,
    ),
    Fault(
        "wrong-target", 2, "the route to Alibaba Cloud leads to app itself",
        "A route's target has to be the interface that forwards. The table looked right at first sight.", "4.2", _wrong_target,
        answer="point the route to the vCPE's interface: aws replace_route",
    ),
    Fault(
        "wrong-source", 2, "the ECS instance's group admits a block that nobody has",
        "A rule's source is what the packet bears when it arrives: the private address in AWS, for no NAT lies between.",
        "3.3.5", _wrong_source,
    ),
    Fault(
        "tcp-only", 2, "the ECS instance's group admits HTTPS alone",
        "That a connection works does not say that ping does, nor the reverse: rules have a protocol.", "3.3.5", _tcp_only,
    ),
    Fault(
        "ping-only", 2, "the ECS instance's group admits ping alone",
        "A ping proves a road, not a door: what users need is another protocol, and a rule of its own.", "3.3.5", _ping_only,
    ),
    Fault(
        "acl-inbound", 2, "a network ACL denies what comes from Alibaba Cloud",
        "A network ACL remembers nothing. It drops the answers to what app asks, which a security group would admit.",
        "", _acl_inbound,
    ),
    Fault(
        "acl-outbound", 2, "a network ACL denies what goes to Alibaba Cloud",
        "Rules of an ACL count by their numbers, the lowest first: a denial before the rule that admits everything.",
        "", _acl_outbound,
    ),
    Fault(
        "acl-tunnel", 2, "a network ACL denies the tunnel's own packets",
        "Both statuses Abnormal with a right key: somebody between the two ends drops their datagrams.", "", _acl_tunnel,
        answer="take the denial out of the list of the vCPE's subnet: aws delete_network_acl_entry",
    ),
    Fault(
        "vcpe-egress", 2, "the vCPE's group lets nothing out into the VPC",
        "Groups have rules outbound, too. What comes out of the tunnel leaves by the gateway's own interface.", "", _vcpe_egress,
    ),
    Fault(
        "app-egress", 2, "the group of app lets nothing out to Alibaba Cloud",
        "Start at the sender: its own group is the first that a packet meets.", "", _app_egress,
    ),
    Fault(
        "other-table", 2, "the gateway's subnet follows the main route table",
        "A subnet without an association follows the main table, which has other routes. Nobody deleted anything.",
        "", _other_table,
    ),
    Fault(
        "expired", 2, "the gateway's subscription has ended",
        "What is not paid for stops some day, with every rule in place. The console says it; the packets do not.", "1", _expired,
    ),
    Fault(
        "mtu-trap", 3, "a link loses large packets, without an answer",
        "Small packets pass and large ones vanish: that is an MTU that somebody does not tell of. No configuration shows it; "
        "a ping with a size does.",
        "", _nothing, link=TRAPPED, answer=f"make the link good again: saglab impair {TRAPPED} --clear",
    ),
    Fault(
        "pool-used-up", 3, "the SAG app's private CIDR block has no address left for the laptop",
        "Every client that is connected has an address of the block. A block of /30 has two; who comes third is told so "
        "by the app alone.",
        "2", _pool, scenario=APP,
        answer="give the instance a larger block: alibaba configure_smart_access_gateway_software_network --cidr-blocks …, "
        "then connect again: saglab app connect laptop",
    ),
)  # fmt: skip
