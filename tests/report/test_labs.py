"""Labs, their status and a cloud's answers, as a person sees them."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from lab.report.answer import print_answer
from lab.report.labs import duration, print_labs, print_status
from lab.supervisor.answers import Condition, DeviceInfo, LabInfo, NodeInfo, Status, TunnelInfo

LAB = LabInfo("demo", "vcpe-ping", ("2.5",), Condition.UP, 0.0, 1, 8, "/var/lib/saglab/demo")
NODE = NodeInfo("app", "app", "host", "aws", "i-1", ("10.0.1.10",), ("eth0",), ())
TUNNEL = TunnelInfo(
    node="vcpe",
    peer="sag-1",
    vpn_status="Normal",
    reason="",
    endpoint="198.51.100.10:4500",
    ike={"state": "ESTABLISHED", "cipher": "aes-256-gcm", "prf": "sha256", "group": "x25519"},
    cipher="aes-256-gcm",
    spi_in="0x00000001",
    spi_out="0x00000002",
    age=61.0,
    rekey_in=3000.0,
    heard=0.2,
    sent_packets=4,
    sent_bytes=336,
    received_packets=3,
    received_bytes=252,
    drops={"REPLAYED": 1},
)
SILENT = TunnelInfo(
    "vcpe", "sag-1", "Abnormal", "AUTHENTICATION_FAILED", "", {}, "", "", "", None, None, None, 0, 0, 0, 0, {}
)  # fmt: skip


def printed(print_it: object, *arguments: object, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width, highlight=False)
    print_it(console, *arguments)  # type: ignore[operator]
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


DURATIONS = {0.04: "0.0 s", 0.5: "0.5 s", 4.2: "4 s", 61: "1 min", 7200: "2 h", 200_000: "2 d"}


@pytest.mark.parametrize(("seconds", "said"), DURATIONS.items(), ids=DURATIONS.values())
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_labs_that_are_up_and_those_that_are_kept() -> None:
    said = printed(print_labs, [LAB], [("old", Path("/var/lib/saglab/old"))])
    assert "demo  vcpe-ping without step 2.5  up     8" in said
    assert "kept          in /var/lib/saglab/old" in said


def test_no_lab_says_how_to_have_one() -> None:
    assert "saglab up" in printed(print_labs, [], [])


def test_a_tunnel_shows_all_that_its_dataplane_tells() -> None:
    said = printed(print_status, Status(LAB, (NODE,), (TUNNEL,), ()))
    for words in (
        "vcpe sag-1: VPN status Normal",
        "peer 198.51.100.10:4500, last heard 0.2 s ago",
        "IKE ESTABLISHED, aes-256-gcm sha256 x25519",
        "ESP aes-256-gcm, SPI in 0x00000001, out 0x00000002, 1 min old, new keys in 50 min",
        "traffic sent 4 packets (336 bytes), received 3 packets (252 bytes)",
        "dropped REPLAYED 1",
    ):
        assert words in said


def test_an_abnormal_tunnel_says_why() -> None:
    said = printed(print_status, Status(LAB, (NODE,), (SILENT,), ()))
    assert "VPN status Abnormal, AUTHENTICATION_FAILED, the two ends do not agree on identity and key" in said
    assert "not known yet, last heard never" in said


NO_TUNNEL = ("Abnormal", "NO_TUNNEL", "Abnormal", "NOT_REPORTING")
DEVICES = {
    "one that runs": (
        DeviceInfo("gw", "sag1", "active", "vcpe", "Normal", "", "Abnormal", "CERTIFICATE_EXPIRED"),
        "gw sag1 active vcpe Normal Abnormal CERTIFICATE_EXPIRED",
    ),
    "an active one that does not": (
        DeviceInfo("gw", "sag1", "active", "", *NO_TUNNEL),
        "gw sag1 active none yet Abnormal NO_TUNNEL Abnormal NOT_REPORTING",
    ),
    "a standby that nobody wants": (DeviceInfo("gw", "sag2", "standby", "", *NO_TUNNEL), "gw sag2 standby none, not needed"),
}


@pytest.mark.parametrize(("device", "shown"), DEVICES.values(), ids=DEVICES.keys())
def test_devices_show_both_statuses_and_why(device: DeviceInfo, shown: str) -> None:
    lines = printed(print_status, Status(LAB, (NODE,), (), (), (device,))).splitlines()
    (row,) = [line.split() for line in lines if line.startswith("gw ")]
    assert row == shown.split()


RESOURCES = [
    {"id": "eni-1", "origin": {}, "vpc_id": "vpc-1", "private_ip_addresses": ["10.0.1.10", "10.0.1.11"], "name": "", "r": [{}]},
    {"id": "eni-2", "origin": {}, "vpc_id": "vpc-1", "private_ip_addresses": ["10.0.2.10"], "name": "b", "r": []},
]

ANSWERS: dict[str, tuple[object, int, list[str]]] = {
    "nothing": (None, 80, ["done"]),
    "id": ("eipassoc-1", 80, ["eipassoc-1"]),
    "empty list": ([], 80, ["none"]),
    "addresses": (["10.0.0.1", "10.0.0.2"], 80, ["10.0.0.1", "10.0.0.2"]),
    "resource": ({"id": "a", "user_data": "key", "origin": {}}, 80, ["id         a", "user_data  (hidden; --json shows it)"]),
    "list": (
        RESOURCES,
        80,
        [
            "id     name  vpc_id  private_ip_addresses",
            "eni-1        vpc-1   10.0.1.10, 10.0.1.11",
            "eni-2  b     vpc-1   10.0.2.10",
            "--json shows everything",
        ],
    ),
    "list in a narrow terminal": (
        RESOURCES,
        24,
        ["id     name  vpc_id", "eni-1        vpc-1", "eni-2  b     vpc-1", "--json shows everything"],
    ),
}


@pytest.mark.parametrize(("answer", "width", "lines"), ANSWERS.values(), ids=ANSWERS.keys())
def test_answers(answer: object, width: int, lines: list[str]) -> None:
    assert printed(print_answer, answer, width=width).splitlines() == lines
