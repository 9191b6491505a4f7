"""What competes on the path: one of the dataplanes, and how it is started at both gateways."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from testbed.path import Path


@dataclass(frozen=True)
class Contender:
    """`start` brings the tunnel up on a path, apart from the time that it needs. `programs` is what it takes, and the package."""

    name: str
    what: str
    start: Callable[[Path], None]
    programs: tuple[str, ...] = ()
    package: str = ""
    version: Callable[[], str] = str

    @property
    def is_debian_peer(self) -> bool:
        return bool(self.package)

    @property
    def missing(self) -> list[str]:
        return [program for program in self.programs if shutil.which(program) is None]
