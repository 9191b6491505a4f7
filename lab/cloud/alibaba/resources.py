"""What a customer of Alibaba Cloud owns, as frozen records.

They stand in one file because they refer to each other in circles; the operations on each have a file of their own.
Attribute names are those of the providers' APIs (smartag 2018-03-13, cbn 2017-09-12, vpc, ecs) in snake_case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.record import Record
from lab.origin import Origin

# Status of a gateway (DescribeSmartAccessGatewayAttribute).
ORDERED = "Ordered"
ACTIVE = "Active"
# RoutingStrategy of a gateway.
STATIC = "static"
DYNAMIC = "dynamic"
# Role of a device in a pair.
ACTIVE_ROLE = "active"
STANDBY_ROLE = "standby"
# ChildInstanceType of an attachment.
CCN = "CCN"
VPC = "VPC"


@dataclass(frozen=True, slots=True)
class Device:
    """One of a gateway's devices. Its serial number and key tie a machine to it (document 000…, step 2.3)."""

    serial_number: str
    secret_key: str = field(repr=False)
    role: str


@dataclass(frozen=True, kw_only=True)
class SmartAccessGateway(Record):
    """A SAG vCPE instance: the object in the SAG console, not the machine that runs the image.

    `max_bandwidth` is in Mbit/s, `period` in months. `cidr_blocks` are the private networks behind the gateway;
    `cidr_origin` is the call that entered them, `ccn_origin` the one that bound the gateway to its CCN, or loosened it.
    """

    NOUN: ClassVar[str] = "Smart Access Gateway instance"
    NOT_FOUND: ClassVar[str] = "InvalidId.SMARTAG"
    INDEXED: ClassVar[tuple[str, ...]] = ("ccn_id", "region_id", "serial_numbers")

    name: str
    region_id: str
    hardware_spec: str
    cpe_version: str
    ha_type: str
    max_bandwidth: int
    period: int
    auto_renew: bool
    order_id: str
    devices: tuple[Device, ...]
    status: str = ORDERED
    routing_strategy: str = STATIC
    cidr_blocks: tuple[IPv4Network, ...] = ()
    cidr_origin: Origin
    ccn_id: str | None = None
    ccn_origin: Origin

    @property
    def serial_numbers(self) -> tuple[str, ...]:
        return tuple(device.serial_number for device in self.devices)

    @property
    def active_device(self) -> Device:
        """The device whose serial number and key are to be entered first."""
        return next(device for device in self.devices if device.role == ACTIVE_ROLE)


@dataclass(frozen=True, kw_only=True)
class CloudConnectNetwork(Record):
    """A CCN. `cen_origin` is the call that bound it to its CEN, or loosened it."""

    NOUN: ClassVar[str] = "CCN instance"
    NOT_FOUND: ClassVar[str] = "InvalidId.CCN"
    INDEXED: ClassVar[tuple[str, ...]] = ("cen_id", "region_id")

    name: str
    region_id: str
    cen_id: str | None = None
    cen_origin: Origin


@dataclass(frozen=True, slots=True)
class CenAttachment:
    """A network in a CEN: "CCN" or "VPC"."""

    child_instance_id: str
    child_instance_type: str
    child_instance_region_id: str
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Cen(Record):
    NOUN: ClassVar[str] = "CEN instance"
    NOT_FOUND: ClassVar[str] = "ParameterCenInstanceId"
    INDEXED: ClassVar[tuple[str, ...]] = ("child_instance_ids",)

    name: str
    protection_level: str
    attachments: tuple[CenAttachment, ...] = ()

    @property
    def child_instance_ids(self) -> tuple[str, ...]:
        return tuple(attachment.child_instance_id for attachment in self.attachments)


@dataclass(frozen=True, kw_only=True)
class Vpc(Record):
    NOUN: ClassVar[str] = "VPC"
    NOT_FOUND: ClassVar[str] = "InvalidVpcId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("region_id",)

    cidr_block: IPv4Network
    vpc_name: str
    region_id: str
    route_table_id: str


@dataclass(frozen=True, kw_only=True)
class VSwitch(Record):
    NOUN: ClassVar[str] = "vSwitch"
    NOT_FOUND: ClassVar[str] = "InvalidVSwitchId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id",)

    vpc_id: str
    cidr_block: IPv4Network
    zone_id: str
    v_switch_name: str

    @property
    def reserved_addresses(self) -> frozenset[IPv4Address]:
        """The first and the last three addresses, which Alibaba Cloud keeps for itself."""
        block = self.cidr_block
        return frozenset((block[0], block[-3], block[-2], block[-1]))


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A custom route. `next_hop_type` is "Instance" or "NetworkInterface", `next_hop_id` the id of such a thing."""

    destination: IPv4Network
    next_hop_type: str
    next_hop_id: str
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class RouteTable(Record):
    """A VPC's route table: the custom entries. System routes and those learned from a CEN follow from the rest of the state."""

    NOUN: ClassVar[str] = "route table"
    NOT_FOUND: ClassVar[str] = "InvalidRouteTableId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id",)

    vpc_id: str
    routes: tuple[RouteEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Permission:
    """A rule of a security group, for a CIDR block (`cidr_ip`) or the members of a group (`group_id`).

    `ip_protocol` is "ALL", "ICMP", "TCP" or "UDP", `port_range` "first/last" or "-1/-1", `policy` "accept" or "drop".
    A lower `priority` (1 to 100) wins; at equal priority drop does.
    """

    ip_protocol: str
    port_range: str
    policy: str
    priority: int
    origin: Origin
    cidr_ip: IPv4Network | None = None
    source_group_id: str | None = None

    @property
    def ports(self) -> tuple[int, int] | None:
        """Both ends included; None for all."""
        first, _, last = self.port_range.partition("/")
        return None if first == "-1" else (int(first), int(last))

    def same_rule(self, other: Permission) -> bool:
        """Whether both say the same, whoever said it."""
        return self._said == other._said

    @property
    def _said(self) -> tuple[object, ...]:
        return self.ip_protocol, self.port_range, self.policy, self.priority, self.cidr_ip, self.source_group_id


@dataclass(frozen=True, kw_only=True)
class SecurityGroup(Record):
    """`security_group_type` is "normal" (basic) or "enterprise"; they differ in what no rule speaks of.

    A basic group lets its members reach each other and everything else out; an enterprise group denies both.
    """

    NOUN: ClassVar[str] = "security group"
    NOT_FOUND: ClassVar[str] = "InvalidSecurityGroupId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id",)

    vpc_id: str
    security_group_name: str
    security_group_type: str
    ingress: tuple[Permission, ...] = ()
    egress: tuple[Permission, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NetworkInterface(Record):
    """`private_ip_addresses` has the primary one first."""

    NOUN: ClassVar[str] = "network interface"
    NOT_FOUND: ClassVar[str] = "InvalidEniId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id", "v_switch_id", "places", "security_group_ids")

    v_switch_id: str
    vpc_id: str
    private_ip_addresses: tuple[IPv4Address, ...]
    security_group_ids: tuple[str, ...]
    groups_origin: Origin
    instance_id: str | None = None

    @property
    def private_ip_address(self) -> IPv4Address:
        return self.private_ip_addresses[0]

    @property
    def places(self) -> tuple[tuple[str, IPv4Address], ...]:
        """Each address with its vSwitch, the place that no two interfaces may hold."""
        return tuple((self.v_switch_id, address) for address in self.private_ip_addresses)


@dataclass(frozen=True, kw_only=True)
class Instance(Record):
    """An ECS instance."""

    NOUN: ClassVar[str] = "ECS instance"
    NOT_FOUND: ClassVar[str] = "InvalidInstanceId.NotFound"

    instance_name: str
    network_interface_ids: tuple[str, ...]
    state: str = "Running"
