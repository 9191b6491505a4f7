"""The devices of all gateways and their two statuses, as the console's Device Management tab has them (document 000…, 3.2.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import Device, SmartAccessGateway
from lab.compiler.device import tunnel_name
from lab.status import ABNORMAL, NO_TUNNEL, NORMAL, NOT_REPORTING, StatusEnd
from lab.supervisor.answers import DeviceInfo, TunnelInfo
from lab.topology import Topology

Control = Callable[[str], Sequence[StatusEnd]]  # what those who know of a device, by its serial number, say of its Control Status


def devices_of(
    cloud: Cloud, topology: Topology, tunnels: Sequence[TunnelInfo], control: Control, names: Mapping[str, str]
) -> Iterator[DeviceInfo]:
    """`names` is what a person calls the nodes."""
    for gateway in cloud.store.all(SmartAccessGateway):
        for device in gateway.devices:
            vpn, heard = _vpn_reason(gateway, device, tunnels), _control_reason(control(device.serial_number))
            holder = _holder(topology, device.serial_number)
            yield DeviceInfo(
                gateway=gateway.name or gateway.id,
                serial_number=device.serial_number,
                role=device.role,
                machine=names.get(holder, ""),
                vpn_status=ABNORMAL if vpn else NORMAL,
                vpn_reason=vpn,
                control_status=ABNORMAL if heard else NORMAL,
                control_reason=heard,
            )


def _vpn_reason(gateway: SmartAccessGateway, device: Device, tunnels: Sequence[TunnelInfo]) -> str:
    ends = [tunnel for tunnel in tunnels if tunnel.peer == tunnel_name(gateway, device)]
    return next((end.reason for end in ends if end.reason), "" if ends else NO_TUNNEL)


def _control_reason(ends: Sequence[StatusEnd]) -> str:
    return next((end.reason for end in ends if end.reason), "" if ends else NOT_REPORTING)


def _holder(topology: Topology, serial_number: str) -> str:
    """The node that runs as a device; empty where none does."""
    home = topology.controller
    register = home.controller.register if home is not None and home.controller is not None else ()
    return next((entry.holder for entry in register if entry.serial_number == serial_number), "")
