"""What a lab file says of AWS."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from lab.files.schema.base import Address, Cidr, Name, Part
from lab.files.schema.rule import AclEgress, AclIngress, Egress, Ingress

INTERNET_GATEWAY = "internet_gateway"  # as the target of a route
MAIN = "main"  # the route table that a VPC comes with
DEFAULT = "default"  # the group and the list that it comes with


class Subnet(Part):
    """A subnet. In short its CIDR block alone."""

    NOUN: ClassVar[str] = "subnet"
    SHORT: ClassVar[str] = "cidr_block"

    cidr_block: Cidr
    route_table: Name = MAIN
    """the route table that serves it; main is the VPC's own"""
    network_acl: Name = DEFAULT
    """the network ACL that serves it; default is the VPC's own"""


class SecurityGroup(Part):
    """A group. Named default, it is the one that the VPC comes with. What is not given is as the provider makes it."""

    NOUN: ClassVar[str] = "security group"

    description: str = ""
    ingress: list[Ingress] | None = None
    """all that is admitted; nothing without it, in the default group its members"""
    egress: list[Egress] | None = None
    """all that is let out; everything without it"""


class NetworkAcl(Part):
    """A stateless list at the edge of subnets: rules by their numbers. Named default, it is the one that the VPC comes with."""

    NOUN: ClassVar[str] = "network ACL"

    ingress: dict[int, AclIngress] | None = None
    """all rules for what comes in; none without it, so that everything is denied; in the default one everything passes"""
    egress: dict[int, AclEgress] | None = None
    """all rules for what leaves; as for ingress"""


class _Interface(Part):
    """What an instance's first interface and one by itself have in common."""

    subnet: Name | None = None
    """by default the first of the VPC"""
    private_ip_address: Address | None = None
    """by default the next that is free"""
    secondary_private_ip_addresses: list[Address] = []
    security_groups: list[Name] = []
    """by default the VPC's default group"""
    source_dest_check: bool | None = None
    """on by default, but off for a machine that a gateway runs on"""
    elastic_ip: bool = False
    """an elastic IP address for its primary address"""


class NetworkInterface(_Interface):
    """A network interface, to be put into an instance of the VPC, or to be left loose."""

    NOUN: ClassVar[str] = "network interface"


class Instance(_Interface):
    """A machine. One that a gateway runs on boots from the SAG vCPE image, with the device's serial number and key."""

    NOUN: ClassVar[str] = "instance"

    instance_type: str | None = None
    """t3.micro by default, and c5.large for a machine that a gateway runs on"""
    associate_public_ip_address: bool | None = None
    """whether it has a public address while it runs; by default only a machine that a gateway runs on"""
    image: Literal["linux", "sag-vcpe"] | None = None
    """linux by default; sag-vcpe for a machine that a gateway runs on"""
    user_data: str | None = None
    """given at launch; by default the serial number and key of the gateway that runs on it, if there is one"""
    network_interfaces: list[Name] = []
    """further interfaces of the VPC, in this order behind its own"""
    state: Literal["running", "stopped"] = "running"


class Vpc(Part):
    """A VPC and what is in it."""

    NOUN: ClassVar[str] = "VPC"

    cidr_block: Cidr
    region: str = "ap-southeast-1"
    internet_gateway: bool | None = None
    """by default there is one if a machine has a public address"""
    subnets: dict[Name, Subnet] = {}
    """without any there is one, main: the first /24 of the block, or all of it"""
    route_tables: dict[Name, dict[Cidr, Name]] = {}
    """routes by their destination; a target is internet_gateway, an instance or a network interface. main is the VPC's own: if it
    is not given, it leads to the internet gateway, if there is one"""
    security_groups: dict[Name, SecurityGroup] = {}
    network_acls: dict[Name, NetworkAcl] = {}
    network_interfaces: dict[Name, NetworkInterface] = {}
    instances: dict[Name, Instance] = {}


class Aws(Part):
    """An AWS account."""

    NOUN: ClassVar[str] = "aws"

    vpcs: dict[Name, Vpc] = Field(default={})
