"""How long keys are used: when they are replaced, and when they are not used any more whatever happens.

The limits of a cipher are those under which its security proofs hold. They are never reached: keys are replaced long before.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataplane.esp import LAST_SEQUENCE
from dataplane.suites import Suite

GCM_PACKETS = 2**28  # of up to 2^11 bytes each; research on the limits of AES-GCM, draft-irtf-cfrg-aead-limits
GCM_PACKET_LENGTH = 2**11
GCM_NAMES = frozenset({"aes-128-gcm", "aes-256-gcm"})

SOFT_SHARE = 0.5
"""Part of a cipher's limit at which its keys are replaced. Our choice: a rekey that fails for hours still ends in time."""

JITTER = 0.1
"""Part of a lifetime by which it is shortened at random, so that two ends seldom rekey at once (RFC 7296 §2.8.1). Our choice."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds: keys are replaced after the first, and not used after the second. Our choice."""

    child: float = 120.0
    child_hard: float = 180.0
    ike: float = 3600.0
    ike_hard: float = 4200.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What went through one child SA in the direction that was used more."""

    packets: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    packets: int
    bytes: int

    def exceeded(self, usage: Usage) -> bool:
        return usage.packets >= self.packets or usage.bytes >= self.bytes

    def soft(self) -> Limits:
        return Limits(int(self.packets * SOFT_SHARE), int(self.bytes * SOFT_SHARE))


def limits_of(cipher: Suite) -> Limits:
    """How much one key may protect. ESP without extended sequence numbers bounds every cipher."""
    packets = GCM_PACKETS if cipher.name in GCM_NAMES else LAST_SEQUENCE
    return Limits(packets, packets * GCM_PACKET_LENGTH)


def jittered(seconds: float, fraction: float) -> float:
    """A lifetime made shorter by up to JITTER of it; `fraction` from 0 to 1 is drawn at random."""
    return seconds * (1 - JITTER * fraction)
