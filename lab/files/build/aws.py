"""From the part of a file that tells of AWS to calls."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network

from lab.cloud.aws import LINUX, SAG_VCPE, Aws
from lab.cloud.aws import instance_type as find_instance_type
from lab.files.build.ledger import Ledger
from lab.files.build.machines import Machines
from lab.files.schema.aws import (
    DEFAULT,
    INTERNET_GATEWAY,
    MAIN,
    Instance,
    NetworkAcl,
    NetworkInterface,
    SecurityGroup,
    Subnet,
    Vpc,
)
from lab.files.schema.rule import AclEgress, AclIngress, Egress, Ingress, Rule
from lab.files.source import Trail

ALL = "-1"
EVERYWHERE = "0.0.0.0/0"
DEFAULT_ACL_RULE = 100  # EC2's own rule of a default list
GATEWAY_TYPE = "c5.large"  # what the document recommends (step 2.2)
LINUX_TYPE = "t3.micro"

ROOMY = 24  # the prefix of the subnet of a VPC that is given none; our choice


class AwsBuilder:
    """`build` makes everything but what needs the other provider's answer; `stop` comes last."""

    def __init__(self, aws: Aws, ledger: Ledger, machines: Machines, credentials: dict[Trail, str]) -> None:
        self._aws = aws
        self._ledger = ledger
        self._machines = machines
        self._credentials = credentials  # user data of machines that a gateway runs on
        self._first: dict[str, str] = {}  # the primary interface of each instance

    def build(self, vpcs: Mapping[str, Vpc]) -> None:
        self._ledger.each(("aws", "vpcs"), vpcs, self._vpc)

    def stop(self, vpcs: dict[str, Vpc]) -> None:
        """Stop the machines that are to be found stopped."""
        for name, vpc in vpcs.items():
            for machine, instance in vpc.instances.items():
                at: Trail = ("aws", "vpcs", name, "instances", machine)
                with self._ledger.attempt():
                    if instance.state == "stopped":
                        self._ledger.call((*at, "state"), self._aws.stop_instances, self._ledger.of(at))

    def _vpc(self, at: Trail, vpc: Vpc) -> None:
        name = str(at[-1])
        made = self._ledger.call((*at, "cidr_block"), self._aws.create_vpc, vpc.cidr_block, name=name, region=vpc.region)
        vpc_id = self._ledger.know(at, made.id)
        self._ledger.know((*at, "route_tables", MAIN), made.main_route_table_id)
        self._ledger.know((*at, "security_groups", DEFAULT), made.default_security_group_id)
        self._ledger.know((*at, "network_acls", DEFAULT), made.default_network_acl_id)
        self._internet_gateway(at, vpc, vpc_id)
        self._ledger.each((*at, "subnets"), self._subnets(vpc), self._subnet, vpc_id)
        self._ledger.each((*at, "route_tables"), vpc.route_tables, self._route_table, vpc_id)
        self._ledger.each((*at, "security_groups"), vpc.security_groups, self._security_group, vpc_id)
        self._ledger.each((*at, "network_acls"), vpc.network_acls, self._network_acl, vpc_id)
        self._ledger.each((*at, "subnets"), vpc.subnets, self._associate, vpc)
        self._ledger.each((*at, "security_groups"), vpc.security_groups, self._rules, vpc)
        self._ledger.each((*at, "network_interfaces"), vpc.network_interfaces, self._network_interface, vpc)
        named_first = dict(sorted(vpc.instances.items(), key=lambda item: item[1].private_ip_address is None))
        self._ledger.each((*at, "instances"), named_first, self._instance, vpc)
        self._ledger.each((*at, "route_tables"), vpc.route_tables, self._routes, vpc)
        if self._internet(at, vpc) and MAIN not in vpc.route_tables:
            gateway, table = self._ledger.of((*at, INTERNET_GATEWAY)), made.main_route_table_id
            self._ledger.call((*at, INTERNET_GATEWAY), self._aws.create_route, table, EVERYWHERE, gateway_id=gateway)

    # Subnets and what serves them

    def _internet(self, at: Trail, vpc: Vpc) -> bool:
        """Whether there is an internet gateway: if the file does not say, when something uses it."""
        if vpc.internet_gateway is not None:
            return vpc.internet_gateway
        public = any(
            self._is_public((*at, "instances", name), instance) or instance.elastic_ip for name, instance in vpc.instances.items()
        )
        elastic = any(interface.elastic_ip for interface in vpc.network_interfaces.values())
        routed = any(target == INTERNET_GATEWAY for routes in vpc.route_tables.values() for target in routes.values())
        return public or elastic or routed

    def _internet_gateway(self, at: Trail, vpc: Vpc, vpc_id: str) -> None:
        if self._internet(at, vpc):
            place = (*at, INTERNET_GATEWAY)
            gateway = self._ledger.call(place, self._aws.create_internet_gateway)
            self._ledger.know(place, gateway.id)
            self._ledger.call(place, self._aws.attach_internet_gateway, gateway.id, vpc_id)

    def _subnets(self, vpc: Vpc) -> dict[str, Subnet]:
        return vpc.subnets or {MAIN: Subnet(cidr_block=first_block(vpc.cidr_block))}

    def _subnet(self, at: Trail, subnet: Subnet, vpc_id: str) -> None:
        self._ledger.make(at, "cidr_block", self._aws.create_subnet, vpc_id, subnet.cidr_block, name=str(at[-1]))

    def _route_table(self, at: Trail, _routes: object, vpc_id: str) -> None:
        if at[-1] != MAIN:
            self._ledger.know(at, self._ledger.call(at, self._aws.create_route_table, vpc_id).id)

    def _associate(self, at: Trail, subnet: Subnet, vpc: Vpc) -> None:
        ledger, base, subnet_id = self._ledger, at[:3], self._ledger.of(at)
        with ledger.attempt():
            place = (*at, "route_table")
            table = ledger.find((*base, "route_tables"), subnet.route_table, {MAIN, *vpc.route_tables}, "route table", place)
            if subnet.route_table != MAIN:
                ledger.call(place, self._aws.associate_route_table, table, subnet_id)
        place = (*at, "network_acl")
        acl = ledger.find((*base, "network_acls"), subnet.network_acl, {DEFAULT, *vpc.network_acls}, "network ACL", place)
        if subnet.network_acl != DEFAULT:
            ledger.call(place, self._aws.replace_network_acl_association, acl, subnet_id)

    def _routes(self, at: Trail, routes: dict[IPv4Network, str], vpc: Vpc) -> None:
        table = self._ledger.of(at)
        for destination, target in routes.items():
            with self._ledger.attempt():
                self._route((*at, str(destination)), table, destination, target, vpc)

    def _route(self, at: Trail, table: str, destination: IPv4Network, target: str, vpc: Vpc) -> None:
        ledger, base = self._ledger, at[:3]
        if target == INTERNET_GATEWAY:
            if (*base, INTERNET_GATEWAY) not in ledger.ids:
                raise ledger.refused(at, f"{base[2]} has no internet gateway; say internet_gateway: true, or leave it out")
            ledger.call(at, self._aws.create_route, table, destination, gateway_id=ledger.of((*base, INTERNET_GATEWAY)))
        elif target in vpc.network_interfaces:
            interface = ledger.of((*base, "network_interfaces", target))
            ledger.call(at, self._aws.create_route, table, destination, network_interface_id=interface)
        else:
            known = [INTERNET_GATEWAY, *vpc.instances, *vpc.network_interfaces]
            instance = ledger.find((*base, "instances"), target, known, "target", at)
            ledger.call(at, self._aws.create_route, table, destination, network_interface_id=self._first[instance])

    # Groups and lists

    def _security_group(self, at: Trail, group: SecurityGroup, vpc_id: str) -> None:
        name = str(at[-1])
        if name != DEFAULT:
            create = self._aws.create_security_group
            self._ledger.make(at, "description", create, name, group.description or name, vpc_id)

    def _rules(self, at: Trail, group: SecurityGroup, vpc: Vpc) -> None:
        aws, ledger, group_id = self._aws, self._ledger, self._ledger.of(at)
        if group.ingress is not None and at[-1] == DEFAULT:
            ledger.call(
                (*at, "ingress"), aws.revoke_security_group_ingress, group_id, ip_protocol=ALL, source_group_id=group_id
            )
        if group.egress is not None:
            ledger.call((*at, "egress"), aws.revoke_security_group_egress, group_id, ip_protocol=ALL, cidr_ip=EVERYWHERE)
        ways = (
            ("ingress", group.ingress, aws.authorize_security_group_ingress),
            ("egress", group.egress, aws.authorize_security_group_egress),
        )
        for way, rules, authorize in ways:
            for number, rule in enumerate[Ingress | Egress](rules or ()):
                with ledger.attempt():
                    place = (*at, way, number)
                    block, other = self._peer(place, rule, vpc)
                    first, last = rule.bounds
                    ledger.call(
                        place,
                        authorize,
                        group_id,
                        ip_protocol=_protocol(rule),
                        from_port=first,
                        to_port=last,
                        cidr_ip=block,
                        source_group_id=other,
                    )

    def _peer(self, at: Trail, rule: Ingress | Egress, vpc: Vpc) -> tuple[IPv4Network | None, str | None]:
        if isinstance(rule.peer, IPv4Network):
            return rule.peer, None
        known = {DEFAULT: None, **dict.fromkeys(vpc.security_groups)}
        return None, self._ledger.find((*at[:3], "security_groups"), rule.peer, known, "security group", at)

    def _network_acl(self, at: Trail, acl: NetworkAcl, vpc_id: str) -> None:
        aws, ledger = self._aws, self._ledger
        if at[-1] != DEFAULT:
            ledger.know(at, ledger.call(at, aws.create_network_acl, vpc_id).id)
        acl_id = ledger.of(at)
        sides: tuple[tuple[str, dict[int, AclIngress] | dict[int, AclEgress] | None], ...]
        sides = ("ingress", acl.ingress), ("egress", acl.egress)
        for side, rules in sides:
            egress = side == "egress"
            if rules is not None and at[-1] == DEFAULT:
                ledger.call((*at, side), aws.delete_network_acl_entry, acl_id, rule_number=DEFAULT_ACL_RULE, egress=egress)
            for number, rule in (rules or {}).items():
                first, last = rule.bounds
                with ledger.attempt():
                    ledger.call(
                        (*at, side, number),
                        aws.create_network_acl_entry,
                        acl_id,
                        rule_number=number,
                        protocol=_protocol(rule),
                        rule_action=rule.action,
                        egress=egress,
                        cidr_block=rule.peer,
                        from_port=first,
                        to_port=last,
                    )

    # Machines and their interfaces

    def _network_interface(self, at: Trail, interface: NetworkInterface, vpc: Vpc) -> None:
        if at[-1] in vpc.instances or at[-1] == INTERNET_GATEWAY:
            raise self._ledger.refused(at, f"the name '{at[-1]}' is taken; a route could mean either", at_key=True)
        interface_id = self._ledger.make(
            at,
            "private_ip_address",
            self._aws.create_network_interface,
            self._subnet_id(at, interface, vpc),
            groups=self._groups(at, interface, vpc),
            private_ip_address=interface.private_ip_address,
        )
        self._finish(at, interface, interface_id, check=interface.source_dest_check is not False)

    def _instance(self, at: Trail, instance: Instance, vpc: Vpc) -> None:
        if at[-1] == INTERNET_GATEWAY:
            raise self._ledger.refused(at, f"the name '{at[-1]}' is taken; a route could mean either", at_key=True)
        seated = at in self._machines.seats
        size = instance.instance_type or (GATEWAY_TYPE if seated else LINUX_TYPE)
        self._ledger.call((*at, "instance_type"), find_instance_type, size)
        made = self._ledger.call(
            (*at, "private_ip_address"),
            self._aws.run_instances,
            self._image("sag-vcpe" if seated and instance.image is None else instance.image),
            self._subnet_id(at, instance, vpc),
            security_group_ids=self._groups(at, instance, vpc),
            instance_type=size,
            private_ip_address=instance.private_ip_address,
            user_data=instance.user_data if instance.user_data is not None else self._credentials.get(at, ""),
            associate_public_ip_address=self._is_public(at, instance),
            name=str(at[-1]),
        )
        self._ledger.know(at, made.id)
        self._first[made.id] = made.network_interface_ids[0]
        check = not seated if instance.source_dest_check is None else instance.source_dest_check
        self._finish(at, instance, self._first[made.id], check=check)
        for number, name in enumerate(instance.network_interfaces):
            place = (*at, "network_interfaces", number)
            with self._ledger.attempt():
                known = vpc.network_interfaces
                more = self._ledger.find((*at[:3], "network_interfaces"), name, known, "network interface", place)
                self._ledger.call(place, self._aws.attach_network_interface, more, made.id)

    def _finish(self, at: Trail, part: NetworkInterface | Instance, interface_id: str, *, check: bool) -> None:
        """What an interface gets after it was made."""
        aws, ledger = self._aws, self._ledger
        if not check:
            place = (*at, "source_dest_check")
            ledger.call(place, aws.modify_network_interface_attribute, interface_id, source_dest_check=False)
        for number, address in enumerate(part.secondary_private_ip_addresses):
            place = (*at, "secondary_private_ip_addresses", number)
            with ledger.attempt():
                ledger.call(place, aws.assign_private_ip_addresses, interface_id, private_ip_addresses=[address])
        if part.elastic_ip:
            address_id = ledger.call((*at, "elastic_ip"), aws.allocate_address).id
            ledger.call((*at, "elastic_ip"), aws.associate_address, address_id, network_interface_id=interface_id)

    def _is_public(self, at: Trail, instance: Instance) -> bool:
        if instance.associate_public_ip_address is not None:
            return instance.associate_public_ip_address
        return at in self._machines.seats and not instance.elastic_ip

    def _image(self, name: str | None) -> str:
        """The id of an image. That of SAG vCPE is there once a ticket has asked for it."""
        return self._aws.describe_images(name=SAG_VCPE if name == "sag-vcpe" else LINUX)[0].id

    def _subnet_id(self, at: Trail, part: NetworkInterface | Instance, vpc: Vpc) -> str:
        subnets = self._subnets(vpc)
        name = part.subnet or next(iter(subnets))
        return self._ledger.find((*at[:3], "subnets"), name, subnets, "subnet", (*at, "subnet"))

    def _groups(self, at: Trail, part: NetworkInterface | Instance, vpc: Vpc) -> list[str]:
        known = {DEFAULT: None, **dict.fromkeys(vpc.security_groups)}
        return [
            self._ledger.find((*at[:3], "security_groups"), name, known, "security group", (*at, "security_groups", number))
            for number, name in enumerate(part.security_groups)
        ]


def first_block(block: IPv4Network) -> IPv4Network:
    """The subnet of a network that is given none."""
    return next(block.subnets(new_prefix=ROOMY)) if block.prefixlen < ROOMY else block


def _protocol(rule: Rule) -> str:
    return ALL if rule.protocol == "all" else rule.protocol
