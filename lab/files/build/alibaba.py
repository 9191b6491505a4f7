"""From the part of a file that tells of Alibaba Cloud to calls, but for gateways and what joins networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import TypedDict

from lab.cloud.alibaba import ENS_LINUX, ENS_SAG_VCPE, Alibaba
from lab.cloud.alibaba.ens import DEFAULT_ENS_REGION
from lab.files.build.aws import first_block
from lab.files.build.ledger import Ledger
from lab.files.build.machines import Machines
from lab.files.schema.alibaba import (
    DEFAULT,
    EnsInstance,
    EnsNetwork,
    Instance,
    NetworkInterface,
    RouteEntry,
    SecurityGroup,
    Vpc,
    VSwitch,
)
from lab.files.schema.alibaba import Alibaba as Content
from lab.files.schema.rule import RankedEgress, RankedIngress
from lab.files.source import Trail

MAIN = "main"


class AlibabaBuilder:
    """`build_vpcs` and `build_ens` make networks and machines; `stop` comes last."""

    def __init__(self, alibaba: Alibaba, ledger: Ledger, machines: Machines, credentials: dict[Trail, str]) -> None:
        self._alibaba = alibaba
        self._ledger = ledger
        self._machines = machines
        self._credentials = credentials  # user data of machines that a gateway runs on

    def build_vpcs(self, vpcs: Mapping[str, Vpc]) -> None:
        self._ledger.each(("alibaba", "vpcs"), vpcs, self._vpc)

    def build_ens(self, content: Content) -> None:
        ledger, groups = self._ledger, content.ens_security_groups
        ledger.each(("alibaba", "ens_security_groups"), groups, self._ens_group)
        ledger.each(("alibaba", "ens_networks"), content.ens_networks, self._ens_network, groups)
        ledger.each(("alibaba", "ens_instances"), content.ens_instances, self._ens_instance, groups)

    def stop(self, content: Content) -> None:
        """Stop the machines that are to be found stopped."""
        for name, vpc in content.vpcs.items():
            self._ledger.each(("alibaba", "vpcs", name, "instances"), vpc.instances, self._stop)
        for name, network in content.ens_networks.items():
            self._ledger.each(("alibaba", "ens_networks", name, "instances"), network.instances, self._stop)
        self._ledger.each(("alibaba", "ens_instances"), content.ens_instances, self._stop)

    def _stop(self, at: Trail, instance: Instance | EnsInstance) -> None:
        if instance.state == "stopped":
            stop = self._alibaba.stop_instance if isinstance(instance, Instance) else self._alibaba.stop_ens_instance
            self._ledger.call((*at, "state"), stop, self._ledger.of(at))

    # A VPC

    def _vpc(self, at: Trail, vpc: Vpc) -> None:
        ledger, create = self._ledger, self._alibaba.create_vpc
        made = ledger.call((*at, "cidr_block"), create, vpc.cidr_block, vpc_name=str(at[-1]), region_id=vpc.region)
        vpc_id = ledger.know(at, made.id)
        ledger.know((*at, "route_table"), made.route_table_id)
        ledger.each((*at, "v_switches"), self._v_switches(vpc), self._v_switch, vpc_id)
        ledger.each((*at, "security_groups"), self._groups(vpc), self._security_group, vpc_id)
        ledger.each((*at, "security_groups"), vpc.security_groups, self._rules, vpc)
        ledger.each((*at, "network_interfaces"), vpc.network_interfaces, self._network_interface, vpc)
        named_first = dict(sorted(vpc.instances.items(), key=lambda item: item[1].private_ip_address is None))
        ledger.each((*at, "instances"), named_first, self._instance, vpc)
        routes = {str(destination): entry for destination, entry in vpc.route_table.items()}
        ledger.each((*at, "route_table"), routes, self._route, made.route_table_id, vpc)

    def _v_switches(self, vpc: Vpc) -> dict[str, VSwitch]:
        return vpc.v_switches or {MAIN: VSwitch(cidr_block=first_block(vpc.cidr_block))}

    def _v_switch(self, at: Trail, switch: VSwitch, vpc_id: str) -> None:
        create = self._alibaba.create_vswitch
        self._ledger.make(at, "cidr_block", create, vpc_id, switch.cidr_block, switch.zone, v_switch_name=str(at[-1]))

    def _groups(self, vpc: Vpc) -> dict[str, SecurityGroup]:
        """Those of the file, and, if a machine is given none, the one it is in."""
        parts = (*vpc.instances.values(), *vpc.network_interfaces.values())
        needed = any(not part.security_groups for part in parts)
        return vpc.security_groups | ({DEFAULT: SecurityGroup()} if needed and DEFAULT not in vpc.security_groups else {})

    def _security_group(self, at: Trail, group: SecurityGroup, vpc_id: str) -> None:
        create = self._alibaba.create_security_group
        self._ledger.make(at, "type", create, vpc_id, security_group_name=str(at[-1]), security_group_type=group.type)

    def _rules(self, at: Trail, group: SecurityGroup, vpc: Vpc) -> None:
        alibaba, group_id = self._alibaba, self._ledger.of(at)
        for place, rule in _rules_of(at, group):
            with self._ledger.attempt():
                (block, other), said = self._peer(place, rule, vpc), _said(rule)
                if isinstance(rule, RankedIngress):
                    enter = alibaba.authorize_security_group
                    self._ledger.call(place, enter, group_id, source_cidr_ip=block, source_group_id=other, **said)
                else:
                    leave = alibaba.authorize_security_group_egress
                    self._ledger.call(place, leave, group_id, dest_cidr_ip=block, dest_group_id=other, **said)

    def _peer(self, at: Trail, rule: RankedIngress | RankedEgress, vpc: Vpc) -> tuple[IPv4Network | None, str | None]:
        if isinstance(rule.peer, IPv4Network):
            return rule.peer, None
        return None, self._ledger.find((*at[:3], "security_groups"), rule.peer, self._groups(vpc), "security group", at)

    def _network_interface(self, at: Trail, part: NetworkInterface, vpc: Vpc) -> None:
        if at[-1] in vpc.instances:
            raise self._ledger.refused(at, f"the name '{at[-1]}' is taken; a route could mean either", at_key=True)
        interface_id = self._ledger.make(
            at,
            "private_ip_address",
            self._alibaba.create_network_interface,
            self._v_switch_id(at, part, vpc),
            self._group_ids(at, part, vpc),
            primary_ip_address=part.private_ip_address,
        )
        self._more_addresses(at, part, interface_id)

    def _instance(self, at: Trail, instance: Instance, vpc: Vpc) -> None:
        ledger, groups = self._ledger, self._group_ids(at, instance, vpc)
        made = ledger.call(
            (*at, "private_ip_address"),
            self._alibaba.run_instances,
            self._v_switch_id(at, instance, vpc),
            groups[0],
            private_ip_address=instance.private_ip_address,
            instance_name=str(at[-1]),
        )
        ledger.know(at, made.id)
        interface_id = made.network_interface_ids[0]
        if len(groups) > 1:
            modify = self._alibaba.modify_network_interface_attribute
            ledger.call((*at, "security_groups"), modify, interface_id, security_group_ids=groups)
        self._more_addresses(at, instance, interface_id)
        for number, name in enumerate(instance.network_interfaces):
            place = (*at, "network_interfaces", number)
            with ledger.attempt():
                known = vpc.network_interfaces
                more = ledger.find((*at[:3], "network_interfaces"), name, known, "network interface", place)
                ledger.call(place, self._alibaba.attach_network_interface, more, made.id)

    def _more_addresses(self, at: Trail, part: NetworkInterface, interface_id: str) -> None:
        for number, address in enumerate(part.secondary_private_ip_addresses):
            place = (*at, "secondary_private_ip_addresses", number)
            with self._ledger.attempt():
                assign = self._alibaba.assign_private_ip_addresses
                self._ledger.call(place, assign, interface_id, private_ip_address=[address])

    def _route(self, at: Trail, entry: RouteEntry, table: str, vpc: Vpc) -> None:
        ledger, create = self._ledger, self._alibaba.create_route_entry
        destination, place = str(at[-1]), (*at, "next_hop")
        if entry.next_hop in vpc.network_interfaces:
            interface = ledger.of((*at[:3], "network_interfaces", entry.next_hop))
            ledger.call(place, create, table, destination, "NetworkInterface", interface)
        else:
            known = [*vpc.instances, *vpc.network_interfaces]
            instance = ledger.find((*at[:3], "instances"), entry.next_hop, known, "next hop", place)
            ledger.call(place, create, table, destination, "Instance", instance)

    def _v_switch_id(self, at: Trail, part: NetworkInterface, vpc: Vpc) -> str:
        switches = self._v_switches(vpc)
        name = part.v_switch or next(iter(switches))
        return self._ledger.find((*at[:3], "v_switches"), name, switches, "vSwitch", (*at, "v_switch"))

    def _group_ids(self, at: Trail, part: NetworkInterface, vpc: Vpc) -> list[str]:
        known = self._groups(vpc)
        return [
            self._ledger.find((*at[:3], "security_groups"), name, known, "security group", (*at, "security_groups", number))
            for number, name in enumerate(part.security_groups or [DEFAULT])
        ]

    # Edge nodes

    def _ens_group(self, at: Trail, group: SecurityGroup) -> None:
        ledger, alibaba = self._ledger, self._alibaba
        group_id = ledger.know(at, ledger.call(at, alibaba.create_ens_security_group, str(at[-1])).id)
        if group.type != "normal":
            raise ledger.refused((*at, "type"), "ENS has no enterprise groups; leave the type out")
        for place, rule in _rules_of(at, group):
            with ledger.attempt():
                block, said = self._block(place, rule), _said(rule)
                if isinstance(rule, RankedIngress):
                    ledger.call(place, alibaba.authorize_ens_security_group, group_id, source_cidr_ip=block, **said)
                else:
                    ledger.call(place, alibaba.authorize_ens_security_group_egress, group_id, dest_cidr_ip=block, **said)

    def _block(self, at: Trail, rule: RankedIngress | RankedEgress) -> IPv4Network:
        if isinstance(rule.peer, IPv4Network):
            return rule.peer
        raise self._ledger.refused(at, f"'{rule.peer}' is a group, and rules of ENS speak of CIDR blocks only")

    def _ens_network(self, at: Trail, network: EnsNetwork, groups: dict[str, SecurityGroup]) -> None:
        ledger, region = self._ledger, network.ens_region or DEFAULT_ENS_REGION
        create = self._alibaba.create_ens_network
        name = str(at[-1])
        network_id = ledger.make(at, "cidr_block", create, network.cidr_block, network_name=name, ens_region_id=region)
        named_first = dict(sorted(network.instances.items(), key=lambda item: item[1].private_ip_address is None))
        ledger.each((*at, "instances"), named_first, self._ens_instance, groups, network_id, region)
        for destination, target in network.routes.items():
            place = (*at, "routes", str(destination))
            with ledger.attempt():
                instance = ledger.find((*at, "instances"), target, network.instances, "machine", place)
                ledger.call(place, self._alibaba.create_ens_route_entry, network_id, destination, instance)

    def _ens_instance(
        self,
        at: Trail,
        part: EnsInstance,
        groups: dict[str, SecurityGroup],
        network_id: str | None = None,
        region: str = DEFAULT_ENS_REGION,
    ) -> None:
        ledger, alibaba, seated = self._ledger, self._alibaba, at in self._machines.seats
        base: Trail = ("alibaba", "ens_security_groups")
        group_ids = [
            ledger.find(base, name, groups, "ENS security group", (*at, "security_groups", number))
            for number, name in enumerate(part.security_groups)
        ]
        public = part.public_ip_address
        image = part.image or ("sag-vcpe" if seated else "linux")
        size = {"instance_type": part.instance_type} if part.instance_type else {}
        made = ledger.call(
            (*at, "private_ip_address"),
            alibaba.run_ens_instances,
            ENS_SAG_VCPE if image == "sag-vcpe" else ENS_LINUX,
            security_id=group_ids[0] if group_ids else None,
            network_id=network_id,
            private_ip_address=part.private_ip_address,
            public_ip_identification=seated or network_id is None if public is None else public,
            user_data=part.user_data if part.user_data is not None else self._credentials.get(at, ""),
            instance_name=str(at[-1]),
            ens_region_id=region,
            **size,
        )
        ledger.know(at, made.id)
        for number, group_id in enumerate(group_ids[1:], start=1):
            ledger.call((*at, "security_groups", number), alibaba.join_ens_security_group, made.id, group_id)
        check = not seated if part.source_dest_check is None else part.source_dest_check
        if not check:
            place = (*at, "source_dest_check")
            ledger.call(place, alibaba.modify_ens_instance_attribute, made.id, source_dest_check=False)


class _Said(TypedDict):
    """What rules of both ways say, as parameters of a call."""

    ip_protocol: str
    port_range: str
    policy: str
    priority: int


def _said(rule: RankedIngress | RankedEgress) -> _Said:
    return _Said(ip_protocol=rule.protocol.upper(), port_range=rule.port_range, policy=rule.policy, priority=rule.priority)


def _rules_of(at: Trail, group: SecurityGroup) -> Iterator[tuple[Trail, RankedIngress | RankedEgress]]:
    """The rules of a group, and where each stands."""
    yield from (((*at, "ingress", number), rule) for number, rule in enumerate(group.ingress))
    yield from (((*at, "egress", number), rule) for number, rule in enumerate(group.egress))
