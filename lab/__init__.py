"""saglab: rehearse a hybrid AWS and Alibaba Cloud network with real packets.

The public face: what scenarios and your own scripts import. A name is loaded when it is first asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.cloud import CloudError
    from lab.cloud.alibaba import SystemEvent
    from lab.cloud.alibaba.app.usage import MeterReading
    from lab.connection import connect
    from lab.diagnosis import Check
    from lab.reasons import Reason
    from lab.results import Abnormal, Dies, Effect, Finds, Refused, Shows
    from lab.session import Lab
    from lab.status import StatusKind
    from lab.topology import NodeKind, Software

__all__ = [
    "Abnormal",
    "Check",
    "CloudError",
    "Dies",
    "Effect",
    "Finds",
    "Lab",
    "MeterReading",
    "NodeKind",
    "Reason",
    "Refused",
    "Shows",
    "Software",
    "StatusKind",
    "SystemEvent",
    "connect",
    "main",
]

_HOMES = {
    "Abnormal": "lab.results",
    "Check": "lab.diagnosis",
    "CloudError": "lab.cloud",
    "Dies": "lab.results",
    "Effect": "lab.results",
    "Finds": "lab.results",
    "Lab": "lab.session",
    "MeterReading": "lab.cloud.alibaba.app.usage",
    "NodeKind": "lab.topology",
    "Reason": "lab.reasons",
    "Refused": "lab.results",
    "Shows": "lab.results",
    "Software": "lab.topology",
    "StatusKind": "lab.status",
    "SystemEvent": "lab.cloud.alibaba",
    "connect": "lab.connection",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lab' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def main() -> None:
    """Run the scenario that is the main module as `saglab run` does, with its options: the last line of a scenario."""
    from lab.cli import main_of_scenario  # only when a scenario is run by itself

    sys.exit(main_of_scenario())
