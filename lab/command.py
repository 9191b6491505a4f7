"""The entry of the command `saglab`: small, so that an interrupt is answered decently even while the rest is being loaded."""

from __future__ import annotations

import signal
import sys
from types import FrameType

INTERRUPTED = 2  # as wrong usage: nothing can be said about the network


def main() -> int:
    """Load the command line and run it."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        from lab.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("saglab: interrupted", file=sys.stderr)
        return INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
