"""How a dataplane ends: its exit status, and the reasons on standard error."""

from __future__ import annotations

import sys

from dataplane.config import ConfigError
from dataplane.errors import LocalError

ENDED = 0
FAILED = 1
CANNOT_START = 2


def complain(error: LocalError, status: int) -> int:
    """Write each reason on a line of its own, and return the status."""
    for line in error.errors if isinstance(error, ConfigError) else (error,):
        print(f"dataplane: {line}", file=sys.stderr, flush=True)
    return status
