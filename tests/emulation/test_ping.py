"""What fping prints, as numbers, and how long its answers are waited for."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, cast

import pytest

import lab.emulation.ping
from lab.emulation.machine import Machine
from lab.emulation.ping import parse_ping, ping
from lab.errors import MachineError
from lab.results import PingResult

HERE, THERE = IPv4Address("10.0.0.1"), IPv4Address("192.168.0.5")
TWO = "192.168.0.5 : xmt/rcv/%loss = 2/2/0%, min/avg/max = 0.1/1001/2002"


@pytest.mark.parametrize(
    ("output", "status", "result"),
    [
        ("192.168.0.5 : xmt/rcv/%loss = 4/4/0%, min/avg/max = 0.039/12.5/248\n", 0, PingResult(4, 4, 12.5)),
        ("192.168.0.5 : xmt/rcv/%loss = 4/3/25%, min/avg/max = 1.20/3/4.10\n", 0, PingResult(4, 3, 3.0)),
        ("ICMP Host Unreachable from 10.0.0.9\n\n192.168.0.5 : xmt/rcv/%loss = 4/0/100%\n", 1, PingResult(4, 0, None)),
    ],
)
def test_statistics(output: str, status: int, result: PingResult) -> None:
    assert parse_ping(output, status) == result


@pytest.mark.parametrize(("output", "status"), [("fping: cannot bind source address", 4), ("", 1), ("nsenter: no such place", 1)])
def test_what_could_not_run_is_an_error(output: str, status: int) -> None:
    with pytest.raises(MachineError, match=f"fping failed with status {status}: {output}"):
        parse_ping(output, status)


@dataclass(frozen=True)
class Pretender:
    """A machine on which a script runs in fping's place."""

    script: str

    def popen(self, *_: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sh", "-c", self.script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    ("script", "result"),
    [
        pytest.param(f"echo one; sleep 3; echo '{TWO}' >&2", PingResult(2, 2, 1001), id="the second answer comes late"),
        pytest.param("exec sleep 60", PingResult(2, 0, None), id="no answer at all"),
    ],
)
def test_a_late_answer_is_waited_for_where_there_is_one_at_all(
    script: str, result: PingResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.emulation.ping, "SILENT_FOR", 2.0)
    assert ping(cast("Machine", Pretender(script)), HERE, THERE, count=2) == result
