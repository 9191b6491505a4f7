"""PrivateZone: names of private networks, and who may ask for them (document 002…, 2 step 2.2 and 3.2).

Operations are those of pvtz 2018-01-01 and, where a CEN lets its CCNs ask, cbn 2017-09-12. A zone answers the machines of the
VPCs that it is bound to. The clients of a CCN ask the servers of one such VPC, the host, across the CEN that joins both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address
from typing import ClassVar

from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.resources import Cen, Vpc
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.record import Record
from lab.cloud.store import Store
from lab.origin import Origin

# Document 002…, 2 step 2.2: the active and the standby server.
SERVERS = (IPv4Address("100.100.2.136"), IPv4Address("100.100.2.138"))

ADDRESS = "A"  # the type of a record; others are not served here
LONGEST_NAME = 253  # RFC 1035 §2.3.4, in text
SHORTEST_TTL, LONGEST_TTL = 5, 86400  # seconds; pvtz, AddZoneRecord
DEFAULT_TTL = 60

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
APEX, ANY_NAME = "@", "*"


@dataclass(frozen=True, slots=True)
class ZoneRecord:
    """`rr` is the name before that of the zone, "@" for the zone itself, "*" for every other; `ttl` is in seconds."""

    record_id: str
    rr: str
    value: IPv4Address
    ttl: int
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class PrivateZone(Record):
    """`vpc_ids` are the VPCs whose machines the zone answers; `bind_origin` is the call that said so."""

    NOUN: ClassVar[str] = "private zone"
    NOT_FOUND: ClassVar[str] = "Zone.NotExists"
    INDEXED: ClassVar[tuple[str, ...]] = ("zone_name", "vpc_ids")

    zone_name: str
    records: tuple[ZoneRecord, ...] = ()
    vpc_ids: tuple[str, ...] = ()
    bind_origin: Origin


@dataclass(frozen=True, kw_only=True)
class PrivateZoneRoute(Record):
    """The CCNs of a region ask the servers of a VPC across a CEN."""

    NOUN: ClassVar[str] = "route to PrivateZone"
    NOT_FOUND: ClassVar[str] = "InvalidOperation.PrivateZoneNotExist"
    INDEXED: ClassVar[tuple[str, ...]] = ("cen_id", "host_vpc_id")

    cen_id: str
    host_vpc_id: str
    host_region_id: str
    access_region_id: str


class PrivateZoneOperations(AlibabaBase):
    # pvtz

    @operation
    def add_zone(self, zone_name: str) -> PrivateZone:
        """Raises Zone.Invalid.Name, Zone.Exists."""
        name = _checked_name(zone_name, "Zone.Invalid.Name")
        for other in self._store.by(PrivateZone, "zone_name", name):
            raise CloudError("Zone.Exists", f"the zone '{name}' is {other.id} already")
        zone_id = self._supply.alibaba_id("pvtz")
        zone = PrivateZone(id=zone_id, origin=self._origin(zone_id), zone_name=name, bind_origin=self._origin(zone_id))
        self._store.put(zone)
        return zone

    @operation
    def delete_zone(self, zone_id: str) -> None:
        """Raises Zone.NotExists, Zone.VpcExists while it is bound to a VPC."""
        zone = self._get(PrivateZone, zone_id)
        if zone.vpc_ids:
            raise CloudError("Zone.VpcExists", f"'{zone_id}' is bound to {', '.join(zone.vpc_ids)}; bind it to none first")
        self._store.delete(zone)

    @operation
    def add_zone_record(
        self, zone_id: str, *, rr: str, value: IPv4Address | str, type: str = ADDRESS, ttl: int = DEFAULT_TTL
    ) -> ZoneRecord:
        """Give a name of the zone an address. Several addresses of a name are all told.

        Raises Zone.NotExists, Record.Invalid.Type, Record.Invalid.Rr, Record.Invalid.Value, Record.Invalid.Ttl, Record.Exists.
        """
        zone = self._get(PrivateZone, zone_id)
        if type != ADDRESS:
            raise CloudError("Record.Invalid.Type", f"a record of type '{type}' is not served here, only '{ADDRESS}'")
        if rr not in (APEX, ANY_NAME):
            rr = _checked_name(rr, "Record.Invalid.Rr", room=LONGEST_NAME - len(zone.zone_name) - 1)
        address = _checked_address(value)
        if not SHORTEST_TTL <= ttl <= LONGEST_TTL:
            raise CloudError("Record.Invalid.Ttl", f"a TTL of {ttl} s is not from {SHORTEST_TTL} to {LONGEST_TTL}")
        if any((known.rr, known.value) == (rr, address) for known in zone.records):
            raise CloudError("Record.Exists", f"'{rr}' of {zone.zone_name} has the address {address} already")
        record = ZoneRecord(self._supply.alibaba_id("rr"), rr, address, ttl, self._origin(zone_id))
        self._store.put(replace(zone, records=(*zone.records, record)))
        return record

    @operation
    def delete_zone_record(self, record_id: str) -> None:
        """Raises Record.NotExists."""
        for zone in self._store.all(PrivateZone):
            kept = tuple(record for record in zone.records if record.record_id != record_id)
            if len(kept) < len(zone.records):
                self._store.put(replace(zone, records=kept))
                return
        raise CloudError("Record.NotExists", f"the record '{record_id}' does not exist; create it, or correct the id")

    @operation
    def bind_zone_vpc(self, zone_id: str, vpc_ids: tuple[str, ...]) -> None:
        """Answer the machines of these VPCs, and of no others. Raises Zone.NotExists, InvalidVpcId.NotFound."""
        zone = self._get(PrivateZone, zone_id)
        found = tuple(self._get(Vpc, vpc_id).id for vpc_id in dict.fromkeys(vpc_ids))
        self._store.put(replace(zone, vpc_ids=found, bind_origin=self._origin(zone_id)))

    def describe_zones(self) -> tuple[PrivateZone, ...]:
        return self._store.all(PrivateZone)

    # cbn

    @operation
    def route_private_zone_in_cen_to_vpc(
        self, cen_id: str, *, host_vpc_id: str, host_region_id: str, access_region_id: str
    ) -> PrivateZoneRoute:
        """Let the CCNs of a region ask the servers of a VPC, the host, across the CEN that joins both (document 002…, 3.2).

        A CEN has one host here, whichever regions ask it.
        Raises ParameterCenInstanceId, ParameterInstanceId, InvalidRegionId.NotFound, InvalidOperation.PrivateZoneAlreadyExist.
        """
        cen = self._get(Cen, cen_id)
        attached = {it.child_instance_id: it.child_instance_region_id for it in cen.attachments}
        if self._store.find(Vpc, host_vpc_id) is None or attached.get(host_vpc_id) != self._region(host_region_id):
            raise CloudError("ParameterInstanceId", f"'{host_vpc_id}' is not attached to {cen_id} in {host_region_id}")
        access = self._region(access_region_id)
        for other in routes_of(self._store, cen_id):
            if other.access_region_id == access or other.host_vpc_id != host_vpc_id:
                why = f"CCNs of {other.access_region_id} ask {other.host_vpc_id} across {cen_id} already; take that away first"
                raise CloudError("InvalidOperation.PrivateZoneAlreadyExist", why)
        route_id = f"{cen_id}/{access}"
        route = PrivateZoneRoute(
            id=route_id,
            origin=self._origin(route_id),
            cen_id=cen_id,
            host_vpc_id=host_vpc_id,
            host_region_id=host_region_id,
            access_region_id=access,
        )
        self._store.put(route)
        return route

    @operation
    def unroute_private_zone_in_cen_to_vpc(self, cen_id: str, *, access_region_id: str) -> None:
        """Raises ParameterCenInstanceId, InvalidOperation.PrivateZoneNotExist."""
        self._store.delete(self._get(PrivateZoneRoute, f"{self._get(Cen, cen_id).id}/{access_region_id}"))

    def describe_cen_private_zone_routes(self, cen_id: str) -> tuple[PrivateZoneRoute, ...]:
        """Raises ParameterCenInstanceId."""
        return routes_of(self._store, self._get(Cen, cen_id).id)


def routes_of(store: Store, cen_id: str) -> tuple[PrivateZoneRoute, ...]:
    """They end when the host is detached."""
    return store.by(PrivateZoneRoute, "cen_id", cen_id)


def serves(store: Store, vpc_id: str) -> bool:
    """Whether anybody may ask the servers of a VPC for anything."""
    return bool(store.by(PrivateZone, "vpc_ids", vpc_id) or store.by(PrivateZoneRoute, "host_vpc_id", vpc_id))


def _checked_name(name: str, code: str, room: int = LONGEST_NAME) -> str:
    """In lower case: names differ in nothing by that (RFC 4343)."""
    lower = name.lower()
    if not all(map(_LABEL.fullmatch, lower.split("."))) or len(lower) > room:
        rule = f"labels of letters, digits, '-' and '_', at most {room} characters in all"
        raise CloudError(code, f"'{name}' is no name: give {rule}")
    return lower


def _checked_address(value: IPv4Address | str) -> IPv4Address:
    try:
        return IPv4Address(value)
    except AddressValueError:
        raise CloudError("Record.Invalid.Value", f"'{value}' is no IPv4 address, and a record of type A has one") from None
