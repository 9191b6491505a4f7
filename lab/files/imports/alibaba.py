"""From what `aliyun … Describe…` prints to the part of a lab file that tells of Alibaba Cloud."""

from __future__ import annotations

from lab.files.imports.document import Documents, Imported, Json, Namer

# What is read: the key under which a command lists it, and the key inside that.
READ = {
    "Vpcs": "Vpc",
    "VSwitches": "VSwitch",
    "RouterTableList": "RouterTableListType",
    "RouteEntrys": "RouteEntry",
    "SecurityGroups": "SecurityGroup",
    "Instances": "Instance",
    "NetworkInterfaceSets": "NetworkInterfaceSet",
    "Cens": "Cen",
    "ChildInstances": "ChildInstance",
    "CenBandwidthPackages": "CenBandwidthPackage",
    "CenInterRegionBandwidthLimits": "CenInterRegionBandwidthLimit",
    "PublishedRouteEntries": "PublishedRouteEntry",
    "SmartAccessGateways": "SmartAccessGateway",
    "CloudConnectNetworks": "CloudConnectNetwork",
}
_PERMISSIONS = ("SecurityGroupId", "Permissions")  # what DescribeSecurityGroupAttribute prints of one group
_NEXT_HOPS = ("Instance", "NetworkInterface")
_PROTOCOLS = ("all", "icmp", "tcp", "udp")
_ALL_PORTS = ("-1/-1", "1/65535")


def import_alibaba(documents: Documents) -> Imported:
    return _Import(documents).made()


class _Import:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._names = Namer()
        self._made = Imported({})
        self._instances = self._all("Instances")
        self._interfaces = self._all("NetworkInterfaceSets")
        self._published = self._all("PublishedRouteEntries")
        self._rules = {
            document["SecurityGroupId"]: document["Permissions"].get("Permission", ())
            for document in documents.documents_with(*_PERMISSIONS)
        }

    def _all(self, key: str) -> list[Json]:
        return self._documents.all(key, READ[key])

    def made(self) -> Imported:
        vpcs, networks = self._all("Vpcs"), self._all("CloudConnectNetworks")
        for one in vpcs:
            self._names.name("attached", one["VpcId"], one.get("VpcName", ""))
        for one in networks:
            self._names.name("attached", one["CcnId"], one.get("Name", ""))
        parts: Json = {
            "vpcs": {self._named(one["VpcId"]): self._vpc(one) for one in vpcs},
            "smart_access_gateways": dict(map(self._gateway, self._all("SmartAccessGateways"))),
        }
        content = {key: value for key, value in parts.items() if value}
        # Said even if there are none: without a word, a lab file has one of each that joins everything.
        content["cloud_connect_networks"] = {self._named(one["CcnId"]): self._network(one) for one in networks}
        content["cens"] = dict(map(self._cen, self._all("Cens")))
        self._made.content["alibaba"] = content
        self._leave_out_the_rest()
        return self._made

    def _named(self, id: str) -> str:
        return self._names.known(id) or id

    # A VPC

    def _vpc(self, vpc: Json) -> Json:
        vpc_id = vpc["VpcId"]
        switches, groups, interfaces = (
            [one for one in self._all(key) if one.get("VpcId") == vpc_id]
            for key in ("VSwitches", "SecurityGroups", "NetworkInterfaceSets")
        )
        instances = [one for one in self._instances if one.get("VpcAttributes", {}).get("VpcId") == vpc_id]
        for one in switches:
            self._names.name(f"{vpc_id} switch", one["VSwitchId"], one.get("VSwitchName", ""))
        for one in groups:
            self._names.name(f"{vpc_id} group", one["SecurityGroupId"], one.get("SecurityGroupName", ""))
        for one in instances:
            self._names.name(f"{vpc_id} target", one["InstanceId"], one.get("InstanceName", ""))
        for one in interfaces:
            self._names.name(f"{vpc_id} target", one["NetworkInterfaceId"], one.get("NetworkInterfaceName", ""))
        for block in vpc.get("SecondaryCidrBlocks", {}).get("SecondaryCidrBlock", ()):
            self._made.leave_out(f"{vpc_id}: the further CIDR block {block}; a VPC has one here")
        if vpc.get("Ipv6CidrBlock"):
            self._made.leave_out(f"{vpc_id}: the IPv6 block {vpc['Ipv6CidrBlock']}; there is no IPv6 here")
        loose = [one for one in interfaces if not one.get("InstanceId") or one.get("Type") != "Primary"]
        parts: Json = {
            "cidr_block": vpc["CidrBlock"],
            "region": vpc["RegionId"],
            "v_switches": {self._named(one["VSwitchId"]): _switch(one) for one in switches},
            "route_table": self._routes(vpc_id),
            **({"publish": False} if self._is_withdrawn(vpc["CidrBlock"], "System", vpc_id) else {}),
            "security_groups": {self._named(one["SecurityGroupId"]): self._group(one) for one in groups},
            "network_interfaces": {self._named(one["NetworkInterfaceId"]): self._interface(one) for one in loose},
            "instances": {self._named(one["InstanceId"]): self._instance(one, interfaces) for one in instances},
        }
        return {key: value for key, value in parts.items() if value != {}}

    def _routes(self, vpc_id: str) -> Json:
        tables = {one["RouteTableId"]: one for one in self._all("RouterTableList") if one.get("VpcId") == vpc_id}
        for table in tables.values():
            if table.get("RouteTableType", "System") != "System":
                self._made.leave_out(f"{table['RouteTableId']}: a further route table; a VPC has one here")
        own = {id for id, table in tables.items() if table.get("RouteTableType", "System") == "System"}
        found: Json = {}
        for entry in self._all("RouteEntrys"):
            if entry.get("RouteTableId") not in own or entry.get("Type") != "Custom":
                continue
            hops = entry.get("NextHops", {}).get("NextHop", ())
            target = self._names.known(hops[0]["NextHopId"]) if len(hops) == 1 and hops[0]["NextHopType"] in _NEXT_HOPS else None
            if target is None:
                to = ", ".join(f"{hop['NextHopType']} {hop['NextHopId']}" for hop in hops) or "nothing"
                self._made.leave_out(f"{entry['RouteTableId']}: the route {entry['DestinationCidrBlock']} to {to}")
                continue
            destination = entry["DestinationCidrBlock"]
            published = self._is_published(destination, "Custom", own)
            found[destination] = {"next_hop": target, "publish": True} if published else target
        return found

    def _is_published(self, destination: str, kind: str, tables: set[str]) -> bool:
        return any(
            one["PublishStatus"] == "Published" and one.get("ChildInstanceRouteTableId") in tables
            for one in self._published
            if (one["DestinationCidrBlock"], one["RouteType"]) == (destination, kind)
        )

    def _is_withdrawn(self, destination: str, kind: str, vpc_id: str) -> bool:
        tables = {one["RouteTableId"] for one in self._all("RouterTableList") if one.get("VpcId") == vpc_id}
        said = [
            one["PublishStatus"]
            for one in self._published
            if (one["DestinationCidrBlock"], one["RouteType"]) == (destination, kind)
            and one.get("ChildInstanceRouteTableId") in tables
        ]
        return bool(said) and "Published" not in said

    def _group(self, group: Json) -> Json:
        group_id = group["SecurityGroupId"]
        if group_id not in self._rules:
            self._made.leave_out(f"{group_id}: its rules; `aliyun ecs DescribeSecurityGroupAttribute` of it is missing")
        found: Json = {"type": "enterprise"} if group.get("SecurityGroupType") == "enterprise" else {}
        for side, way, which in (("ingress", "from", "Source"), ("egress", "to", "Dest")):
            rules = [
                rule
                for permission in self._rules.get(group_id, ())
                if permission["Direction"] == side and (rule := self._rule(group_id, permission, way, which)) is not None
            ]
            if rules:
                found[side] = rules
        return found

    def _rule(self, group_id: str, permission: Json, way: str, which: str) -> str | Json | None:
        protocol = permission["IpProtocol"].lower()
        peer = permission.get(f"{which}CidrIp") or self._names.known(permission.get(f"{which}GroupId", ""))
        if protocol not in _PROTOCOLS or not peer:
            other = (
                permission.get(f"{which}GroupId")
                or permission.get(f"Ipv6{which}CidrIp")
                or permission.get(f"{which}PrefixListId")
            )
            self._made.leave_out(f"{group_id}: a rule for {protocol} {way} {peer or other}")
            return None
        ports, policy, priority = (
            permission["PortRange"],
            permission.get("Policy", "Accept").lower(),
            int(permission.get("Priority", 1)),
        )
        first, _, last = ports.partition("/")
        said = "" if ports in _ALL_PORTS else first if first == last else f"{first}-{last}"
        if (policy, priority) == ("accept", 1):
            return " ".join(filter(None, (protocol, said, way, peer)))
        return {"protocol": protocol, **({"ports": said} if said else {}), way: peer, "policy": policy, "priority": priority}

    # Machines

    def _instance(self, instance: Json, interfaces: list[Json]) -> Json:
        instance_id = instance["InstanceId"]
        own = [one for one in interfaces if one.get("InstanceId") == instance_id]
        primary = next((one for one in own if one.get("Type") == "Primary"), None)
        found = self._interface(primary) if primary is not None else self._from_instance(instance)
        more = [self._named(one["NetworkInterfaceId"]) for one in own if one is not primary]
        if more:
            found["network_interfaces"] = more
        public = [*instance.get("PublicIpAddress", {}).get("IpAddress", ()), instance.get("EipAddress", {}).get("IpAddress")]
        for address in filter(None, public):
            self._made.leave_out(f"{instance_id}: the public address {address}; ECS instances have none here")
        if instance["Status"] == "Stopped":
            found["state"] = "stopped"
        return found

    def _from_instance(self, instance: Json) -> Json:
        attributes = instance["VpcAttributes"]
        return {
            "v_switch": self._named(attributes["VSwitchId"]),
            "private_ip_address": attributes["PrivateIpAddress"]["IpAddress"][0],
            "security_groups": [self._named(id) for id in instance["SecurityGroupIds"]["SecurityGroupId"]],
        }

    def _interface(self, interface: Json) -> Json:
        addresses = interface.get("PrivateIpSets", {}).get("PrivateIpSet", ())
        more = [one["PrivateIpAddress"] for one in addresses if not one.get("Primary")]
        return {
            "v_switch": self._named(interface["VSwitchId"]),
            "private_ip_address": interface["PrivateIpAddress"],
            **({"secondary_private_ip_addresses": more} if more else {}),
            "security_groups": [self._named(id) for id in interface["SecurityGroupIds"]["SecurityGroupId"]],
        }

    # What joins networks

    def _gateway(self, gateway: Json) -> tuple[str, Json]:
        gateway_id = gateway["SmartAGId"]
        name = self._names.name("gateway", gateway_id, gateway.get("Name", ""))
        if gateway.get("HardwareVersion", "sag-vcpe") != "sag-vcpe":
            self._made.leave_out(f"{gateway_id}: that it is a device of the type {gateway['HardwareVersion']}")
        self._made.leave_out(f"{gateway_id}: the machine that it runs on, which nothing tells; name it under runs_on of {name}")
        blocks = [block.strip() for block in gateway.get("CidrBlock", "").split(",") if block.strip()]
        found: Json = {"cidr_blocks": blocks}
        if gateway.get("AssociatedCcnId"):
            found["cloud_connect_network"] = self._named(gateway["AssociatedCcnId"])
        if digits := "".join(filter(str.isdigit, str(gateway.get("MaxBandwidth", "")))):
            found["max_bandwidth"] = int(digits)
        if gateway.get("RegionId"):
            found["region"] = gateway["RegionId"]
        return name, found

    def _network(self, network: Json) -> Json:
        attached = (one for one in self._all("ChildInstances") if one["ChildInstanceId"] == network["CcnId"])
        region = network.get("RegionId") or next((one.get("ChildInstanceRegionId", "") for one in attached), "")
        return {"region": region} if region else {}

    def _cen(self, cen: Json) -> tuple[str, Json]:
        cen_id = cen["CenId"]
        packages = [one for one in self._all("CenBandwidthPackages") if cen_id in one.get("CenIds", {}).get("CenId", ())]
        limits = [one for one in self._all("CenInterRegionBandwidthLimits") if one["CenId"] == cen_id]
        found: Json = {"attachments": []}
        for child in self._all("ChildInstances"):
            if child["CenId"] != cen_id:
                continue
            if (name := self._names.known(child["ChildInstanceId"])) is None:
                self._made.leave_out(f"{cen_id}: the attached {child['ChildInstanceType']} {child['ChildInstanceId']}")
            else:
                found["attachments"].append(name)
        if cen.get("ProtectionLevel") == "FULL":
            found["protection_level"] = "FULL"
        if packages:
            found["bandwidth_packages"] = [
                {"between": [one["GeographicRegionAId"], one["GeographicRegionBId"]], "bandwidth": int(one["Bandwidth"])}
                for one in packages
            ]
        if limits:
            found["inter_region_bandwidth"] = [
                {"between": [one["LocalRegionId"], one["OppositeRegionId"]], "bandwidth": int(one["BandwidthLimit"])}
                for one in limits
            ]
        return self._names.name("cen", cen_id, cen.get("Name", "")), found

    def _leave_out_the_rest(self) -> None:
        for key in sorted(self._documents.keys - READ.keys() - set(_PERMISSIONS)):
            for inner, things in self._documents.lists(key):
                for thing in things:
                    self._made.leave_out(
                        f"{inner}: {next((str(v) for k, v in thing.items() if k.endswith('Id')), str(thing)[:60])}"
                    )


def _switch(switch: Json) -> str | Json:
    zone = switch.get("ZoneId")
    return {"cidr_block": switch["CidrBlock"], "zone": zone} if zone else switch["CidrBlock"]
