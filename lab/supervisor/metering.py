"""The traffic of a lab's gateways: asked of their dataplanes, kept, and told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dataplane.meters import Reading
from lab.cloud import Cloud
from lab.cloud.alibaba.app.resources import ClientUser
from lab.compiler.device import running_claims
from lab.monitoring import Counters, Device, History, HistoryError, Meter, Traffic, Window
from lab.monitoring.client_metrics import RX, TX, device_name
from lab.supervisor.events import EventLog

Said = Mapping[str, Mapping[str, Any]]
"""What each dataplane says of itself, by node."""


class Metering:
    """A history that cannot be written is told of once, and the lab goes on without it; what was counted then is lost."""

    def __init__(self, path: Path, log: EventLog) -> None:
        self._log = log
        self._meter = Meter()
        self._read_at = time.monotonic()
        self._trouble = ""
        self._history: History | None = None
        try:
            self._history = History(path)
        except HistoryError as error:
            self._tell(error)

    def begin(self, cloud: Cloud, counted: Mapping[str, Reading]) -> None:
        """What has been counted of clients until now was taken down by a supervisor before this one."""
        for device, counters in client_readings(cloud, counted):
            self._meter.growth(device, counters)

    def read(self, cloud: Cloud, said: Said, counted: Mapping[str, Reading]) -> None:
        """Take down what came since the last reading, by dataplanes and, of clients, by their meters."""
        before, self._read_at = self._read_at, time.monotonic()
        for device, counters in (*readings(cloud, said), *client_readings(cloud, counted)):
            grown = self._meter.growth(device, counters)
            if self._history is None:
                continue
            try:
                self._history.add(device, grown, now=time.time(), seconds=self._read_at - before)
                self._trouble = ""
            except HistoryError as error:
                self._tell(error)

    def traffic(self, smart_ag_id: str, window: Window) -> Traffic:
        """Raises HistoryError."""
        if self._history is None:
            raise HistoryError(self._trouble)
        return self._history.traffic(smart_ag_id, window, now=time.time())

    @property
    def totals(self) -> Mapping[Device, Counters]:
        """What each device has counted since the lab came up."""
        return self._meter.totals

    def close(self) -> None:
        if self._history is None:
            return
        try:
            self._history.close()
        except (HistoryError, sqlite3.Error) as error:
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if not self._trouble:
            self._log.add("monitor", str(error))
        self._trouble = str(error)


def client_readings(cloud: Cloud, counted: Mapping[str, Reading]) -> Iterator[tuple[Device, Counters]]:
    """What is counted of each account of the SAG app, each direction for itself."""
    for client_user_id, reading in counted.items():
        user = cloud.store.find(ClientUser, client_user_id)
        if user is not None:
            inbound = Counters(received_bytes=reading.received_bytes, dropped_here=reading.received_drops)
            outbound = Counters(sent_bytes=reading.sent_bytes, dropped_here=reading.sent_drops)
            yield Device(user.smart_ag_id, device_name(user.user_name, RX)), inbound
            yield Device(user.smart_ag_id, device_name(user.user_name, TX)), outbound


def readings(cloud: Cloud, said: Said) -> Iterator[tuple[Device, Counters]]:
    """What the dataplane of each device that has a tunnel counts, and what the other end of it drops."""
    for claim in running_claims(cloud):
        here, there = said.get(claim.machine.id), said.get(claim.gateway.ccn_id or "")
        for peer, state in here["peers"].items() if here is not None else ():
            facing = there["peers"].get(peer) if there is not None else None
            yield (
                Device(claim.gateway.id, claim.device.serial_number),
                Counters(
                    received_bytes=state.get("received_bytes", 0),
                    sent_bytes=state.get("sent_bytes", 0),
                    dropped_here=sum(state["drops"].values()),
                    dropped_there=sum(facing["drops"].values()) if facing is not None else 0,
                ),
            )
