"""From a checked file to calls on the two clouds, and to what is expected of them."""

from __future__ import annotations

from lab.files.build.builder import Built, Expected, build
from lab.files.build.pair import build_pair

__all__ = ["Built", "Expected", "build", "build_pair"]
