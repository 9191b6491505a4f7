"""A ping, and its result as numbers."""

from __future__ import annotations

import re
import subprocess
from ipaddress import IPv4Address

from lab.emulation.machine import Machine
from lab.errors import MachineError
from lab.results import PingResult

# Our choices, in seconds. Each answer is waited for much longer than a busy machine takes, where there is one at all: a virtual
# processor may stand still for more than a second. That is why it is fping: iputils' ping waits for the last answers no longer
# than its interval.
INTERVAL = 0.3
ANSWERED_WITHIN = 5.0
SILENT_FOR = 1.5  # after the last request, when nothing has been answered

_STATISTICS = re.compile(r" = (\d+)/(\d+)/\d+%(?:, min/avg/max = [\d.]+/([\d.]+)/)?")
_MOST = 30.0  # seconds more than all of that; then fping hangs


def ping(
    machine: Machine, source: IPv4Address, destination: IPv4Address, *, count: int, size: int = 56, interval: float = INTERVAL
) -> PingResult:
    """Send `count` echo requests of `size` payload bytes from `source`, and wait for the answers. Raises MachineError."""
    numbers = {"-c": count, "-p": round(1000 * interval), "-t": round(1000 * ANSWERED_WITHIN), "-b": size}
    options = [word for option, number in numbers.items() for word in (option, str(number))]
    process = machine.popen("fping", *options, "-S", str(source), str(destination))
    sent_after = (count - 1) * interval
    try:
        out, err = process.communicate(timeout=sent_after + SILENT_FOR)
    except subprocess.TimeoutExpired as late:
        if not late.output:  # it has a line for each answer, and for each request that is given up
            process.terminate()
            process.communicate()
            return PingResult(count, 0, None)
        out, err = process.communicate(timeout=ANSWERED_WITHIN + _MOST)
    return parse_ping((out + err).decode(), process.returncode)


def parse_ping(output: str, status: int) -> PingResult:
    """Read the statistics that fping prints. Its status is 0 with answers, 1 without, more when it could not run."""
    found = _STATISTICS.search(output)
    if status not in (0, 1) or found is None:
        raise MachineError(f"fping failed with status {status}: {output.strip()}")
    return PingResult(int(found[1]), int(found[2]), float(found[3]) if found[3] else None)
