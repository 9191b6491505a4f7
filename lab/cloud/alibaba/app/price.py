"""What instances and their traffic cost. The document gives no price, so the figures are ours; that they are tiered is its own.

Money is counted in cents of a currency of the lab's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lab.cloud.alibaba.app.resources import SagApp

# Our choice: 10⁹, as networks count, for the data plan as for the metrics (decision 0034).
GIGABYTE = 10**9
# Our choice, cents for each GB above the data plan.
OVERAGE = 80
_DAYS_A_MONTH = 30


@dataclass(frozen=True, slots=True)
class Tier:
    """The accounts up to the `last` one of an instance that no lower tier has cost `cents` each, a month."""

    last: int
    cents: int


TIERS: Sequence[Tier] = (Tier(20, 2000), Tier(100, 1800), Tier(500, 1500), Tier(1000, 1200))


def month_price(user_count: int) -> int:
    """Cents that so many accounts cost a month: each tier's accounts at its own price."""
    total, below = 0, 0
    for tier in TIERS:
        total += max(0, min(user_count, tier.last) - below) * tier.cents
        below = tier.last
    return total


def order_price(user_count: int | None, period: int, instance: SagApp | None, now: datetime) -> int:
    """Cents of an order: of its months, or, for an upgrade (0 months), of the accounts that are added for the days that are left.

    Without a number of accounts an instance keeps its own.
    """
    if instance is None:
        return month_price(user_count or 0) * period
    if period:
        return month_price(user_count or instance.user_count) * period
    added = month_price(user_count or 0) - month_price(instance.user_count)
    return added * max(0, (instance.expires_at - now).days) // _DAYS_A_MONTH


def overage_price(over: int) -> int:
    """Cents for so many bytes above the data plan, counted by the byte and rounded up."""
    return -(-over * OVERAGE // GIGABYTE)
