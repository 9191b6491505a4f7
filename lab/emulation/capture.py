"""A packet capture on an interface of a node, written to a file of the user's."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time

from lab.emulation.machine import Machine
from lab.errors import MachineError

_STARTS_WITHIN = 10.0  # seconds
_DRAINS_WITHIN = 2.0
_COUNTS = re.compile(rb"(\d+) packets? captured, (\d+) packets? received by filter")


class Capture:
    """tcpdump on one interface. It listens when the constructor returns; `stop` writes out what it holds.

    `fd` is the open file that takes the pcap: the lab has mounts of its own, so a path would not be enough.
    """

    def __init__(self, machine: Machine, interface: str, fd: int) -> None:
        self._process: subprocess.Popen[bytes] = machine.popen(
            ["tcpdump", "--immediate-mode", "-U", "-n", "-p", "-s", "0", "-i", interface, "-w", "-"],
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=subprocess.PIPE,
        )
        self._wait_until_listening(machine, interface)

    def _wait_until_listening(self, machine: Machine, interface: str) -> None:
        said = b""
        while b"listening on" not in said:
            piece = self._hear(_STARTS_WITHIN)
            if not piece:
                raise MachineError(
                    f"tcpdump did not start on {machine.name}:{interface}: {said.decode(errors='replace').strip()}"
                )
            said += piece

    def stop(self) -> None:
        """End it, once it has written what the kernel holds for it: what is unread when tcpdump is interrupted is lost."""
        self._wait_until_written()
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()

    def _wait_until_written(self) -> None:
        """Ask for its counts until as many packets are written as were seen. One that does not answer in time has ended."""
        deadline = time.monotonic() + _DRAINS_WITHIN
        said = b""
        while time.monotonic() < deadline:
            self._process.send_signal(signal.SIGUSR1)  # tcpdump(1): report the counts and go on
            piece = self._hear(_DRAINS_WITHIN)
            if not piece:
                return
            said += piece
            counts = _COUNTS.findall(said)
            if counts and counts[-1][0] == counts[-1][1]:
                return

    def _hear(self, within: float) -> bytes:
        """What it says next; nothing when it ends or says nothing in time."""
        assert self._process.stderr is not None  # noqa: S101 - made with a pipe
        ready, _, _ = select.select([self._process.stderr], [], [], within)
        return os.read(self._process.stderr.fileno(), 4096) if ready else b""
