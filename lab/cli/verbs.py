"""What the families of verbs share."""

from __future__ import annotations

import argparse
from typing import TypeAlias

from lab.errors import MachineError

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def require_machine() -> None:
    """Raises MachineError when no lab can run here."""
    from lab import doctor

    missing = [check for check in doctor.require_for_running() if not check.ok]
    if missing:
        raise MachineError("a lab cannot run here: " + "; ".join(f"{c.name}: {c.found}. {c.remedy}" for c in missing))
