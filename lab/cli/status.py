"""The exit statuses of the command (decision 0012)."""

from __future__ import annotations

PASSED, FAILED, UNUSABLE = 0, 1, 2

EXIT_CODES = "Exit status: 0 passed, 1 an expectation failed, 2 wrong usage or environment, or interrupted."
