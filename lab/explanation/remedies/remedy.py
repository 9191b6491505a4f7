"""What a remedy is."""

from __future__ import annotations

from lab.explanation.call import Call

Remedy = tuple[Call, ...]
