"""What a process holds open."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def open_files(process: subprocess.Popen[str]) -> Iterator[str]:
    """The targets of its descriptors, but for those that it closes meanwhile."""
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(link.readlink())
