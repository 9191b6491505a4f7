"""What points of presence count for each client, in files that outlive them."""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from dataplane.errors import LocalError
from dataplane.meters import Reading, read_meters
from lab.emulation.sandbox import RUNTIME
from lab.errors import MachineError

_SUFFIX = ".meters"


class MeterFiles:
    """Files in one directory, which without one is made for the time until `close`."""

    def __init__(self, directory: Path | None) -> None:
        self._is_temporary = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="meters", dir=RUNTIME))

    def totals(self) -> dict[str, Reading]:
        """What has been counted under each name in all files, also those of points of presence that are gone.

        Raises MachineError for a file that is none of ours.
        """
        found: dict[str, Reading] = defaultdict(Reading)
        for path in sorted(self.directory.glob(f"*{_SUFFIX}")):
            for name, reading in _read(path).items():
                found[name] += reading
        return dict(found)

    def close(self) -> None:
        if self._is_temporary:
            shutil.rmtree(self.directory)


def meters_path(directory: Path, name: str) -> Path:
    return directory / f"{name}{_SUFFIX}"


def _read(path: Path) -> dict[str, Reading]:
    """Whoever counts in it goes on meanwhile."""
    if not path.stat().st_size:
        return {}  # its maker was killed before it wrote anything
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return read_meters(memoryview(content))
    except LocalError as error:
        raise MachineError(f"{path}: {error}") from error
