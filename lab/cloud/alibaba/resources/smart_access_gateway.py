"""A gateway with its devices, the Cloud Connect Network that it is bound to, and whose they are."""

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
