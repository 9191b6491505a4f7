"""What points of presence count, as the readings of meters that the clouds know."""

from __future__ import annotations

from collections.abc import Mapping

from dataplane.meters import Reading
from lab.cloud import Cloud
from lab.cloud.alibaba.app.resources import ClientUser
from lab.cloud.alibaba.app.usage import ClientMeter, MeterReading


def grown(cloud: Cloud, counted: Mapping[str, Reading]) -> tuple[MeterReading, ...]:
    """Of the accounts that there are still, those whose meters show something else than when they were read last."""
    return tuple(
        MeterReading(client_user_id, reading.received_bytes, reading.sent_bytes)
        for client_user_id, reading in counted.items()
        if cloud.store.find(ClientUser, client_user_id) is not None and _last(cloud, client_user_id) != _bytes(reading)
    )


def _last(cloud: Cloud, client_user_id: str) -> tuple[int, int]:
    meter = cloud.store.find(ClientMeter, client_user_id)
    return (0, 0) if meter is None else (meter.rx_bytes, meter.tx_bytes)


def _bytes(reading: Reading) -> tuple[int, int]:
    return reading.received_bytes, reading.sent_bytes
