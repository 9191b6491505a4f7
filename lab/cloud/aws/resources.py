"""What a customer of AWS owns, as frozen records.

They stand in one file because they refer to each other in circles; the operations on each have a file of their own.
Attribute names are those of the EC2 API in snake_case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.record import Record
from lab.origin import Origin

LOCAL = "local"  # the target of the route to the VPC itself
ACTIVE = "active"
BLACKHOLE = "blackhole"
RUNNING = "running"
STOPPED = "stopped"
TERMINATED = "terminated"
ALL_PROTOCOLS = "-1"
ALL_PORTS = -1


@dataclass(frozen=True, kw_only=True)
class Vpc(Record):
    NOUN: ClassVar[str] = "VPC"
    NOT_FOUND: ClassVar[str] = "InvalidVpcID.NotFound"

    cidr_block: IPv4Network
    name: str
    region: str
    main_route_table_id: str
    default_security_group_id: str
    default_network_acl_id: str


@dataclass(frozen=True, kw_only=True)
class Subnet(Record):
    NOUN: ClassVar[str] = "subnet"
    NOT_FOUND: ClassVar[str] = "InvalidSubnetID.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id",)

    vpc_id: str
    cidr_block: IPv4Network
    name: str

    @property
    def reserved_addresses(self) -> frozenset[IPv4Address]:
        """The first four and the last address, which AWS keeps for itself."""
        block = self.cidr_block
        return frozenset((block[0], block[1], block[2], block[3], block[-1]))


@dataclass(frozen=True, slots=True)
class Route:
    """`target` is "local", or the id of an internet gateway or a network interface.

    A route whose target is gone, detached or not running is a "blackhole"; `state_origin` is what made the state what it is.
    """

    destination: IPv4Network
    target: str
    state: str
    origin: Origin
    state_origin: Origin


@dataclass(frozen=True, slots=True)
class Association:
    """A subnet's tie to a route table other than the main one."""

    id: str
    subnet_id: str
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class RouteTable(Record):
    NOUN: ClassVar[str] = "route table"
    NOT_FOUND: ClassVar[str] = "InvalidRouteTableID.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id", "subnet_ids", "targets", "association_ids")

    vpc_id: str
    main: bool
    routes: tuple[Route, ...]
    associations: tuple[Association, ...] = ()

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        return tuple(association.subnet_id for association in self.associations)

    @property
    def association_ids(self) -> tuple[str, ...]:
        return tuple(association.id for association in self.associations)

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(route.target for route in self.routes if route.target != LOCAL)


@dataclass(frozen=True, kw_only=True)
class InternetGateway(Record):
    NOUN: ClassVar[str] = "internet gateway"
    NOT_FOUND: ClassVar[str] = "InvalidInternetGatewayID.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id",)

    vpc_id: str | None = None
    attachment_origin: Origin


@dataclass(frozen=True, kw_only=True)
class Address(Record):
    """A public address: an elastic IP address, or one assigned at launch, which comes and goes with its instance's run.

    `association_origin` is what tied it to its network interface, or loosened it.
    """

    NOUN: ClassVar[str] = "allocation"
    NOT_FOUND: ClassVar[str] = "InvalidAllocationID.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("network_interface_id", "private_ip", "association_id")

    public_ip: IPv4Address
    auto_assigned: bool = False
    association_id: str | None = None
    network_interface_id: str | None = None
    private_ip: IPv4Address | None = None
    association_origin: Origin


@dataclass(frozen=True, kw_only=True)
class NetworkInterface(Record):
    """`private_ip_addresses` has the primary one first. `source_dest_check` is on unless a call turned it off."""

    NOUN: ClassVar[str] = "network interface"
    NOT_FOUND: ClassVar[str] = "InvalidNetworkInterfaceID.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id", "subnet_id", "places", "group_ids")

    subnet_id: str
    vpc_id: str
    private_ip_addresses: tuple[IPv4Address, ...]
    group_ids: tuple[str, ...]
    groups_origin: Origin
    source_dest_check: bool = True
    check_origin: Origin
    instance_id: str | None = None
    device_index: int | None = None
    delete_on_termination: bool = False

    @property
    def private_ip_address(self) -> IPv4Address:
        return self.private_ip_addresses[0]

    @property
    def places(self) -> tuple[tuple[str, IPv4Address], ...]:
        """Each address with its subnet, the place that no two interfaces may hold."""
        return tuple((self.subnet_id, address) for address in self.private_ip_addresses)


@dataclass(frozen=True, slots=True)
class IpPermission:
    """A rule of a security group: a protocol and ports from a CIDR block, or from the members of a group.

    `ip_protocol` is "-1" (all), "tcp", "udp", "icmp" or a protocol's number. For ICMP `from_port` is the type and `to_port` the
    code; -1 stands for all.
    """

    ip_protocol: str
    from_port: int
    to_port: int
    origin: Origin
    cidr_ip: IPv4Network | None = None
    group_id: str | None = None

    def same_rule(self, other: IpPermission) -> bool:
        """Whether both say the same, whoever said it."""
        return self._said == other._said

    @property
    def _said(self) -> tuple[object, ...]:
        return self.ip_protocol, self.from_port, self.to_port, self.cidr_ip, self.group_id


@dataclass(frozen=True, kw_only=True)
class SecurityGroup(Record):
    """Rules permit; there is no rule that denies. `origin` stands for what no rule permits."""

    NOUN: ClassVar[str] = "security group"
    NOT_FOUND: ClassVar[str] = "InvalidGroup.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id", "place", "referenced_group_ids")

    vpc_id: str
    group_name: str
    description: str
    ingress: tuple[IpPermission, ...]
    egress: tuple[IpPermission, ...]

    @property
    def place(self) -> tuple[tuple[str, str]]:
        """The VPC and the name, which no two groups share."""
        return ((self.vpc_id, self.group_name),)

    @property
    def referenced_group_ids(self) -> tuple[str, ...]:
        return tuple(rule.group_id for rule in (*self.ingress, *self.egress) if rule.group_id is not None)


@dataclass(frozen=True, slots=True)
class AclEntry:
    """A rule of a network ACL, which looks at each packet by itself. Ports and ICMP as in IpPermission."""

    rule_number: int
    protocol: str
    permit: bool
    cidr_block: IPv4Network
    from_port: int
    to_port: int
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class NetworkAcl(Record):
    """Rules in the order of their numbers; the first that matches decides, and none means denial."""

    NOUN: ClassVar[str] = "network ACL"
    NOT_FOUND: ClassVar[str] = "InvalidNetworkAclID.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("vpc_id", "subnet_ids", "association_ids")

    vpc_id: str
    default: bool
    ingress: tuple[AclEntry, ...]
    egress: tuple[AclEntry, ...]
    associations: tuple[Association, ...] = ()

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        return tuple(association.subnet_id for association in self.associations)

    @property
    def association_ids(self) -> tuple[str, ...]:
        return tuple(association.id for association in self.associations)


@dataclass(frozen=True, kw_only=True)
class Image(Record):
    """A machine image. A machine that boots from one with `sag_vcpe` becomes a gateway (document 000…, step 2.1).

    One that is not `shared` with the account is unknown to it.
    """

    NOUN: ClassVar[str] = "image"
    NOT_FOUND: ClassVar[str] = "InvalidAMIID.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("name",)

    name: str
    description: str
    sag_vcpe: bool = False
    shared: bool = True


@dataclass(frozen=True, kw_only=True)
class Instance(Record):
    """`network_interface_ids` are in the order of their device indexes; the first is the primary one.

    `launch_time` is that of the last start.
    """

    NOUN: ClassVar[str] = "instance"
    NOT_FOUND: ClassVar[str] = "InvalidInstanceID.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("image_id",)

    image_id: str
    instance_type: str
    user_data: str = field(repr=False)  # may hold a gateway's key
    network_interface_ids: tuple[str, ...]
    name: str
    state: str = RUNNING
    state_origin: Origin
    launch_time: datetime
    associate_public_ip_address: bool = False
