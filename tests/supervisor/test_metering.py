"""What dataplanes say of themselves, as the traffic of devices and as numbers for Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dataplane.meters import Reading
from lab.monitoring import Counters, Device, HistoryError, Window
from lab.supervisor.events import EventLog
from lab.supervisor.metering import Metering, client_readings, readings
from lab.supervisor.metrics import exposition
from lab.supervisor.tunnels import tunnels_of
from tests.compiler.app_cloud import USER, app_cloud
from tests.explanation.build import Ids, joined


def peer(received: int = 0, sent: int = 0, **drops: int) -> dict[str, Any]:
    return {"received_bytes": received, "sent_bytes": sent, "drops": drops, "vpn_status": "Normal", "ike": {}}


def said(ids: Ids, here: dict[str, Any], there: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {ids.vcpe: {"peers": {ids.sag: here}}, ids.ccn: {"peers": {ids.sag: there, "sag-other": peer(5, 5, REPLAYED=5)}}}


def test_a_device_is_read_at_its_own_end_and_drops_at_both() -> None:
    cloud, ids = joined()
    (gateway,) = cloud.alibaba.describe_smart_access_gateways()
    here, there = peer(100, 20, REPLAYED=1), peer(20, 100, OUTSIDE_SELECTOR=3, MALFORMED=4)
    assert list(readings(cloud, said(ids, here, there))) == [
        (Device(ids.sag, gateway.active_device.serial_number), Counters(100, 20, 1, 7))
    ]


PARTIAL = {
    "a device that runs no dataplane": lambda ids: {},
    "a gateway that has no tunnel": lambda ids: {ids.vcpe: {"peers": {}}},
}


@pytest.mark.parametrize("told", PARTIAL.values(), ids=PARTIAL.keys())
def test_what_says_nothing_is_not_counted(told: Any) -> None:
    cloud, ids = joined()
    assert list(readings(cloud, told(ids))) == []


def test_without_its_other_end_a_device_is_read_all_the_same() -> None:
    cloud, ids = joined()
    (reading,) = readings(cloud, {ids.vcpe: {"peers": {ids.sag: peer(1, 2)}}})
    assert reading[1] == Counters(1, 2)


def test_a_metering_that_cannot_write_says_so_once_and_counts_on(tmp_path: Path) -> None:
    log, (cloud, ids) = EventLog(), joined()
    metering = Metering(tmp_path / "nowhere" / "traffic.db", log)
    for received in (10, 30):
        metering.read(cloud, said(ids, peer(received), peer()), {})
    assert [counters.received_bytes for counters in metering.totals.values()] == [30]
    assert [event.kind for event in log.since(0)] == ["monitor"]
    with pytest.raises(HistoryError, match="traffic cannot be kept"):
        metering.traffic(ids.sag, Window.of("1h"))
    metering.close()


def test_what_was_read_is_kept(tmp_path: Path) -> None:
    cloud, ids = joined()
    metering = Metering(tmp_path / "traffic.db", EventLog())
    for received in (10, 30):
        metering.read(cloud, said(ids, peer(received), peer()), {})
    traffic = metering.traffic(ids.sag, Window.of("1h"))
    assert sum(point.received_bytes for point in traffic.points) == 30
    metering.close()


def test_prometheus_can_read_the_numbers() -> None:
    _, ids = joined()
    status = said(ids, peer(), peer())
    status[ids.ccn]["peers"].pop("sag-other")
    tunnels = tunnels_of(status, {ids.vcpe: "vcpe", ids.ccn: "pop"})
    text = exposition(8, tunnels, {Device(ids.sag, "sn-1"): Counters(100, 20, 1, 7)}, {ids.sag: 'a "name"'})
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    labels = ('a "name"', ids.sag, "sn-1")
    assert samples == {
        ("saglab_nodes",): 8.0,
        ("saglab_tunnel_normal", ids.sag, "vcpe"): 1.0,
        ("saglab_tunnel_normal", "pop", ids.sag): 1.0,
        ("saglab_gateway_received_bytes_total", *labels): 100.0,
        ("saglab_gateway_sent_bytes_total", *labels): 20.0,
        ("saglab_gateway_dropped_packets_total", *labels): 8.0,
    }


def test_each_direction_of_an_account_is_read_from_its_meter() -> None:
    w = app_cloud()
    counted = {w.session.client_user_id: Reading(1, 100, 2, 200, 3, 4), "an account that was deleted": Reading(1, 1)}
    assert list(client_readings(w.cloud, counted)) == [
        (Device(w.app.id, f"{USER} rx"), Counters(received_bytes=100, dropped_here=3)),
        (Device(w.app.id, f"{USER} tx"), Counters(sent_bytes=200, dropped_here=4)),
    ]


@pytest.mark.requirement("S2-125")
def test_what_an_earlier_supervisor_took_down_is_not_taken_down_again(tmp_path: Path) -> None:
    w = app_cloud()
    user = w.session.client_user_id
    metering = Metering(tmp_path / "traffic.db", EventLog())
    metering.begin(w.cloud, {user: Reading(received_bytes=1000)})
    metering.read(w.cloud, {}, {user: Reading(received_bytes=1234)})
    received = [point.received_bytes for point in metering.traffic(w.app.id, Window.of("1h")).points]
    assert received == [234]
