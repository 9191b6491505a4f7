"""A ping, and its result as numbers."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from lab.emulation.machine import Machine
from lab.errors import MachineError
from lab.results import PingResult

INTERVAL = 0.3
"""Seconds between two requests. Our choice: ping waits for the last answer no longer than that, or two round trips, so that a
machine that is busy for a moment would lose echoes with a shorter one.
"""

_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) received")
_ROUND_TRIP = re.compile(r"= ([\d.]+)/([\d.]+)/([\d.]+)/")


def ping(machine: Machine, source: IPv4Address, destination: IPv4Address, *, count: int, size: int = 56) -> PingResult:
    """Send `count` echo requests of `size` payload bytes from `source`, and wait at most a second for the first answer."""
    process = machine.popen(
        "ping", "-n", "-c", str(count), "-i", str(INTERVAL), "-W", "1", "-s", str(size), "-I", str(source), str(destination)
    )
    out, err = process.communicate(timeout=count * INTERVAL + 30)
    return parse_ping(out.decode(), err.decode(), process.returncode)


def parse_ping(out: str, err: str, status: int) -> PingResult:
    """Read the statistics that iputils' ping prints. Its status is 0 with answers, 1 without, 2 when it could not run."""
    counts = _COUNTS.search(out)
    if status not in (0, 1) or counts is None:
        raise MachineError(f"ping failed with status {status}: {err.strip() or out.strip()}")
    times = _ROUND_TRIP.search(out)
    return PingResult(int(counts[1]), int(counts[2]), float(times[2]) if times else None)
