"""The command `saglab`: a file for each verb or family of verbs, put together in `parser`."""

from __future__ import annotations

from lab.cli.command_line import main, main_of_scenario
from lab.cli.scenarios import find_scenario

__all__ = ["find_scenario", "main", "main_of_scenario"]
