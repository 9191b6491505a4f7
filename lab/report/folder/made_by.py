"""By what a run was made: versions, the machine, the seed by which it can be repeated."""

from __future__ import annotations

import platform
import time
from importlib import metadata

from lab.report.folder.chronicle import Chronicle

_PACKAGES = ("saglab", "cryptography", "mininet")


def made_by(chronicle: Chronicle, *, simulated: bool) -> dict[str, str]:
    """In the order in which a reader looks for it. Times are UTC."""
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(chronicle.began)),
        "how": "simulated: packets were walked in memory" if simulated else "emulated: packets were sent",
        "seed": chronicle.lab.clouds.seed.hex(),
        **{package: _version(package) for package in _PACKAGES},
        "Python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
