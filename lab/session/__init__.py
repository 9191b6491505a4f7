"""A session: the lab that a scenario is given, and what it may expect of it."""

from __future__ import annotations

from lab.session.lab import Lab
from lab.session.reaching import blames

__all__ = ["Lab", "blames"]
