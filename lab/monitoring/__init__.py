"""What passes the gateways of a lab that is up: bytes and drops, over time, for each device.

    meter = Meter()                        # counters of dataplanes, which begin anew with each process
    history = History(path)                # SQLite, the older the coarser
    history.add(device, meter.growth(device, counters), now=…, seconds=…)
    history.traffic("sag-…", Window.of("3h"), now=…)

Stands below the supervisor, which asks the dataplanes; knows nothing of clouds and networks.
"""

from __future__ import annotations

from lab.monitoring.history import History, HistoryError
from lab.monitoring.meter import Counters, Device, Meter
from lab.monitoring.traffic import DeviceTraffic, Point, Traffic
from lab.monitoring.window import Window

__all__ = ["Counters", "Device", "DeviceTraffic", "History", "HistoryError", "Meter", "Point", "Traffic", "Window"]
