"""A ping, and its result as numbers."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from lab.emulation.machine import Machine
from lab.errors import MachineError
from lab.results import PingResult

_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) received")
_ROUND_TRIP = re.compile(r"= ([\d.]+)/([\d.]+)/([\d.]+)/")


def ping(
    machine: Machine, source: IPv4Address, destination: IPv4Address, *, count: int, interval: float = 0.2, size: int = 56
) -> PingResult:
    """Send `count` echo requests of `size` payload bytes from `source`, and wait at most a second for an answer.

    Once one has come, ping waits for the last one no longer than two round trips or the interval, whichever is more: on a busy
    machine a short interval loses echoes.
    """
    process = machine.popen(
        "ping", "-n", "-c", str(count), "-i", str(interval), "-W", "1", "-s", str(size), "-I", str(source), str(destination)
    )
    out, err = process.communicate(timeout=count * interval + 30)
    return parse_ping(out.decode(), err.decode(), process.returncode)


def parse_ping(out: str, err: str, status: int) -> PingResult:
    """Read the statistics that iputils' ping prints. Its status is 0 with answers, 1 without, 2 when it could not run."""
    counts = _COUNTS.search(out)
    if status not in (0, 1) or counts is None:
        raise MachineError(f"ping failed with status {status}: {err.strip() or out.strip()}")
    times = _ROUND_TRIP.search(out)
    return PingResult(int(counts[1]), int(counts[2]), float(times[2]) if times else None)
