"""Virtual machines in a VPC, their interfaces, and the groups that guard these."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.record import Record
from lab.origin import Origin

# State of an instance, here and on an edge node.
RUNNING = "Running"
STOPPED = "Stopped"


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
