"""What this machine and its kernel can do, what is missing, and how to get it.

    for check in checks(): …                    everything there is to know, for `saglab doctor`
    missing = [c for c in require_for_running() if not c.ok]    only what a lab cannot do without, in milliseconds

Nothing is printed here, and nothing is left behind.
"""

from __future__ import annotations

from lab.doctor import judges, kernel, machine, tools
from lab.doctor.check import Check

__all__ = ["Check", "checks", "require_for_running"]


def checks() -> list[Check]:
    """Every check, the required ones of each part first. Without root the kernel's features are not tried, and say so."""
    software = [*machine.software(), *tools.commands()]
    return [*machine.privileges(), *software, *kernel.features(), *machine.hardware(), *tools.drawing(), *judges.judges()]


def require_for_running() -> list[Check]:
    """The checks a lab cannot run without. One that is not `ok` is a reason to refuse; its `remedy` says the way out.

    Without root there is one check, root itself: nothing else could be told with certainty.
    """
    root = machine.privileges()
    if not all(check.ok for check in root):
        return root
    required = [*root, *machine.software(), *tools.commands(), *kernel.features(required_only=True)]
    return [check for check in required if check.required]
