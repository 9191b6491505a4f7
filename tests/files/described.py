"""An account of the lab as the providers' command-line tools would print it: the other direction of an import, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.cloud import Cloud
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
