"""The traffic of a gateway as a curve, a table, JSON and CSV."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from rich.console import Console

from lab.monitoring import DeviceTraffic, Point, Traffic
from lab.report.traffic import COLUMNS, print_traffic, traffic_csv, traffic_json

BEGIN = 1_800_000_000
POINTS = tuple(Point(BEGIN + 10 * number, 10.0, 1_250_000 * number, 125_000, 0) for number in range(20))
ONE = Traffic("sag-1", BEGIN, BEGIN + 200, 10, (DeviceTraffic("sn-1", POINTS),))
DROPPING = Traffic("sag-1", BEGIN, BEGIN + 200, 10, (DeviceTraffic("sn-1", (Point(BEGIN, 10.0, 1, 1, 5),)),))
PAIR = Traffic("sag-1", BEGIN, BEGIN + 200, 10, (DeviceTraffic("sn-1", POINTS), DeviceTraffic("sn-2", POINTS)))
NOTHING = Traffic("sag-1", BEGIN, BEGIN + 200, 10, ())
IDLE = Traffic("sag-1", BEGIN, BEGIN + 200, 10, (DeviceTraffic("sn-1", (Point(BEGIN, 10.0, 0, 0, 0),)),))

TOLD = {
    "a device": (
        ONE,
        ["[vcpe]  ", "(Mbit/s)", "━ received  ━ sent", "sn-1  238 MB  9.5 Mbit/s  19 Mbit/s"],
        ["━ dropped", "together"],
    ),
    "drops": (DROPPING, ["(packets/min)", "━ dropped", "(bit/s)"], []),
    "a pair": (PAIR, ["sn-1", "sn-2", "together"], []),
    "nothing": (NOTHING, ["nothing has been counted in this time"], ["received"]),
    "idle": (IDLE, ["0 bit/s", "(bit/s)"], ["(packets/min)"]),
}


@pytest.mark.parametrize(("traffic", "words", "others"), TOLD.values(), ids=TOLD.keys())
def test_for_a_person(traffic: Traffic, words: list[str], others: list[str]) -> None:
    console = Console(file=StringIO(), width=100, highlight=False)
    print_traffic(console, traffic, title="[vcpe]")
    assert isinstance(console.file, StringIO)
    said = console.file.getvalue()
    assert [word for word in words if " ".join(word.split()) not in " ".join(said.split())] == []
    assert [word for word in others if word in said] == []
    assert max(map(len, said.splitlines())) <= 100


def test_json() -> None:
    said = json.loads(traffic_json(ONE))
    assert (said["smart_ag_id"], said["start"], said["end"], said["resolution"]) == ("sag-1", BEGIN, BEGIN + 200, 10)
    assert said["devices"][0]["points"][2] == {
        "start": BEGIN + 20,
        "seconds": 10.0,
        "received_bytes": 2_500_000,
        "sent_bytes": 125_000,
        "dropped": 0,
        "received_bit_s": 2_000_000.0,
        "sent_bit_s": 100_000.0,
        "drops_per_minute": 0.0,
    }


def test_csv() -> None:
    rows = list(csv.DictReader(StringIO(traffic_csv(PAIR))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["device"] for row in rows] == ["sn-1"] * 20 + ["sn-2"] * 20
    assert (rows[2]["time"], rows[2]["rx_bytes"], rows[2]["rx_bit_s"]) == ("2027-01-15T08:00:20Z", "2500000", "2000000.0")
