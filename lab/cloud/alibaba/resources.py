"""What a customer of Alibaba Cloud owns, as frozen records.

They stand in one file because they refer to each other in circles; the operations on each have a file of their own.
Attribute names are those of the providers' APIs (smartag 2018-03-13, cbn 2017-09-12, vpc, ecs) in snake_case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.record import Record
from lab.origin import Origin

# Status of a gateway (DescribeSmartAccessGatewayAttribute).
ORDERED = "Ordered"
ACTIVE = "Active"
ARREARAGE = "Arrearage"
# HaType of a gateway (CreateSmartAccessGateway): one device; a pair of which the active one connects, and the other once it is
# switched to; a pair that connects both, and switches by itself.
SINGLE = "no_backup"
ACTIVE_STANDBY = "cold_backup"
ACTIVE_ACTIVE = "warm_backup"
# RoutingStrategy of a gateway.
STATIC = "static"
DYNAMIC = "dynamic"
# Role of a device in a pair.
ACTIVE_ROLE = "active"
STANDBY_ROLE = "standby"
# ChildInstanceType of an attachment.
CCN = "CCN"
VPC = "VPC"
# State of an instance.
RUNNING = "Running"
STOPPED = "Stopped"
# Static routes of a gateway, without a ticket that raises the quota.
STATIC_ROUTES = 5


@dataclass(frozen=True, kw_only=True)
class Account(Record):
    """A customer of the provider. Its id is its name."""

    NOUN: ClassVar[str] = "account"
    NOT_FOUND: ClassVar[str] = "InvalidAccount.NotFound"


@dataclass(frozen=True, slots=True)
class Device:
    """One of a gateway's devices. Its serial number and key tie a machine to it (document 000…, step 2.3).

    `online` is whether a machine runs as this device.
    """

    serial_number: str
    secret_key: str = field(repr=False)
    role: str
    online: bool = False


@dataclass(frozen=True, kw_only=True)
class SmartAccessGateway(Record):
    """A SAG vCPE instance: the object in the SAG console, not the machine that runs the image.

    `max_bandwidth` is in Mbit/s, `period` in months. `cidr_blocks` are the private networks behind the gateway;
    `cidr_origin` is the call that entered them, `ccn_origin` the one that bound the gateway to its CCN, or loosened it.
    `static_route_quota` is how many there may be. `status_origin` is the call that made the status what it is, `devices_origin`
    the one that gave the devices their roles. Times are the lab's.
    """

    NOUN: ClassVar[str] = "Smart Access Gateway instance"
    NOT_FOUND: ClassVar[str] = "InvalidId.SMARTAG"
    INDEXED: ClassVar[tuple[str, ...]] = ("ccn_id", "region_id", "serial_numbers", "secret_keys")

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
    devices_origin: Origin
    status: str = ORDERED
    status_origin: Origin
    created_at: datetime
    activated_at: datetime | None = None
    expires_at: datetime
    routing_strategy: str = STATIC
    cidr_blocks: tuple[IPv4Network, ...] = ()
    cidr_origin: Origin
    static_route_quota: int = STATIC_ROUTES
    ccn_id: str | None = None
    ccn_origin: Origin

    @property
    def serial_numbers(self) -> tuple[str, ...]:
        return tuple(device.serial_number for device in self.devices)

    @property
    def secret_keys(self) -> tuple[str, ...]:
        return tuple(device.secret_key for device in self.devices)

    @property
    def active_device(self) -> Device:
        """The device whose serial number and key are to be entered first."""
        return next(device for device in self.devices if device.role == ACTIVE_ROLE)

    @property
    def standby_device(self) -> Device | None:
        """The other one of a pair."""
        return next((device for device in self.devices if device.role == STANDBY_ROLE), None)


@dataclass(frozen=True, kw_only=True)
class CloudConnectNetwork(Record):
    """A CCN. `cen_origin` is the call that bound it to its CEN, or loosened it.

    `point_of_presence` is the public address at which its gateways' tunnels end.
    """

    NOUN: ClassVar[str] = "CCN instance"
    NOT_FOUND: ClassVar[str] = "InvalidId.CCN"
    INDEXED: ClassVar[tuple[str, ...]] = ("cen_id", "region_id")

    name: str
    region_id: str
    point_of_presence: IPv4Address
    cen_id: str | None = None
    cen_origin: Origin


@dataclass(frozen=True, slots=True)
class CenAttachment:
    """A network in a CEN: "CCN" or "VPC".

    `publish_origin` is what announces a VPC's own block to the CEN: the attachment itself, a call that published it again, or
    None once it is withdrawn.
    """

    child_instance_id: str
    child_instance_type: str
    child_instance_region_id: str
    origin: Origin
    publish_origin: Origin | None


@dataclass(frozen=True, slots=True)
class InterRegionLimit:
    """The bandwidth, in Mbit/s, between two regions of a CEN (in alphabetical order), taken from a bandwidth plan."""

    region_ids: tuple[str, str]
    bandwidth_limit: int
    cen_bandwidth_package_id: str
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Cen(Record):
    NOUN: ClassVar[str] = "CEN instance"
    NOT_FOUND: ClassVar[str] = "ParameterCenInstanceId"
    INDEXED: ClassVar[tuple[str, ...]] = ("child_instance_ids",)

    name: str
    protection_level: str
    attachments: tuple[CenAttachment, ...] = ()
    inter_region_limits: tuple[InterRegionLimit, ...] = ()

    @property
    def child_instance_ids(self) -> tuple[str, ...]:
        return tuple(attachment.child_instance_id for attachment in self.attachments)


@dataclass(frozen=True, kw_only=True)
class CenBandwidthPackage(Record):
    """A bandwidth plan between two geographic regions (in alphabetical order), or inside one. `bandwidth` is in Mbit/s.

    `cen_origin` is the call that associated it with its CEN, or loosened it.
    """

    NOUN: ClassVar[str] = "bandwidth plan"
    NOT_FOUND: ClassVar[str] = "ParameterBwpInstanceId"
    INDEXED: ClassVar[tuple[str, ...]] = ("cen_id",)

    name: str
    bandwidth: int
    geographic_region_ids: tuple[str, str]
    period: int
    pricing_cycle: str
    cen_id: str | None = None
    cen_origin: Origin


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
    """A custom route. `next_hop_type` is "Instance" or "NetworkInterface", `next_hop_id` the id of such a thing.

    `publish_origin` is the call that published it to the VPC's CEN; None while it is not published.
    """

    destination: IPv4Network
    next_hop_type: str
    next_hop_id: str
    origin: Origin
    publish_origin: Origin | None = None


@dataclass(frozen=True, kw_only=True)
class RouteTable(Record):
    """A VPC's route table: the custom entries. System routes and those learned from a CEN follow from the rest of the state."""

    NOUN: ClassVar[str] = "route table"
    NOT_FOUND: ClassVar[str] = "InvalidRouteTableId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id", "next_hop_ids")

    vpc_id: str
    routes: tuple[RouteEntry, ...] = ()

    @property
    def next_hop_ids(self) -> tuple[str, ...]:
        return tuple(route.next_hop_id for route in self.routes)


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
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id", "referenced_group_ids")

    vpc_id: str
    security_group_name: str
    security_group_type: str
    ingress: tuple[Permission, ...] = ()
    egress: tuple[Permission, ...] = ()

    @property
    def referenced_group_ids(self) -> tuple[str, ...]:
        return tuple(rule.source_group_id for rule in (*self.ingress, *self.egress) if rule.source_group_id is not None)


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
    """An ECS instance. `network_interface_ids` has the primary one first; `state_origin` is what made the state what it is."""

    NOUN: ClassVar[str] = "ECS instance"
    NOT_FOUND: ClassVar[str] = "InvalidInstanceId.NotFound"

    instance_name: str
    network_interface_ids: tuple[str, ...]
    state: str = RUNNING
    state_origin: Origin


@dataclass(frozen=True, kw_only=True)
class EnsNetwork(Record):
    """The private network of an edge node. It has no source/destination check."""

    NOUN: ClassVar[str] = "ENS network"
    NOT_FOUND: ClassVar[str] = "InvalidNetworkId.NotFound"

    cidr_block: IPv4Network
    network_name: str
    ens_region_id: str
    routes: tuple[RouteEntry, ...] = ()

    @property
    def reserved_addresses(self) -> frozenset[IPv4Address]:
        """The first and the last three addresses, as in a vSwitch."""
        block = self.cidr_block
        return frozenset((block[0], block[-3], block[-2], block[-1]))


@dataclass(frozen=True, kw_only=True)
class EnsSecurityGroup(Record):
    """A group of ENS instances. Its rules speak of CIDR blocks; it lets its members reach each other and everything out."""

    NOUN: ClassVar[str] = "ENS security group"
    NOT_FOUND: ClassVar[str] = "InvalidSecurityGroupId.NotFound"

    security_group_name: str
    ingress: tuple[Permission, ...] = ()
    egress: tuple[Permission, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EnsInstance(Record):
    """A machine on an edge node. With the vCPE image and user data it becomes a gateway (document 000…, introduction; S0-002).

    It has a public address of its own, an address in an ENS network, or both. `source_dest_check` is enforced by the gateway
    itself, as no fabric does it; `check_origin` is the call that set it, `state_origin` what made the state what it is,
    `launch_time` when it last started. One that is in no security group is asked by none; `groups_origin` is the call that last
    changed which it is in.
    """

    NOUN: ClassVar[str] = "ENS instance"
    NOT_FOUND: ClassVar[str] = "InvalidInstanceId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("network_id", "place", "security_group_ids")

    instance_name: str
    ens_region_id: str
    image_id: str
    instance_type: str
    user_data: str = field(repr=False)  # may hold a gateway's key
    security_group_ids: tuple[str, ...] = ()
    groups_origin: Origin
    network_id: str | None = None
    private_ip_address: IPv4Address | None = None
    public_ip_address: IPv4Address | None = None
    source_dest_check: bool = True
    check_origin: Origin
    state: str = RUNNING
    state_origin: Origin
    launch_time: datetime

    @property
    def place(self) -> tuple[tuple[str, IPv4Address], ...]:
        """The address with its network, the place that no two instances may hold."""
        if self.network_id is None or self.private_ip_address is None:
            return ()
        return ((self.network_id, self.private_ip_address),)

    @property
    def addresses(self) -> tuple[IPv4Address, ...]:
        """Its own addresses, the private one first."""
        return tuple(address for address in (self.private_ip_address, self.public_ip_address) if address is not None)
