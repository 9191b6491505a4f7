"""How long keys are used: when they are replaced, and when they are not used any more whatever happens.

Wear is the part of a cipher's limits that a key has behind it: those under which the cipher's security proofs hold. They are
never reached: keys are replaced long before.
"""

from __future__ import annotations

from dataclasses import dataclass

WORN = 0.5
"""Wear at which keys are replaced. Our choice: a rekey that fails for hours still ends in time."""

WORN_OUT = 1.0  # the limit of the cipher, beyond which the association itself seals and opens nothing

JITTER = 0.1
"""Part of a lifetime by which it is shortened at random, so that two ends seldom rekey at once (RFC 7296 §2.8.1). Our choice."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds: keys are replaced after the first, and not used after the second. Our choice."""

    child: float = 120.0
    child_hard: float = 180.0
    ike: float = 3600.0
    ike_hard: float = 4200.0


def jittered(seconds: float, fraction: float) -> float:
    """A lifetime made shorter by up to JITTER of it; `fraction` from 0 to 1 is drawn at random."""
    return seconds * (1 - JITTER * fraction)
