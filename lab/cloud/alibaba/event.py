"""System events: what the provider tells of a gateway's devices (CloudMonitor 2019-01-01, DescribeSystemEventAttribute)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.resources import SmartAccessGateway
from lab.cloud.record import Record


class Level(StrEnum):
    INFO = "INFO"
    WARN = "WARN"
    CRITICAL = "CRITICAL"


class EventName(StrEnum):
    """Names as CloudMonitor lists them for Smart Access Gateway."""

    DEVICE_ONLINE = "DeviceOnline"
    DEVICE_OFFLINE = "DeviceOffline"
    DEVICE_SWITCHED = "DeviceSwitched"  # the customer gave the devices each other's role
    ACCESS_GATEWAY_FAILOVER = "AccessGatewayFailover"  # the active device failed, and the other took its role by itself


LEVELS = {
    EventName.DEVICE_ONLINE: Level.INFO,
    EventName.DEVICE_OFFLINE: Level.CRITICAL,
    EventName.DEVICE_SWITCHED: Level.WARN,
    EventName.ACCESS_GATEWAY_FAILOVER: Level.INFO,
}


@dataclass(frozen=True, kw_only=True)
class SystemEvent(Record):
    """Something that happened to a device. `resource_id` is the gateway's, `time` the lab's."""

    NOUN: ClassVar[str] = "event"
    NOT_FOUND: ClassVar[str] = "InvalidEventId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("resource_id",)

    name: EventName
    level: Level
    resource_id: str
    region_id: str
    serial_number: str
    time: datetime


class EventOperations(AlibabaBase):
    def describe_system_event_attribute(
        self, *, name: str | None = None, level: str | None = None, smart_ag_id: str | None = None
    ) -> tuple[SystemEvent, ...]:
        """The events of all gateways in the order in which they happened, or those of a name, a level, a gateway."""
        events = self._store.all(SystemEvent) if smart_ag_id is None else self._store.by(SystemEvent, "resource_id", smart_ag_id)
        return tuple(it for it in events if name in (None, it.name) and level in (None, it.level))

    def _record_event(self, name: EventName, gateway: SmartAccessGateway, serial_number: str) -> None:
        event_id = self._supply.alibaba_id("event")
        event = SystemEvent(
            id=event_id,
            origin=self._origin(event_id),
            name=name,
            level=LEVELS[name],
            resource_id=gateway.id,
            region_id=gateway.region_id,
            serial_number=serial_number,
            time=self._now,
        )
        self._store.put(event)
