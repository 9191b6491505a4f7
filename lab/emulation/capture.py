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
_DRAINS_WITHIN = 5.0  # the kernel hands over what it has gathered at least once a second
_ASKED_EVERY = 0.02
_BUFFER = 8192
"""KiB that the kernel may hold for it. Our choice, four times tcpdump's own. In tcpdump's immediate mode each packet would take
the room of the longest that there may be, and a burst of more than 16 would be lost; so what passes is written up to two seconds
later.
"""

_COUNTS = re.compile(rb"(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel")
_DROPPED = re.compile(rb"(\d+) packets? dropped by kernel")


@dataclass(frozen=True, slots=True)
class Point:
    """Where to listen. `entry` is what to put before a command to run it in the node."""

    name: str
    entry: tuple[str, ...]
    interface: str

    def index(self) -> int:
        """The number of the interface in its node. Raises MachineError."""
        file = f"/sys/class/net/{self.interface}/ifindex"
        told = subprocess.run([*self.entry, "cat", file], capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise MachineError(f"{self.name} is not there: {told.stderr.strip()}")
        return int(told.stdout)

    def has_node(self) -> bool:
        """Whether there is still a node to enter."""
        return subprocess.run([*self.entry, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


class Capture:
    """tcpdump at one point, writing a pcap with nanoseconds. `wait_until_listening` comes first, then `stop`.

    `fd` is the open file that takes the pcap: the lab has mounts of its own, so a path would not be enough. `lifeline` is a
    descriptor that is readable once tcpdump has ended by itself.
    """

    def __init__(self, point: Point, fd: int) -> None:
        self.point = point
        options = ["-U", "-n", "-p", "-s", "0", "-B", str(_BUFFER), "--time-stamp-precision=nano"]
        self._process = subprocess.Popen(
            [*point.entry, "tcpdump", *options, "-i", point.interface, "-w", "-"],
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=subprocess.PIPE,
            start_new_session=True,  # out of reach of the terminal's Ctrl-C
        )
        self.lifeline = os.pidfd_open(self._process.pid)

    def wait_until_listening(self) -> None:
        """Raises MachineError when it does not start."""
        said = b""
        while b"listening on" not in said:
            piece = self._hear(_STARTS_WITHIN)
            if not piece:
                told = said.decode(errors="replace").strip()
                raise MachineError(f"tcpdump did not start at {self.point.name}: {told}")
            said += piece

    def stop(self) -> int:
        """End it, once it has written what the kernel holds for it: what is unread when tcpdump is interrupted is lost.

        Returns how many packets it missed.
        """
        self._wait_until_written()
        self._signal(signal.SIGINT)
        _, said = self._process.communicate()
        os.close(self.lifeline)
        return max((int(number) for number in _DROPPED.findall(said)), default=0)

    def _wait_until_written(self) -> None:
        """Ask for its counts until as many packets are written as had been seen at first. One that does not answer has ended."""
        deadline, seen = time.monotonic() + _DRAINS_WITHIN, None
        while time.monotonic() < deadline:
            self._signal(signal.SIGUSR1)  # tcpdump(1): report the counts and go on
            said = self._hear(_DRAINS_WITHIN)
            if not said:
                return
            for captured, received, dropped in (map(int, counts) for counts in _COUNTS.findall(said)):
                seen = received if seen is None else seen
                if captured + dropped >= seen:
                    return
            time.sleep(_ASKED_EVERY)

    def _signal(self, number: signal.Signals) -> None:
        """To its whole process group: what entered the node for it may still stand before it."""
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self._process.pid, number)

    def _hear(self, within: float) -> bytes:
        """What it says next; nothing when it ends or says nothing in time."""
        assert self._process.stderr is not None  # noqa: S101 - made with a pipe
        ready, _, _ = select.select([self._process.stderr], [], [], within)
        return os.read(self._process.stderr.fileno(), 4096) if ready else b""
