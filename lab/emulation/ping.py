"""A ping, and its result as numbers."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from lab.emulation.machine import Machine
from lab.errors import MachineError
from lab.results import PingResult

AT_ONCE = 16
"""Requests. Our choice: few enough for the queue of an address that is only being resolved."""

_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) received")
_ROUND_TRIP = re.compile(r"= ([\d.]+)/([\d.]+)/([\d.]+)/")


def ping(machine: Machine, source: IPv4Address, destination: IPv4Address, *, count: int, size: int = 56) -> PingResult:
    """Send `count` echo requests of `size` payload bytes from `source`, and wait a second for those that are not answered.

    The first AT_ONCE go together, the others one a second: ping waits for the last answer no longer than two round trips or the
    interval between the requests, so that with a short one a machine that is busy for a moment would lose echoes.
    """
    process = machine.popen(
        "ping", "-n", "-c", str(count), "-l", str(min(count, AT_ONCE)), "-W", "1", "-s", str(size),
        "-I", str(source), str(destination),
    )  # fmt: skip
    out, err = process.communicate(timeout=count + 30)
    return parse_ping(out.decode(), err.decode(), process.returncode)


def parse_ping(out: str, err: str, status: int) -> PingResult:
    """Read the statistics that iputils' ping prints. Its status is 0 with answers, 1 without, 2 when it could not run."""
    counts = _COUNTS.search(out)
    if status not in (0, 1) or counts is None:
        raise MachineError(f"ping failed with status {status}: {err.strip() or out.strip()}")
    times = _ROUND_TRIP.search(out)
    return PingResult(int(counts[1]), int(counts[2]), float(times[2]) if times else None)
