"""A call that would mend something, said as the change of the lab file that brings it about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from lab.cloud import Cloud
from lab.cloud.alibaba import NetworkInterface as EcsInterface
from lab.cloud.aws import NetworkInterface
from lab.explanation.call import Call

Given: TypeAlias = "dict[str, object]"

_PROTOCOLS = {"-1": "all"}
_ALL_PORTS = ("-1/-1", "1/65535")


class Advisor:
    """`names` are the file's names of ids, `places` where it speaks of what has them.

    Calls are told in their order: some speak of what one before them makes.
    """

    def __init__(self, cloud: Cloud, names: Mapping[str, str], places: Mapping[tuple[int, str], str]) -> None:
        self._cloud = cloud
        self._names = dict(names)
        self._places = {id: place for (_, id), place in places.items() if id}

    def __call__(self, call: Call) -> str:
        """A sentence without a full stop, or, where there is none for it, the call, with the names of what it speaks of.

        Empty for a call that makes what only the next one has a place for.
        """
        given = dict(call.arguments)
        if call.operation in _MAKERS:
            self._names[f"{call.result}.id"] = _MAKERS[call.operation](given)
        tell = _TELLERS.get(call.operation)
        told = tell(self, given) if tell is not None else None
        if told is not None:
            return told
        known = [(str(value), self._names[str(value)]) for value in given.values() if str(value) in self._names]
        return f"{call}" + (f"  # {', '.join(f'{id} is {name}' for id, name in known)}" if known else "")

    def amazon_rule(self, given: Given, way: str) -> str | None:
        protocol = str(given["ip_protocol"])
        first, last = given.get("from_port", -1), given.get("to_port", -1)
        ports = "" if first == -1 else f" {first}" if first == last else f" {first}-{last}"
        if protocol not in ("tcp", "udp"):
            ports = ""
        peer = given.get("cidr_ip") or self._names.get(str(given.get("source_group_id")))
        return self._rule(f"{_PROTOCOLS.get(protocol, protocol)}{ports}", peer, way, given["group_id"])

    def apsara_rule(self, given: Given, way: str) -> str | None:
        protocol, ports = str(given.get("ip_protocol", "ALL")).lower(), str(given.get("port_range", "-1/-1"))
        first, _, last = ports.partition("/")
        said = "" if ports in _ALL_PORTS else f" {first}" if first == last else f" {first}-{last}"
        peer = given.get("source_cidr_ip") or given.get("dest_cidr_ip")
        if given.get("policy", "accept") != "accept" or given.get("priority", 1) != 1:
            return None
        return self._rule(f"{protocol}{said}", peer, way, given["security_group_id"])

    def _rule(self, what: str, peer: object, way: str, group_id: object) -> str | None:
        if peer is None:
            return None
        side = "ingress" if way == "from" else "egress"
        return self._said(f"add `{what} {way} {peer}` to the {side} of the security group", group_id)

    def route(self, given: Given) -> str | None:
        target = given.get("network_interface_id") or given.get("instance_id")
        name = "internet_gateway" if given.get("gateway_id") else self._machine(target)
        if name is None:
            return None
        return self._said(f"add `{given['destination_cidr_block']}: {name}` to the route table", given["route_table_id"])

    def check(self, given: Given) -> str | None:
        if given.get("source_dest_check") is not False:
            return None
        instance = self._owner(str(given.get("network_interface_id") or given.get("instance_id")))
        return self._said("say `source_dest_check: false` of", instance)

    def attachment(self, given: Given) -> str | None:
        child = self._names.get(str(given.get("child_instance_id") or given.get("ccn_id")))
        return self._said(f"add `{child}` to the attachments of the CEN", given["cen_id"]) if child else None

    def network(self, given: Given) -> str | None:
        region = given["region_id"]
        return f"add `{_ccn(given)}: {{region: {region}}}` to cloud_connect_networks"

    def plan(self, given: Given) -> str | None:
        plan = self._names.get(str(given["cen_bandwidth_package_id"]))
        return self._said(f"add `{plan}` to the bandwidth_packages of the CEN", given["cen_id"]) if plan else None

    def share(self, given: Given) -> str | None:
        share = f"{{between: [{given['local_region_id']}, {given['opposite_region_id']}], bandwidth: {given['bandwidth_limit']}}}"
        return self._said(f"have `{share}` among the inter_region_bandwidth of the CEN", given["cen_id"])

    def announcement(self, given: Given) -> str | None:
        blocks = given.get("cidr_block")
        if given.get("routing_strategy") != "static" or not isinstance(blocks, str):
            return None
        return self._said(f"say `cidr_blocks: [{', '.join(blocks.split(','))}]` of the gateway", given["smart_ag_id"])

    def elastic_ip(self, given: Given) -> str | None:
        return self._said("say `elastic_ip: true` of", self._owner(str(given.get("network_interface_id"))))

    def nothing(self, given: Given) -> str | None:
        return ""

    def binding(self, given: Given) -> str | None:
        ccn = self._names.get(str(given["ccn_id"]))
        return self._said(f"say `cloud_connect_network: {ccn}` of the gateway", given["smart_ag_id"]) if ccn else None

    def start(self, given: Given) -> str | None:
        return self._said("say `state: running` of", given["instance_id"])

    def _said(self, text: str, id: object) -> str | None:
        """With the name of a thing and where the file speaks of it; None for a thing that is not the file's."""
        name, place = self._names.get(str(id)), self._places.get(str(id))
        if name is None:
            return None
        return f"{text} {name}" + (f" ({place})" if place else "")

    def _machine(self, id: object) -> str | None:
        return self._names.get(self._owner(str(id)))

    def _owner(self, id: str) -> str:
        """The machine that a network interface is the primary one of; anything else is its own."""
        eni = self._cloud.store.find(NetworkInterface, id) or self._cloud.store.find(EcsInterface, id)
        if eni is None or eni.instance_id is None or id in self._names:
            return id
        return eni.instance_id


def _ccn(given: Given) -> str:
    return f"ccn-{given['region_id']}"


def _plan(given: Given) -> str:
    between = f"{given['geographic_region_a_id']}, {given['geographic_region_b_id']}"
    return f"{{between: [{between}], bandwidth: {given['bandwidth']}}}"


# What a file calls that which these make.
_MAKERS: dict[str, Callable[[Given], str]] = {
    "alibaba.create_cloud_connect_network": _ccn,
    "alibaba.create_cen_bandwidth_package": _plan,
}

_TELLERS: dict[str, Callable[[Advisor, Given], str | None]] = {
    "aws.authorize_security_group_ingress": lambda advisor, given: advisor.amazon_rule(given, "from"),
    "aws.authorize_security_group_egress": lambda advisor, given: advisor.amazon_rule(given, "to"),
    "aws.create_route": Advisor.route,
    "aws.modify_network_interface_attribute": Advisor.check,
    "aws.modify_instance_attribute": Advisor.check,
    "aws.start_instances": Advisor.start,
    "aws.allocate_address": Advisor.nothing,
    "aws.associate_address": Advisor.elastic_ip,
    "alibaba.authorize_security_group": lambda advisor, given: advisor.apsara_rule(given, "from"),
    "alibaba.authorize_security_group_egress": lambda advisor, given: advisor.apsara_rule(given, "to"),
    "alibaba.authorize_ens_security_group": lambda advisor, given: advisor.apsara_rule(given, "from"),
    "alibaba.authorize_ens_security_group_egress": lambda advisor, given: advisor.apsara_rule(given, "to"),
    "alibaba.attach_cen_child_instance": Advisor.attachment,
    "alibaba.attach_ccn_instance_to_cen": Advisor.attachment,
    "alibaba.bind_smart_access_gateway": Advisor.binding,
    "alibaba.modify_smart_access_gateway": Advisor.announcement,
    "alibaba.create_cloud_connect_network": Advisor.network,
    "alibaba.create_cen_bandwidth_package": Advisor.nothing,
    "alibaba.associate_cen_bandwidth_package": Advisor.plan,
    "alibaba.set_cen_inter_region_bandwidth_limit": Advisor.share,
    "alibaba.start_instance": Advisor.start,
    "alibaba.start_ens_instance": Advisor.start,
}
