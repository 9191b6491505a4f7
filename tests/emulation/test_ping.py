"""What fping prints, as numbers."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.emulation.ping import ANSWERED_WITHIN, INTERVAL, parse_ping, ping_command
from lab.errors import MachineError
from lab.results import PingResult

HERE, THERE = IPv4Address("10.0.0.1"), IPv4Address("192.168.0.5")


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


def test_an_answer_may_come_later_than_the_next_request() -> None:
    numbers = ["-c", "3", "-p", str(INTERVAL), "-t", str(ANSWERED_WITHIN), "-b", "1000"]
    command = ping_command(HERE, THERE, count=3, size=1000)
    assert command == ["fping", "-q", *numbers, "-S", "10.0.0.1", "192.168.0.5"]
    assert ANSWERED_WITHIN > INTERVAL
