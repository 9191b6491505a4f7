"""The devices of a gateway: whether they are there, which of a pair is the active one, and how that changes.

A device is online while a machine runs that was given its serial number and key; what a machine at either provider does is told
to `DeviceWatch`. Of an active-active pair the standby one, if it is online, takes over when the active one goes offline. An
active-standby pair is switched by hand. A device that comes back stays in the role that it has then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.cloud.alibaba.event import EventName, EventOperations
from lab.cloud.alibaba.resources import (
    ACTIVE_ACTIVE,
    ACTIVE_ROLE,
    SINGLE,
    STANDBY_ROLE,
    Device,
    SmartAccessGateway,
)
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.user_data import MalformedUserData, parse_user_data

ON, OFF = "ON", "OFF"  # DeviceLevelBackupState


@dataclass(frozen=True, slots=True)
class HighAvailability:
    """Which device of a gateway is which, by serial number; `backup_device_id` is empty where there is one only."""

    smart_ag_id: str
    main_device_id: str
    backup_device_id: str
    device_level_backup_state: str
    device_level_backup_type: str


class DeviceOperations(EventOperations):
    def describe_smart_access_gateway_ha(self, smart_ag_id: str) -> HighAvailability:
        """Raises InvalidId.SMARTAG."""
        gateway = self._get(SmartAccessGateway, smart_ag_id)
        standby = gateway.standby_device
        return HighAvailability(
            smart_ag_id,
            gateway.active_device.serial_number,
            "" if standby is None else standby.serial_number,
            OFF if gateway.ha_type == SINGLE else ON,
            gateway.ha_type,
        )

    @operation
    def switch_smart_access_gateway_device(self, smart_ag_id: str) -> None:
        """Give the devices of a pair each other's role (document 000…, step 1.3); the routes follow the active one.

        The console has a button for it, the provider's API has no call, so this is an extension of ours.
        Raises InvalidId.SMARTAG, SmartAccessGatewayNoStandby, SmartAccessGatewayDeviceOffline while no machine is the standby.
        """
        gateway = self._get(SmartAccessGateway, smart_ag_id)
        standby = gateway.standby_device
        if standby is None:
            raise CloudError("SmartAccessGatewayNoStandby", f"'{smart_ag_id}' was bought with one device ({gateway.ha_type})")
        if not standby.online:
            raise CloudError(
                "SmartAccessGatewayDeviceOffline",
                f"no machine runs as the standby device {standby.serial_number} of '{smart_ag_id}'; launch it first",
            )
        self._swap_roles(gateway, EventName.DEVICE_SWITCHED, standby)

    @operation
    def report_device_state(self, serial_number: str, *, online: bool) -> None:
        """Say that a device is heard, or no longer: what its controller sees, so an extension of ours.

        What the cloud knows by itself, that a machine was started or stopped, needs no report. Raises InvalidSerialNumber.
        """
        gateways = self._store.by(SmartAccessGateway, "serial_numbers", serial_number)
        if not gateways:
            raise CloudError("InvalidSerialNumber", f"'{serial_number}' is the serial number of no device; correct it")
        self._set_online(gateways[0], serial_number, online)

    def _set_online(self, gateway: SmartAccessGateway, serial_number: str, online: bool) -> None:
        if any(device.serial_number == serial_number and device.online == online for device in gateway.devices):
            return
        devices = tuple(
            replace(device, online=online) if device.serial_number == serial_number else device for device in gateway.devices
        )
        gateway = replace(gateway, devices=devices)
        self._store.put(gateway)
        self._record_event(EventName.DEVICE_ONLINE if online else EventName.DEVICE_OFFLINE, gateway, serial_number)
        standby = gateway.standby_device
        takes_over = gateway.ha_type == ACTIVE_ACTIVE and not gateway.active_device.online
        if not online and takes_over and standby is not None and standby.online:
            self._swap_roles(gateway, EventName.ACCESS_GATEWAY_FAILOVER, standby)

    def _swap_roles(self, gateway: SmartAccessGateway, event: EventName, takes_over: Device) -> None:
        devices = tuple(
            replace(device, role=STANDBY_ROLE if device.role == ACTIVE_ROLE else ACTIVE_ROLE) for device in gateway.devices
        )
        self._store.put(replace(gateway, devices=devices, devices_origin=self._origin(gateway.id)))
        self._record_event(event, gateway, takes_over.serial_number)


class DeviceWatch(DeviceOperations):
    """Is told of every machine with the vCPE image that starts or ends. Two with the same pair: the last word counts."""

    def __call__(self, user_data: str, runs: bool) -> None:
        try:
            given = parse_user_data(user_data)
        except MalformedUserData:
            return
        for gateway in self._store.by(SmartAccessGateway, "serial_numbers", given.serial_number):
            if (given.serial_number, given.key) in zip(gateway.serial_numbers, gateway.secret_keys, strict=True):
                self._set_online(gateway, given.serial_number, runs)
