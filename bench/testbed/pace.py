"""Packets at an even pace, for a sender that may be late and then makes up for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

_NAP = 0.0005  # seconds


def leave_to_gateway() -> None:
    """Keep off the last processor, which is the gateway p's, where there is another."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, processors[:-1] or processors)


def paced(rate: float, seconds: float) -> Iterator[range]:
    """The numbers of the packets that are due, `rate` a second for so many seconds."""
    began, number = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * rate)
        if due > number:
            yield range(number, due)
            number = due
        time.sleep(_NAP)
