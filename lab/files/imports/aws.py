"""From what `aws ec2 describe-…` prints to the part of a lab file that tells of AWS."""

from __future__ import annotations

from typing import Any

from lab.cloud import CloudError
from lab.cloud.aws import SAG_VCPE, instance_type
from lab.files.imports.document import Documents, Imported, Json, Namer
from lab.files.schema.aws import DEFAULT, INTERNET_GATEWAY, MAIN

# What is read, by the key under which a command lists it.
READ = {
    "Vpcs",
    "Subnets",
    "RouteTables",
    "SecurityGroups",
    "NetworkAcls",
    "NetworkInterfaces",
    "Reservations",
    "InternetGateways",
    "Addresses",
    "Images",
}
# Said elsewhere, too, or about nothing.
PASSED_OVER = {"SecurityGroupRules", "NextToken", "ResponseMetadata", "Tags"}

_LAST_RULE = 32767  # EC2: the number of the rule that denies the rest, which every list has
_PROTOCOLS = {"-1": "all", "1": "icmp", "6": "tcp", "17": "udp"}
_EVERYTHING = ["all to 0.0.0.0/0"]
_GONE = ("terminated", "shutting-down")


def import_aws(documents: Documents) -> Imported:
    return _Import(documents).made()


class _Import:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._names = Namer()
        self._made = Imported({"aws": {"vpcs": {}}})
        self._instances = [
            one for group in documents.all("Reservations") for one in group.get("Instances", ()) if _state(one) not in _GONE
        ]
        self._interfaces = documents.all("NetworkInterfaces") or [
            {**one, "Attachment": {**one.get("Attachment", {}), "InstanceId": instance["InstanceId"]}}
            for instance in self._instances
            for one in instance.get("NetworkInterfaces", ())
        ]
        self._images = {image["ImageId"]: image.get("Name", "") for image in documents.all("Images")}
        self._elastic = {one["NetworkInterfaceId"]: one for one in documents.all("Addresses") if one.get("NetworkInterfaceId")}

    def made(self) -> Imported:
        for vpc in self._documents.all("Vpcs"):
            name = self._names.name("vpc", vpc["VpcId"], _name(vpc))
            self._made.content["aws"]["vpcs"][name] = self._vpc(vpc)
        self._leave_out_the_rest()
        return self._made

    def _vpc(self, vpc: Json) -> Json:
        vpc_id = vpc["VpcId"]
        subnets, tables, groups, lists, interfaces = (
            self._of(vpc_id, key) for key in ("Subnets", "RouteTables", "SecurityGroups", "NetworkAcls", "NetworkInterfaces")
        )
        instances = [one for one in self._instances if one.get("VpcId") == vpc_id]
        self._name_all(vpc_id, subnets, tables, groups, lists, interfaces, instances)
        for one in vpc.get("CidrBlockAssociationSet", ()):
            if one["CidrBlock"] != vpc["CidrBlock"]:
                self._made.leave_out(f"{vpc_id}: the further CIDR block {one['CidrBlock']}; a VPC has one here")
        for one in vpc.get("Ipv6CidrBlockAssociationSet", ()):
            self._made.leave_out(f"{vpc_id}: the IPv6 block {one.get('Ipv6CidrBlock')}; there is no IPv6 here")
        gateways = [
            one
            for one in self._documents.all("InternetGateways")
            for at in one.get("Attachments", ())
            if at.get("VpcId") == vpc_id
        ]
        loose = [one for one in interfaces if not self._instance_of(one) or one["Attachment"].get("DeviceIndex") != 0]
        parts: Json = {
            "cidr_block": vpc["CidrBlock"],
            **({"region": region} if (region := _region(subnets)) else {}),
            "internet_gateway": bool(gateways),
            "subnets": {self._named(one["SubnetId"]): self._subnet(one, tables, lists) for one in subnets},
            "route_tables": {self._named(one["RouteTableId"]): self._routes(one) for one in tables},
            "security_groups": {self._named(one["GroupId"]): self._group(one) for one in groups},
            "network_acls": {self._named(one["NetworkAclId"]): self._list(one) for one in lists if not _is_untouched(one)},
            "network_interfaces": {self._named(one["NetworkInterfaceId"]): self._interface(one) for one in loose},
            "instances": {self._named(one["InstanceId"]): self._instance(one, interfaces) for one in instances},
        }
        return {key: value for key, value in parts.items() if value != {}}

    def _of(self, vpc_id: str, key: str) -> list[Json]:
        found = self._interfaces if key == "NetworkInterfaces" else self._documents.all(key)
        return [one for one in found if one.get("VpcId") == vpc_id and self._is_plain(one)]

    def _is_plain(self, one: Json) -> bool:
        """Not an interface that a service made for itself."""
        kind = one.get("InterfaceType", "interface")
        if kind != "interface":
            self._made.leave_out(f"{one['NetworkInterfaceId']}: a network interface of the type {kind}")
        return bool(kind == "interface")

    def _name_all(
        self,
        vpc_id: str,
        subnets: list[Json],
        tables: list[Json],
        groups: list[Json],
        lists: list[Json],
        interfaces: list[Json],
        instances: list[Json],
    ) -> None:
        for one in subnets:
            self._names.name(f"{vpc_id} subnet", one["SubnetId"], _name(one))
        for one in sorted(tables, key=_is_main, reverse=True):
            self._names.name(f"{vpc_id} table", one["RouteTableId"], MAIN if _is_main(one) else _name(one))
        for one in sorted(groups, key=lambda one: one["GroupName"] != DEFAULT):
            self._names.name(f"{vpc_id} group", one["GroupId"], one["GroupName"])
        for one in sorted(lists, key=lambda one: not one.get("IsDefault")):
            self._names.name(f"{vpc_id} list", one["NetworkAclId"], DEFAULT if one.get("IsDefault") else _name(one))
        for one in instances:  # a route may lead to either, so they share a scope
            self._names.name(f"{vpc_id} target", one["InstanceId"], _name(one))
        for one in interfaces:
            self._names.name(f"{vpc_id} target", one["NetworkInterfaceId"], _name(one))

    def _named(self, id: str) -> str:
        return self._names.known(id) or id

    # What serves subnets

    def _subnet(self, subnet: Json, tables: list[Json], lists: list[Json]) -> Json | str:
        subnet_id = subnet["SubnetId"]
        found: Json = {"cidr_block": subnet["CidrBlock"]}
        for table in tables:
            if any(one.get("SubnetId") == subnet_id for one in table.get("Associations", ())):
                found["route_table"] = self._named(table["RouteTableId"])
        for acl in lists:
            if not acl.get("IsDefault") and any(one.get("SubnetId") == subnet_id for one in acl.get("Associations", ())):
                found["network_acl"] = self._named(acl["NetworkAclId"])
        return found if len(found) > 1 else subnet["CidrBlock"]

    def _routes(self, table: Json) -> dict[str, str]:
        found = {}
        for route in table.get("Routes", ()):
            if route.get("GatewayId") == "local":
                continue
            destination = route.get("DestinationCidrBlock")
            target = self._target(route)
            if destination is None or target is None:
                where = destination or route.get("DestinationIpv6CidrBlock") or route.get("DestinationPrefixListId")
                self._made.leave_out(f"{table['RouteTableId']}: the route {where} to {_target_id(route)}{_why(route)}")
                continue
            found[destination] = target
        return found

    def _target(self, route: Json) -> str | None:
        """None for what cannot be the target of a route here."""
        if route.get("State") == "blackhole" and not self._stopped(route):
            return None
        if str(route.get("GatewayId", "")).startswith("igw-"):
            return INTERNET_GATEWAY
        interface = next((one for one in self._interfaces if one["NetworkInterfaceId"] == route.get("NetworkInterfaceId")), None)
        if interface is None:
            return self._names.known(route.get("InstanceId", ""))
        instance = self._instance_of(interface)
        if instance is not None and interface["Attachment"].get("DeviceIndex") == 0:
            return self._named(instance["InstanceId"])
        return self._names.known(interface["NetworkInterfaceId"])

    def _stopped(self, route: Json) -> bool:
        """Whether a route leads nowhere for no other reason than that its machine is stopped, or its interface is loose."""
        return any(one["NetworkInterfaceId"] == route.get("NetworkInterfaceId") for one in self._interfaces)

    # Groups and lists

    def _group(self, group: Json) -> Json:
        group_id = group["GroupId"]
        egress = self._rules(group_id, group.get("IpPermissionsEgress", ()), "to")
        found: Json = {"description": group["Description"]} if group["GroupName"] != DEFAULT else {}
        found["ingress"] = self._rules(group_id, group.get("IpPermissions", ()), "from")
        return found | ({"egress": egress} if egress != _EVERYTHING else {})

    def _rules(self, group_id: str, permissions: Any, way: str) -> list[str | Json]:
        found: list[str | Json] = []
        for permission in permissions:
            peers = [one["CidrIp"] for one in permission.get("IpRanges", ())]
            for pair in permission.get("UserIdGroupPairs", ()):
                if (name := self._names.known(pair.get("GroupId", ""))) is None:
                    self._made.leave_out(
                        f"{group_id}: a rule {way} the group {pair.get('GroupId')}, which is of another VPC or account"
                    )
                else:
                    peers.append(name)
            for key, inner in (("Ipv6Ranges", "CidrIpv6"), ("PrefixListIds", "PrefixListId")):
                for one in permission.get(key, ()):
                    self._made.leave_out(f"{group_id}: a rule {way} {one.get(inner)}")
            protocol = _PROTOCOLS.get(permission["IpProtocol"], permission["IpProtocol"])
            if not (protocol in _PROTOCOLS.values() or protocol.isdigit()):
                self._made.leave_out(f"{group_id}: a rule for the protocol {protocol}")
                continue
            bounds = permission.get("FromPort", -1), permission.get("ToPort", -1)
            found += [_rule(protocol, bounds, way, peer) for peer in peers]
        return found

    def _list(self, acl: Json) -> Json:
        found: Json = {"ingress": {}, "egress": {}}
        for entry in sorted(acl["Entries"], key=lambda entry: entry["RuleNumber"]):
            if entry["RuleNumber"] >= _LAST_RULE:
                continue
            if "CidrBlock" not in entry:
                self._made.leave_out(f"{acl['NetworkAclId']}: rule {entry['RuleNumber']} for {entry.get('Ipv6CidrBlock')}")
                continue
            side, way = ("egress", "to") if entry["Egress"] else ("ingress", "from")
            protocol = _PROTOCOLS.get(str(entry["Protocol"]), str(entry["Protocol"]))
            if "PortRange" in entry:
                bounds = entry["PortRange"]["From"], entry["PortRange"]["To"]
            else:
                kind = entry.get("IcmpTypeCode", {})
                bounds = kind.get("Type", -1), kind.get("Code", -1)
            rule = _rule(protocol, bounds, way, entry["CidrBlock"])
            action = entry["RuleAction"]
            found[side][entry["RuleNumber"]] = {"action": action, **rule} if isinstance(rule, dict) else f"{action} {rule}"
        return found

    # Machines

    def _instance_of(self, interface: Json) -> Json | None:
        wanted = interface.get("Attachment", {}).get("InstanceId")
        return next((one for one in self._instances if one["InstanceId"] == wanted), None)

    def _instance(self, instance: Json, interfaces: list[Json]) -> Json:
        own = sorted(
            (one for one in interfaces if one.get("Attachment", {}).get("InstanceId") == instance["InstanceId"]),
            key=lambda one: one["Attachment"].get("DeviceIndex", 0),
        )
        found = self._interface(own[0]) if own else {}
        public = own[0].get("Association", {}) if own else {}
        if public and own[0]["NetworkInterfaceId"] not in self._elastic:
            found["associate_public_ip_address"] = True
        if len(own) > 1:
            found["network_interfaces"] = [self._named(one["NetworkInterfaceId"]) for one in own[1:]]
        if self._images.get(instance.get("ImageId", "")) == SAG_VCPE:
            found["image"] = "sag-vcpe"
        found |= self._size(instance)
        if _state(instance) == "stopped":
            found["state"] = "stopped"
        return found

    def _size(self, instance: Json) -> Json:
        wanted = instance.get("InstanceType", "")
        try:
            instance_type(wanted)
        except CloudError:
            self._made.leave_out(f"{instance['InstanceId']}: its instance type {wanted}; the default is taken")
            return {}
        return {"instance_type": wanted}

    def _interface(self, interface: Json) -> Json:
        interface_id = interface["NetworkInterfaceId"]
        addresses = [one["PrivateIpAddress"] for one in interface.get("PrivateIpAddresses", ()) if not one.get("Primary")]
        found: Json = {"subnet": self._named(interface["SubnetId"]), "private_ip_address": interface["PrivateIpAddress"]}
        if addresses:
            found["secondary_private_ip_addresses"] = addresses
        found["security_groups"] = [self._named(one["GroupId"]) for one in interface.get("Groups", ())]
        if not interface.get("SourceDestCheck", True):
            found["source_dest_check"] = False
        elastic = self._elastic.get(interface_id)
        if elastic is not None and elastic.get("PrivateIpAddress") == interface["PrivateIpAddress"]:
            found["elastic_ip"] = True
        elif elastic is not None:
            self._made.leave_out(
                f"{interface_id}: the elastic IP address of its secondary address {elastic.get('PrivateIpAddress')}"
            )
        return found

    def _leave_out_the_rest(self) -> None:
        for gateway in self._documents.all("InternetGateways"):
            if not gateway.get("Attachments"):
                self._made.leave_out(f"{gateway['InternetGatewayId']}: an internet gateway that is attached to no VPC")
        for address in self._documents.all("Addresses"):
            if not address.get("NetworkInterfaceId"):
                self._made.leave_out(f"{address.get('AllocationId')}: an elastic IP address that is associated with nothing")
        for key in sorted(self._documents.keys - READ - PASSED_OVER):
            for _, things in self._documents.lists(key):
                for one in things:
                    self._made.leave_out(f"{key}: {_id_of(one)}")


def _rule(protocol: str, bounds: tuple[int, int], way: str, peer: str) -> str | Json:
    """In a line, or, for a type of ICMP, as a mapping."""
    if protocol == "icmp" and bounds[0] != -1:
        kind = {"type": bounds[0]} | ({"code": bounds[1]} if bounds[1] != -1 else {})
        return {"protocol": protocol, **kind, way: peer}
    ports = "" if protocol not in ("tcp", "udp") or bounds in ((0, 65535), (-1, -1)) else f" {_range(bounds)}"
    return f"{protocol}{ports} {way} {peer}"


def _range(bounds: tuple[int, int]) -> str:
    return str(bounds[0]) if bounds[0] == bounds[1] else f"{bounds[0]}-{bounds[1]}"


def _is_untouched(acl: Json) -> bool:
    """The list that a VPC comes with, as it comes."""
    rules = {(one["Egress"], one["RuleNumber"], one["RuleAction"], one.get("CidrBlock")) for one in acl["Entries"]}
    as_made = {
        (egress, number, action, "0.0.0.0/0")
        for egress in (True, False)
        for number, action in ((100, "allow"), (_LAST_RULE, "deny"))
    }
    return bool(acl.get("IsDefault")) and {one for one in rules if one[3] is not None} == as_made


def _is_main(table: Json) -> bool:
    return any(one.get("Main") for one in table.get("Associations", ()))


def _name(thing: Json) -> str:
    tags = thing.get("Tags") or thing.get("TagSet") or ()
    return next((str(tag["Value"]) for tag in tags if tag.get("Key") == "Name"), "")


def _state(instance: Json) -> str:
    return str(instance.get("State", {}).get("Name", "running"))


def _region(subnets: list[Json]) -> str:
    return next((str(one["AvailabilityZone"]).rstrip("abcdef") for one in subnets if one.get("AvailabilityZone")), "")


def _target_id(route: Json) -> str:
    return next(
        (str(value) for key, value in route.items() if key.endswith("Id") and not key.startswith("Destination")), "nothing"
    )


def _why(route: Json) -> str:
    return ", which is gone (blackhole)" if route.get("State") == "blackhole" else ""


def _id_of(thing: Json) -> str:
    return next((str(value) for key, value in thing.items() if key.endswith("Id")), str(thing)[:60])
