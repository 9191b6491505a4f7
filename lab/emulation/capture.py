"""A packet capture on an interface of a node, written to a file of the user's."""

from __future__ import annotations

import os
import select
import signal
import subprocess

from lab.emulation.machine import Machine
from lab.errors import MachineError

_STARTS_WITHIN = 10.0  # seconds


class Capture:
    """tcpdump on one interface. It listens when the constructor returns; `stop` writes out what it holds.

    `fd` is the open file that takes the pcap: the lab has mounts of its own, so a path would not be enough.
    """

    def __init__(self, machine: Machine, interface: str, fd: int) -> None:
        self._process: subprocess.Popen[bytes] = machine.popen(
            ["tcpdump", "-U", "-n", "-p", "-s", "0", "-i", interface, "-w", "-"],
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=subprocess.PIPE,
        )
        self._wait_until_listening(machine, interface)

    def _wait_until_listening(self, machine: Machine, interface: str) -> None:
        assert self._process.stderr is not None  # noqa: S101 - made with a pipe
        said = b""
        while b"listening on" not in said:
            ready, _, _ = select.select([self._process.stderr], [], [], _STARTS_WITHIN)
            piece = os.read(self._process.stderr.fileno(), 4096) if ready else b""
            if not piece:
                raise MachineError(
                    f"tcpdump did not start on {machine.name}:{interface}: {said.decode(errors='replace').strip()}"
                )
            said += piece

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()
