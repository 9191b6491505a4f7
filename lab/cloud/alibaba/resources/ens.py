"""Machines on an edge node, their networks and groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.alibaba.resources.ecs import RUNNING, Permission
from lab.cloud.alibaba.resources.vpc import RouteEntry, reserved_in
from lab.cloud.record import Record
from lab.origin import Origin


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
        return reserved_in(self.cidr_block)


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
