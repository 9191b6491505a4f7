"""The files that a run writes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lab.errors import UsageError
from lab.report.machine import to_json, to_junit
from lab.results import RunResult


class Outputs:
    """The files a run is to write: checked before it starts, written at its end.

    Directories are held open where the system can, because the lab has mounts of its own. Raises UsageError when one cannot be
    written to.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.json_on_stdout = options.json == "-"
        if self.json_on_stdout and options.keep:
            raise UsageError("--json - and --keep both want standard output; give --json a file")
        files = [(options.json, to_json), (options.junit, to_junit)]
        self._files = [(*self._place(Path(name)), write) for name, write in files if name and name != "-"]

    def _place(self, path: Path) -> tuple[int | None, str]:
        if os.open not in os.supports_dir_fd:
            directory, name = None, str(path.absolute())
        else:
            try:
                directory, name = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY), path.name
            except OSError as error:
                raise UsageError(f"cannot write {path}: {error.strerror}") from error
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UsageError(f"cannot write {path}: it is a directory, or not writable")
        return directory, name

    def write(self, result: RunResult) -> None:
        for directory, name, render in self._files:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=directory)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(render(result))
        if self.json_on_stdout:
            print(to_json(result), end="")
