"""A ping, and its result as numbers."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from lab.emulation.machine import Machine
from lab.errors import MachineError
from lab.results import PingResult

INTERVAL = 300
ANSWERED_WITHIN = 1500
"""Milliseconds between two requests, and that each answer is waited for. Our choices: the latter is long enough for a machine
that is busy for a moment. iputils' ping has no such limit: it waits for the last answers no longer than the interval, or for two
round trips.
"""

_STATISTICS = re.compile(r" = (\d+)/(\d+)/\d+%(?:, min/avg/max = [\d.]+/([\d.]+)/)?")


def ping(machine: Machine, source: IPv4Address, destination: IPv4Address, *, count: int, size: int = 56) -> PingResult:
    """Send `count` echo requests of `size` payload bytes from `source`, and wait for the answers."""
    process = machine.popen(*ping_command(source, destination, count=count, size=size))
    out, err = process.communicate(timeout=count * INTERVAL / 1000 + 30)
    return parse_ping((out + err).decode(), process.returncode)


def ping_command(
    source: IPv4Address, destination: IPv4Address, *, count: int, size: int = 56, interval: int = INTERVAL
) -> list[str]:
    """The command whose output `parse_ping` reads."""
    numbers = {"-c": count, "-p": interval, "-t": ANSWERED_WITHIN, "-b": size}
    options = [word for option, number in numbers.items() for word in (option, str(number))]
    return ["fping", "-q", *options, "-S", str(source), str(destination)]


def parse_ping(output: str, status: int) -> PingResult:
    """Read the statistics that fping prints. Its status is 0 with answers, 1 without, more when it could not run."""
    found = _STATISTICS.search(output)
    if status not in (0, 1) or found is None:
        raise MachineError(f"fping failed with status {status}: {output.strip()}")
    return PingResult(int(found[1]), int(found[2]), float(found[3]) if found[3] else None)
