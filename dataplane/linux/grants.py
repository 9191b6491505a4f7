"""What the agent does for a worker, request by request. Each concerns the TUN device, the interfaces and the ports of the
configuration, and nothing else of the machine.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from dataplane.config import Config
from dataplane.errors import LocalError
from dataplane.ike.numbers import IKE_PORT
from dataplane.linux import netlink
from dataplane.linux.channel import Channel
from dataplane.linux.control import listen
from dataplane.linux.keyfiles import open_table
from dataplane.linux.meterfile import open_meters
from dataplane.linux.requests import (
    AddAddress,
    AddRoute,
    OpenControl,
    OpenKeyLog,
    OpenMeters,
    OpenTun,
    OpenUnderlay,
    RemoveAddress,
    RemoveRoute,
    Request,
    SetMtu,
    Tune,
    Untune,
)
from dataplane.linux.tun import open_tun, set_mtu
from dataplane.linux.tuning import Tuning
from dataplane.linux.udp import open_underlay


class Grants:
    """Left as a context manager, it takes away what would outlive the process."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._tun = config.tun.name
        self._control: Path | None = None
        self._tuning = Tuning()

    def __enter__(self) -> Grants:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.take_back()

    def take_back(self) -> None:
        """What would outlive the process."""
        self._tuning.restore_all()
        if self._control is not None:
            self._control.unlink(missing_ok=True)

    def answer(self, request: Request, channel: Channel) -> None:
        """Do it and say so, or say why not. A descriptor is the worker's alone once it is sent."""
        try:
            descriptor = self._grant(request)
        except LocalError as error:
            channel.refuse(str(error))
            return
        try:
            channel.answer(descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _grant(self, request: Request) -> int | None:
        """What was opened, if something was. Raises LocalError."""
        match request:
            case OpenTun(mtu, vnet_header, multi_queue):
                return open_tun(self._tun, mtu, vnet_header=vnet_header, multi_queue=multi_queue)
            case OpenUnderlay():
                return self._open_underlay(request)
            case OpenControl():
                return self._open_control()
            case OpenKeyLog(table):
                return open_table(self._config.keylog, table)
            case OpenMeters():
                return open_meters(self._config.meters)
            case SetMtu(mtu):
                set_mtu(self._tun, mtu)
            case AddAddress(address, length):
                netlink.add_address(self._tun, address, length)
            case RemoveAddress(address, length):
                netlink.remove_address(self._tun, address, length)
            case AddRoute(destination, source):
                netlink.add_route(self._tun, destination, source)
            case RemoveRoute(destination):
                netlink.remove_route(self._tun, destination)
            case Tune():
                self._tuning.apply(self._own(request.interface), request)
            case Untune(interface):
                self._tuning.restore(self._own(interface))
        return None

    def _open_underlay(self, request: OpenUnderlay) -> int:
        ports = {self._config.underlay.port, *([IKE_PORT] if self._config.underlay.ike else [])}
        if request.port not in ports:
            raise LocalError(f"port {request.port} is not one of the configuration's: {', '.join(map(str, sorted(ports)))}")
        return open_underlay(request.address, request.port, shared=request.shared).detach()

    def _open_control(self) -> int:
        path = Path(self._config.control)
        if self._control is not None:
            raise LocalError(f"control socket {path}: it is open already")
        listener = listen(path)
        self._control = path
        return listener.detach()

    def _own(self, interface: str) -> str:
        """Raises LocalError for an interface that is not the gateway's to tune."""
        if interface not in self._config.interfaces:
            raise LocalError(f"interface {interface} is not one of the configuration's: list it in interfaces")
        return interface
