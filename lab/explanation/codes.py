"""Every code that a packet may die of."""

from __future__ import annotations

from lab.reasons import Reason
from lab.simulation import Drop

CODES = (*map(str, Reason), *map(str, Drop))
