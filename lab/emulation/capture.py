"""tcpdump on an interface of a node: listening before anything passes, ended once everything is written."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass

from lab.errors import MachineError

_STARTS_WITHIN = 10.0  # seconds
_DRAINS_WITHIN = 2.0
_BUFFER = 8192  # KiB that the kernel may hold for it; our choice, four times tcpdump's own
_COUNTS = re.compile(rb"(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel")
_DROPPED = re.compile(rb"(\d+) packets? dropped by kernel")


@dataclass(frozen=True, slots=True)
class Point:
    """Where to listen. `entry` is what to put before a command to run it in the node."""

    name: str
    entry: tuple[str, ...]
    interface: str


class Capture:
    """tcpdump at one point, writing a pcap with nanoseconds. `wait_until_listening` comes first, then `stop`.

    `fd` is the open file that takes the pcap: the lab has mounts of its own, so a path would not be enough.
    """

    def __init__(self, point: Point, fd: int) -> None:
        self.point = point
        options = ["--immediate-mode", "-U", "-n", "-p", "-s", "0", "-B", str(_BUFFER), "--time-stamp-precision=nano"]
        self._process = subprocess.Popen(
            [*point.entry, "tcpdump", *options, "-i", point.interface, "-w", "-"],
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=subprocess.PIPE,
            start_new_session=True,  # out of reach of the terminal's Ctrl-C
        )

    def wait_until_listening(self) -> None:
        """Raises MachineError when it does not start."""
        said = b""
        while b"listening on" not in said:
            piece = self._hear(_STARTS_WITHIN)
            if not piece:
                told = said.decode(errors="replace").strip()
                raise MachineError(f"tcpdump did not start at {self.point.name}: {told}")
            said += piece

    def wait(self) -> None:
        """Return once it has ended by itself."""
        self._process.wait()

    def stop(self) -> int:
        """End it, once it has written what the kernel holds for it: what is unread when tcpdump is interrupted is lost.

        Returns how many packets it missed.
        """
        self._wait_until_written()
        self._signal(signal.SIGINT)
        _, said = self._process.communicate()
        return max((int(number) for number in _DROPPED.findall(said)), default=0)

    def _wait_until_written(self) -> None:
        """Ask for its counts until as many packets are written as were seen. One that does not answer in time has ended."""
        deadline = time.monotonic() + _DRAINS_WITHIN
        said = b""
        while time.monotonic() < deadline:
            self._signal(signal.SIGUSR1)  # tcpdump(1): report the counts and go on
            piece = self._hear(_DRAINS_WITHIN)
            if not piece:
                return
            said += piece
            counts = _COUNTS.findall(said)
            if counts and int(counts[-1][0]) + int(counts[-1][2]) >= int(counts[-1][1]):
                return

    def _signal(self, number: signal.Signals) -> None:
        """To its whole process group: what entered the node for it may still stand before it."""
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self._process.pid, number)

    def _hear(self, within: float) -> bytes:
        """What it says next; nothing when it ends or says nothing in time."""
        assert self._process.stderr is not None  # noqa: S101 - made with a pipe
        ready, _, _ = select.select([self._process.stderr], [], [], within)
        return os.read(self._process.stderr.fileno(), 4096) if ready else b""
