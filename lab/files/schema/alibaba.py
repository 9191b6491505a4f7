"""What a lab file says of Alibaba Cloud."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from lab.files.schema.app import SagApp
from lab.files.schema.base import SINGAPORE, Address, Cidr, Name, Part, Reference
from lab.files.schema.rule import RankedEgress, RankedIngress

DEFAULT = "default"  # the group of a machine that is given none


class VSwitch(Part):
    """A vSwitch. In short its CIDR block alone."""

    NOUN: ClassVar[str] = "vSwitch"
    SHORT: ClassVar[str] = "cidr_block"

    cidr_block: Cidr
    zone: str | None = None
    """by default the first of the region"""


class SecurityGroup(Part):
    """A group. A basic one lets its members reach each other and everything out; an enterprise one does neither."""

    NOUN: ClassVar[str] = "security group"

    type: Literal["normal", "enterprise"] = "normal"
    ingress: list[RankedIngress] = []
    egress: list[RankedEgress] = []


class RouteEntry(Part):
    """A custom route. In short its next hop alone."""

    NOUN: ClassVar[str] = "route"
    SHORT: ClassVar[str] = "next_hop"

    next_hop: Name
    """an instance or a network interface of the VPC"""
    publish: bool = False
    """whether the CEN learns of it"""


class NetworkInterface(Part):
    """A network interface, to be put into an instance of the VPC, or to be left loose."""

    NOUN: ClassVar[str] = "network interface"

    v_switch: Name | None = None
    """by default the first of the VPC"""
    private_ip_address: Address | None = None
    """by default the next that is free"""
    secondary_private_ip_addresses: list[Address] = []
    security_groups: list[Name] = []
    """by default the group called default"""


class Instance(NetworkInterface):
    """An ECS instance."""

    NOUN: ClassVar[str] = "instance"

    network_interfaces: list[Name] = []
    """further interfaces of the VPC, in this order behind its own"""
    state: Literal["running", "stopped"] = "running"


class Vpc(Part):
    """A VPC and what is in it."""

    NOUN: ClassVar[str] = "VPC"

    cidr_block: Cidr
    region: str = SINGAPORE
    v_switches: dict[Name, VSwitch] = {}
    """without any there is one, main: the first /24 of the block, or all of it"""
    route_table: dict[Cidr, RouteEntry] = {}
    """custom routes by their destination"""
    publish: bool = True
    """whether the CEN learns of the VPC's own block"""
    security_groups: dict[Name, SecurityGroup] = {}
    """default is the group of machines that are given none; without rules where it is not given"""
    network_interfaces: dict[Name, NetworkInterface] = {}
    instances: dict[Name, Instance] = {}


class EnsInstance(Part):
    """A machine on an edge node. One that a gateway runs on boots from the SAG vCPE image, with the device's number and key."""

    NOUN: ClassVar[str] = "ENS instance"

    private_ip_address: Address | None = None
    """in a network, by default the next that is free"""
    public_ip_address: bool | None = None
    """whether it has a public address of its own; by default one outside a network, and one that a gateway runs on"""
    security_groups: list[Name] = []
    """ENS groups; one that is in none is asked by none"""
    source_dest_check: bool | None = None
    """enforced by a gateway itself; off for a machine that a gateway runs on, else on by default"""
    instance_type: str | None = None
    image: Literal["linux", "sag-vcpe"] | None = None
    """linux by default; sag-vcpe for a machine that a gateway runs on"""
    user_data: str | None = None
    """given at launch; by default the serial number and key of the gateway that runs on it, if there is one"""
    state: Literal["running", "stopped"] = "running"


class EnsNetwork(Part):
    """The private network of an edge node, and the machines in it."""

    NOUN: ClassVar[str] = "ENS network"

    cidr_block: Cidr
    ens_region: str | None = None
    routes: dict[Cidr, Name] = {}
    """the instance that a destination is routed to"""
    instances: dict[Name, EnsInstance] = {}


class SmartAccessGateway(Part):
    """A SAG vCPE gateway, and the machine that it runs on."""

    NOUN: ClassVar[str] = "Smart Access Gateway"

    runs_on: list[Reference] | Reference = []
    """an instance of AWS or ENS; of two the first is the active device of the pair, the second its standby"""
    region: str = SINGAPORE
    cloud_connect_network: Name | None = None
    """the CCN that it is bound to; by default the only one of its region"""
    cidr_blocks: list[Cidr] | None = None
    """the private networks behind it; by default the blocks of the networks that its machines are in"""
    routing_strategy: Literal["static", "dynamic"] = "static"
    max_bandwidth: int = 100
    """peak bandwidth in Mbit/s"""
    ha_type: Literal["warm_backup", "cold_backup", "no_backup"] = "warm_backup"
    static_route_quota: int | None = None
    """as a ticket raises it; 5 by default"""
    activated: bool = True


class CloudConnectNetwork(Part):
    """A CCN."""

    NOUN: ClassVar[str] = "CCN"

    region: str = SINGAPORE


class BandwidthPackage(Part):
    """A bandwidth plan between two geographic regions."""

    NOUN: ClassVar[str] = "bandwidth plan"

    between: tuple[str, str]
    """geographic regions: China, Asia-Pacific, Australia, Europe, North-America"""
    bandwidth: int
    """in Mbit/s"""


class InterRegionBandwidth(Part):
    """What is taken from a plan for two regions."""

    NOUN: ClassVar[str] = "share of a bandwidth plan"

    between: tuple[str, str]
    bandwidth: int
    """in Mbit/s"""


class Cen(Part):
    """A CEN. In short the list of what is attached to it."""

    NOUN: ClassVar[str] = "CEN"
    SHORT: ClassVar[str] = "attachments"
    SHORT_SCHEMA: ClassVar[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}

    attachments: list[Name] = []
    """Alibaba Cloud VPCs and CCNs"""
    protection_level: Literal["REDUCED", "FULL"] = "REDUCED"
    bandwidth_packages: list[BandwidthPackage] = []
    inter_region_bandwidth: list[InterRegionBandwidth] = []


class Alibaba(Part):
    """An Alibaba Cloud account."""

    NOUN: ClassVar[str] = "alibaba"

    vpcs: dict[Name, Vpc] = {}
    ens_networks: dict[Name, EnsNetwork] = {}
    ens_security_groups: dict[Name, SecurityGroup] = {}
    """their rules speak of CIDR blocks only"""
    ens_instances: dict[Name, EnsInstance] = {}
    """machines outside any network"""
    smart_access_gateways: dict[Name, SmartAccessGateway] = {}
    sag_apps: dict[Name, SagApp] = {}
    cloud_connect_networks: dict[Name, CloudConnectNetwork] | None = None
    """by default one for each region that has a gateway or an app instance, called ccn-REGION"""
    cens: dict[Name, Cen] | None = Field(default=None)
    """by default one, called cen, to which all VPCs and CCNs are attached, if there is a CCN"""
