"""A ping that goes on while something is done to the network, and what of it was not answered."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

INTERVAL = 0.01  # seconds between two echo requests, and between two looks
PATIENCE = 60.0  # seconds to wait for a few answers; an emulated machine is slow


class SteadyPing:
    """Starts at once. `command` is what stands before `ping`, to run it elsewhere; `log` takes what it prints."""

    def __init__(self, log: Path, destination: str, command: Sequence[str] = (), interval: float = INTERVAL) -> None:
        self._log = log
        words = [*command, "ping", "-n", "-i", str(interval), destination]
        with log.open("wb") as file:
            self._process = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT)
        self.more(1)

    def answered(self) -> list[int]:
        """The numbers of the echoes that were answered, in the order of the answers."""
        return [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl=", self._log.read_text())]

    def more(self, count: int) -> None:
        """Wait until so many more are answered. Raises TimeoutError."""
        target = len(self.answered()) + count
        deadline = time.monotonic() + PATIENCE
        while len(self.answered()) < target:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TimeoutError(f"{target} echoes were not answered: {self._log.read_text()[-300:]}")
            time.sleep(INTERVAL)

    def end(self) -> str:
        """Stop, and say what was lost before the last answer, and what was answered twice."""
        self.more(5)
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)
        answered = self.answered()
        lost = set(range(1, max(answered) + 1)) - set(answered)
        return f"{len(lost)} lost, {len(answered) - len(set(answered))} twice"
