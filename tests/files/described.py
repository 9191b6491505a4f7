"""An account of the lab as the providers' command-line tools would print it: the other direction of an import, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.cloud import Cloud
from lab.cloud.alibaba import NetworkInterface as EcsInterface
from lab.cloud.alibaba import Permission
from lab.cloud.alibaba.region import REGIONS
from lab.cloud.aws import AclEntry, Instance, IpPermission, NetworkInterface, Route, RouteTable

Json = dict[str, Any]

_NUMBERS = {"icmp": "1", "tcp": "6", "udp": "17"}


def write_aws(cloud: Cloud, directory: Path) -> None:
    """`aws ec2 describe-…` of every kind, a file each."""
    aws = cloud.aws
    elastic = aws.describe_addresses()
    interfaces = {one.id: one for one in aws.describe_network_interfaces()}
    subnets = {one.id: one for one in aws.describe_subnets()}
    documents: dict[str, Json] = {
        "vpcs": {
            "Vpcs": [{"VpcId": one.id, "CidrBlock": str(one.cidr_block), "Tags": _tags(one.name)} for one in aws.describe_vpcs()]
        },
        "subnets": {
            "Subnets": [
                {"SubnetId": one.id, "VpcId": one.vpc_id, "CidrBlock": str(one.cidr_block), "Tags": _tags(one.name)}
                for one in subnets.values()
            ]
        },
        "route-tables": {"RouteTables": [_table(one) for one in aws.describe_route_tables()]},
        "internet-gateways": {
            "InternetGateways": [
                {"InternetGatewayId": one.id, "Attachments": [{"VpcId": one.vpc_id}] if one.vpc_id else []}
                for one in aws.describe_internet_gateways()
            ]
        },
        "security-groups": {
            "SecurityGroups": [
                {
                    "GroupId": one.id,
                    "GroupName": one.group_name,
                    "Description": one.description,
                    "VpcId": one.vpc_id,
                    "IpPermissions": [_permission(rule) for rule in one.ingress],
                    "IpPermissionsEgress": [_permission(rule) for rule in one.egress],
                }
                for one in aws.describe_security_groups()
            ]
        },
        "network-acls": {
            "NetworkAcls": [
                {
                    "NetworkAclId": one.id,
                    "VpcId": one.vpc_id,
                    "IsDefault": one.default,
                    "Entries": [
                        entry
                        for egress in (True, False)
                        for entry in (*(_entry(rule, egress) for rule in (one.egress if egress else one.ingress)), _last(egress))
                    ],
                    "Associations": [{"SubnetId": it.subnet_id} for it in one.associations],
                }
                for one in aws.describe_network_acls()
            ]
        },
        "network-interfaces": {
            "NetworkInterfaces": [
                _interface(one, {it.network_interface_id for it in elastic}, cloud) for one in interfaces.values()
            ]
        },
        "instances": {
            "Reservations": [
                {"Instances": [_instance(one, interfaces[one.network_interface_ids[0]].vpc_id)]}
                for one in aws.describe_instances()
                if one.network_interface_ids
            ]
        },
        "addresses": {
            "Addresses": [
                {"AllocationId": one.id, "PublicIp": str(one.public_ip)}
                | (
                    {"NetworkInterfaceId": one.network_interface_id, "PrivateIpAddress": str(one.private_ip)}
                    if one.private_ip
                    else {}
                )
                for one in elastic
            ]
        },
        "images": {"Images": [{"ImageId": one.id, "Name": one.name} for one in aws.describe_images()]},
    }
    for name, document in documents.items():
        (directory / f"{name}.json").write_text(json.dumps(document, indent=2), encoding="utf-8")


def _tags(name: str) -> list[Json]:
    return [{"Key": "Name", "Value": name}] if name else []


def _table(table: RouteTable) -> Json:
    associations: list[Json] = [{"SubnetId": one.subnet_id, "Main": False} for one in table.associations]
    return {
        "RouteTableId": table.id,
        "VpcId": table.vpc_id,
        "Associations": [*([{"Main": True}] if table.main else []), *associations],
        "Routes": [_route(one) for one in table.routes],
    }


def _route(route: Route) -> Json:
    key = "NetworkInterfaceId" if route.target.startswith("eni-") else "GatewayId"
    return {"DestinationCidrBlock": str(route.destination), key: route.target, "State": route.state}


def _permission(rule: IpPermission) -> Json:
    bounds = {} if rule.ip_protocol == "-1" else {"FromPort": rule.from_port, "ToPort": rule.to_port}
    return {
        "IpProtocol": rule.ip_protocol,
        **bounds,
        "IpRanges": [{"CidrIp": str(rule.cidr_ip)}] if rule.cidr_ip is not None else [],
        "UserIdGroupPairs": [{"GroupId": rule.group_id}] if rule.group_id is not None else [],
    }


def _entry(entry: AclEntry, egress: bool) -> Json:
    bounds: Json = {}
    if entry.protocol == "icmp":
        bounds = {"IcmpTypeCode": {"Type": entry.from_port, "Code": entry.to_port}}
    elif entry.protocol in ("tcp", "udp"):
        bounds = {"PortRange": {"From": entry.from_port, "To": entry.to_port}}
    return {
        "RuleNumber": entry.rule_number,
        "Protocol": _NUMBERS.get(entry.protocol, entry.protocol),
        "RuleAction": "allow" if entry.permit else "deny",
        "Egress": egress,
        "CidrBlock": str(entry.cidr_block),
        **bounds,
    }


def _last(egress: bool) -> Json:
    """The rule that every list ends with."""
    return {"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "Egress": egress, "CidrBlock": "0.0.0.0/0"}


def _interface(eni: NetworkInterface, elastic: set[str | None], cloud: Cloud) -> Json:
    attachment = {"Attachment": {"InstanceId": eni.instance_id, "DeviceIndex": eni.device_index}} if eni.instance_id else {}
    public = next(iter(cloud.aws.public_addresses(eni.id)), None)
    owner = "123456789012" if eni.id in elastic else "amazon"
    association = {"Association": {"PublicIp": str(public.public_ip), "IpOwnerId": owner}} if public else {}
    return {
        "NetworkInterfaceId": eni.id,
        "SubnetId": eni.subnet_id,
        "VpcId": eni.vpc_id,
        "InterfaceType": "interface",
        "PrivateIpAddress": str(eni.private_ip_address),
        "PrivateIpAddresses": [
            {"PrivateIpAddress": str(one), "Primary": number == 0} for number, one in enumerate(eni.private_ip_addresses)
        ],
        "Groups": [{"GroupId": one} for one in eni.group_ids],
        "SourceDestCheck": eni.source_dest_check,
        **attachment,
        **association,
    }


def _instance(instance: Instance, vpc_id: str) -> Json:
    return {
        "InstanceId": instance.id,
        "VpcId": vpc_id,
        "ImageId": instance.image_id,
        "InstanceType": instance.instance_type,
        "State": {"Name": instance.state},
        "Tags": _tags(instance.name),
    }


def write_alibaba(cloud: Cloud, directory: Path) -> None:
    """`aliyun … Describe…` of every kind, a file each."""
    alibaba = cloud.alibaba
    vpcs = [vpc for region in REGIONS for vpc in alibaba.describe_vpcs(region)]
    ccns = [ccn for region in REGIONS for ccn in alibaba.describe_cloud_connect_networks(region)]
    sags = [sag for region in REGIONS for sag in alibaba.describe_smart_access_gateways(region)]
    cens = alibaba.describe_cens()
    interfaces = alibaba.describe_network_interfaces()
    tables = {vpc.id: vpc.route_table_id for vpc in vpcs}
    documents: dict[str, Json] = {
        "DescribeVpcs": _list(
            "Vpcs",
            "Vpc",
            [
                {"VpcId": one.id, "VpcName": one.vpc_name, "CidrBlock": str(one.cidr_block), "RegionId": one.region_id}
                for one in vpcs
            ],
        ),
        "DescribeVSwitches": _list(
            "VSwitches",
            "VSwitch",
            [
                {"VSwitchId": one.id, "VSwitchName": one.v_switch_name, "VpcId": one.vpc_id, "CidrBlock": str(one.cidr_block)}
                | {"ZoneId": one.zone_id}
                for one in alibaba.describe_vswitches()
            ],
        ),
        "DescribeRouteTableList": _list(
            "RouterTableList",
            "RouterTableListType",
            [{"RouteTableId": table, "VpcId": vpc, "RouteTableType": "System"} for vpc, table in tables.items()],
        ),
        "DescribeSecurityGroups": _list(
            "SecurityGroups",
            "SecurityGroup",
            [
                {"SecurityGroupId": one.id, "SecurityGroupName": one.security_group_name, "VpcId": one.vpc_id}
                | {"SecurityGroupType": one.security_group_type}
                for one in alibaba.describe_security_groups()
            ],
        ),
        "DescribeInstances": _list(
            "Instances",
            "Instance",
            [_ecs(one.id, one.instance_name, one.state, interfaces) for one in alibaba.describe_instances()],
        ),
        "DescribeNetworkInterfaces": _list(
            "NetworkInterfaceSets", "NetworkInterfaceSet", [_ecs_interface(one, cloud) for one in interfaces]
        ),
        "DescribeCens": _list(
            "Cens", "Cen", [{"CenId": one.id, "Name": one.name, "ProtectionLevel": one.protection_level} for one in cens]
        ),
        "DescribeCenAttachedChildInstances": _list(
            "ChildInstances",
            "ChildInstance",
            [
                {"CenId": cen.id, "ChildInstanceId": one.child_instance_id, "ChildInstanceType": one.child_instance_type}
                | {"ChildInstanceRegionId": one.child_instance_region_id}
                for cen in cens
                for one in cen.attachments
            ],
        ),
        "DescribeCenBandwidthPackages": _list(
            "CenBandwidthPackages",
            "CenBandwidthPackage",
            [
                {"CenBandwidthPackageId": one.id, "Bandwidth": one.bandwidth, "CenIds": {"CenId": [one.cen_id]}}
                | dict(zip(("GeographicRegionAId", "GeographicRegionBId"), one.geographic_region_ids, strict=True))
                for one in alibaba.describe_cen_bandwidth_packages()
            ],
        ),
        "DescribeCenInterRegionBandwidthLimits": _list(
            "CenInterRegionBandwidthLimits",
            "CenInterRegionBandwidthLimit",
            [
                {"CenId": cen.id, "BandwidthLimit": one.bandwidth_limit}
                | dict(zip(("LocalRegionId", "OppositeRegionId"), one.region_ids, strict=True))
                for cen in cens
                for one in cen.inter_region_limits
            ],
        ),
        "DescribeCloudConnectNetworks": _list(
            "CloudConnectNetworks", "CloudConnectNetwork", [{"CcnId": one.id, "Name": one.name} for one in ccns]
        ),
        "DescribeSmartAccessGateways": _list(
            "SmartAccessGateways",
            "SmartAccessGateway",
            [
                {
                    "SmartAGId": one.id,
                    "Name": one.name,
                    "AssociatedCcnId": one.ccn_id or "",
                    "MaxBandwidth": f"{one.max_bandwidth}M",
                }
                | {"CidrBlock": ",".join(map(str, one.cidr_blocks)), "HardwareVersion": one.hardware_spec}
                for one in sags
            ],
        ),
    }
    entries, published = [], []
    for cen in cens:
        for child in (one for one in cen.attachments if one.child_instance_type == "VPC"):
            ends = (cen.id, child.child_instance_id, "VPC", child.child_instance_region_id, tables[child.child_instance_id])
            for route in alibaba.describe_published_route_entries(*ends):
                published.append(
                    {"ChildInstanceRouteTableId": ends[-1], "DestinationCidrBlock": str(route.destination)}
                    | {"RouteType": route.route_type, "PublishStatus": route.publish_status}
                )
                if route.route_type == "Custom":
                    kind = "Instance" if route.next_hop_id.startswith("i-") else "NetworkInterface"
                    hop = {"NextHopType": kind, "NextHopId": route.next_hop_id}
                    entries.append(
                        {"RouteTableId": ends[-1], "DestinationCidrBlock": str(route.destination), "Type": "Custom"}
                        | {"NextHops": {"NextHop": [hop]}}
                    )
    documents["DescribeRouteEntryList"] = _list("RouteEntrys", "RouteEntry", entries)
    documents["DescribePublishedRouteEntries"] = _list("PublishedRouteEntries", "PublishedRouteEntry", published)
    for group in alibaba.describe_security_groups():
        rules = [_ecs_rule(rule, "ingress", "Source") for rule in group.ingress]
        rules += [_ecs_rule(rule, "egress", "Dest") for rule in group.egress]
        documents[f"DescribeSecurityGroupAttribute-{group.id}"] = {
            "SecurityGroupId": group.id,
            "Permissions": {"Permission": rules},
            "RequestId": "1",
        }
    for name, document in documents.items():
        (directory / f"{name}.json").write_text(json.dumps(document, indent=2), encoding="utf-8")


def _list(key: str, inner: str, things: list[Json]) -> Json:
    return {key: {inner: things}, "PageNumber": 1, "TotalCount": len(things), "RequestId": "0"}


def _ecs(id: str, name: str, state: str, interfaces: tuple[EcsInterface, ...]) -> Json:
    own = next(one for one in interfaces if one.instance_id == id)
    return {"InstanceId": id, "InstanceName": name, "Status": state, "VpcAttributes": {"VpcId": own.vpc_id}}


def _ecs_interface(eni: EcsInterface, cloud: Cloud) -> Json:
    first = {one.network_interface_ids[0] for one in cloud.alibaba.describe_instances()}
    return {
        "NetworkInterfaceId": eni.id,
        "InstanceId": eni.instance_id or "",
        "Type": "Primary" if eni.id in first else "Secondary",
        "VpcId": eni.vpc_id,
        "VSwitchId": eni.v_switch_id,
        "PrivateIpAddress": str(eni.private_ip_address),
        "PrivateIpSets": {
            "PrivateIpSet": [
                {"PrivateIpAddress": str(one), "Primary": number == 0} for number, one in enumerate(eni.private_ip_addresses)
            ]
        },
        "SecurityGroupIds": {"SecurityGroupId": list(eni.security_group_ids)},
    }


def _ecs_rule(rule: Permission, direction: str, side: str) -> Json:
    return {
        "Direction": direction,
        "IpProtocol": rule.ip_protocol,
        "PortRange": rule.port_range,
        "Policy": rule.policy.capitalize(),
        "Priority": str(rule.priority),
        f"{side}CidrIp": str(rule.cidr_ip) if rule.cidr_ip is not None else "",
        f"{side}GroupId": rule.source_group_id or "",
    }
