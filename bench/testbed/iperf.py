"""TCP by iperf3, from a to b."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from lab.errors import MachineError
from testbed.path import B, Path

STREAMS: Mapping[str, tuple[str, ...]] = {
    "tcp": (),
    "tcp_4": ("--parallel", "4"),
    "tcp_reverse": ("--reverse",),
    "tcp_both": ("--bidir",),
}


def throughput(path: Path, kind: str, seconds: float) -> float:
    """Gbit/s received, both directions together where there are two. Raises MachineError."""
    with Server(path):
        return received(json.loads(client(path, kind, seconds).communicate()[0]))


def client(path: Path, kind: str, seconds: float) -> subprocess.Popen[bytes]:
    """A running client, whose output is its report."""
    process: subprocess.Popen[bytes] = path.a.popen(
        "iperf3", "--client", B, "--json", "--time", f"{seconds:g}", *STREAMS[kind], stdin=subprocess.DEVNULL
    )
    return process


def received(report: Mapping[str, Any]) -> float:
    """Gbit/s, read from a client's report. Raises MachineError when there was an error, or too short a connection."""
    if "error" in report:
        raise MachineError(f"iperf3: {report['error']}")
    sums = (report["end"].get(name) for name in ("sum_received", "sum_received_bidir_reverse"))
    return float(sum(total["bits_per_second"] for total in sums if total)) / 1e9


class Server:
    """An iperf3 server on b, which listens once it is entered."""

    def __init__(self, path: Path) -> None:
        self._process: subprocess.Popen[bytes] = path.b.popen("iperf3", "--server", "--forceflush", stdin=subprocess.DEVNULL)

    def __enter__(self) -> Server:
        assert self._process.stdout is not None  # noqa: S101 - made with a pipe
        for line in self._process.stdout:
            if b"listening" in line:
                return self
        raise MachineError(f"iperf3 did not start: {self._process.communicate()[1].decode(errors='replace').strip()}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()
