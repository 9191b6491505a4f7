"""A VPC with its vSwitches and routes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.record import Record
from lab.origin import Origin


def reserved_in(block: IPv4Network) -> frozenset[IPv4Address]:
    """The first and the last three addresses, which Alibaba Cloud keeps for itself."""
    return frozenset((block[0], block[-3], block[-2], block[-1]))


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
        return reserved_in(self.cidr_block)


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
