"""What a gateway may ask of its own interfaces, so that the kernel hands it many packets at once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from lab.emulation.machine import Machine

FLUSH_TIMEOUT = 30000  # ns that the kernel may wait for the next packet of a flow
DEFERRED_IRQS = 2  # empty polls before the interface's interrupt is armed again


class Tuning(StrEnum):
    TUNED = "tuned"
    UNTUNED = "untuned"


def tune(gateway: Machine, interfaces: Sequence[str], tuning: Tuning) -> None:
    """Let both interfaces coalesce TCP and UDP, or leave them as the kernel makes them. Raises MachineError."""
    if tuning is Tuning.UNTUNED:
        return
    for interface in interfaces:
        gateway.run("ethtool", "-K", interface, "gro", "on", "rx-udp-gro-forwarding", "on")
        for name, value in (("gro_flush_timeout", FLUSH_TIMEOUT), ("napi_defer_hard_irqs", DEFERRED_IRQS)):
            gateway.run("tee", f"/sys/class/net/{interface}/{name}", stdin=str(value))
