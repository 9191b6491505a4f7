"""The eight metrics of the SAG app: their names, their units, what is summed up in each."""

from __future__ import annotations

import pytest

from lab.monitoring import DeviceTraffic, Point, Traffic
from lab.monitoring.client_metrics import UNITS, Metric, accounts_of, device_name, is_of_clients, metrics_of

END = 1_000_000 * 3600
WINDOW = 3 * 3600  # seconds


def point(hours_ago: float, received: int = 0, sent: int = 0, dropped: int = 0) -> Point:
    return Point(END - int(hours_ago * 3600), 10.0, received, sent, dropped)


TRAFFIC = Traffic(
    "sag-1",
    END - WINDOW,
    END,
    10,
    (
        DeviceTraffic(device_name("li.lei", "rx"), (point(2, received=1000, dropped=90), point(0.5, received=350))),
        DeviceTraffic(device_name("li.lei", "tx"), (point(0.5, sent=2700),)),
        DeviceTraffic(device_name("han.mei", "tx"), (point(2, sent=300, dropped=180),)),
    ),
)


@pytest.mark.requirement("S2-128")
def test_there_are_exactly_eight() -> None:
    names = [f"sag {way}{what}" for what in ("Bytes", "Bit/s", "DropPackets", "BytesHour") for way in ("rx", "tx")]
    assert list(UNITS) == [metric.name for metric in metrics_of(TRAFFIC)] == names


OF = {
    "the instance, the sum of its accounts": ("", (1350, 3000, 1.0, 8 * 3000 / WINDOW, 0.5, 1.0, 350, 2700)),
    "an account": ("li.lei", (1350, 2700, 1.0, 2.0, 0.5, 0.0, 350, 2700)),
    "an account that sent nothing": ("han.mei", (0, 300, 0.0, 8 * 300 / WINDOW, 0.0, 1.0, 0, 0)),
}


@pytest.mark.requirement("S2-129", "S2-130", "S2-131", "S2-132")
@pytest.mark.parametrize(("account", "values"), OF.values(), ids=OF.keys())
def test_values(account: str, values: tuple[float, ...]) -> None:
    assert [metric.value for metric in metrics_of(TRAFFIC, account)] == pytest.approx(values)


def test_accounts_are_told_from_devices() -> None:
    assert accounts_of(TRAFFIC) == ["li.lei", "han.mei"]
    assert is_of_clients(TRAFFIC)
    assert not is_of_clients(Traffic("sag-2", 0, 1, 10, (DeviceTraffic("sage6m2ph5sit0000001", ()),)))


@pytest.mark.requirement("S2-129", "S2-130", "S2-133")
@pytest.mark.parametrize(
    ("metric", "unit", "value"),
    [(Metric("sag rxBytes", 2_500_000), "MB", 2.5), (Metric("sag txBit/s", 8_000), "Kbit/s", 8.0)],
    ids=["volume", "rate"],
)
def test_units(metric: Metric, unit: str, value: float) -> None:
    assert metric.in_unit(unit) == value


@pytest.mark.requirement("S2-131")
def test_drops_have_one_unit() -> None:
    assert list(UNITS["sag rxDropPackets"]) == ["packet/min"]
