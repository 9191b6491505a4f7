"""The files that a run writes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.listener import Listener, Listeners
from lab.report.machine import to_json, to_junit
from lab.results import RunResult

if TYPE_CHECKING:
    from lab.report.folder import Chronicle
    from lab.session import Lab

Place = tuple[int | None, str]  # an open directory, where the system can hold one open, and a name in it


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
        self._files = [(self._place(Path(name)), write) for name, write in files if name and name != "-"]
        self._chronicle: Chronicle | None = None
        self._folder: dict[str, Place] = {}
        if options.report is not None:
            self._open_folder(options.report)

    def _open_folder(self, path: Path) -> None:
        from lab.report.folder import FILES, Chronicle

        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write a report into {path}: {error.strerror}") from error
        self._chronicle = Chronicle()
        self._folder = {name: self._place(path / name) for name in FILES}

    def _place(self, path: Path) -> Place:
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

    def listener(self, listener: Listener) -> Listener:
        """It, and beside it who notes what goes into the report."""
        return listener if self._chronicle is None else Listeners(listener, self._chronicle)

    def tell_of(self, lab: Lab) -> None:
        """The lab that is about to run."""
        if self._chronicle is not None:
            self._chronicle.lab = lab

    def write(self, result: RunResult, *, simulated: bool) -> None:
        for place, render in self._files:
            _write(place, render(result))
        if self._chronicle is not None:
            from lab.report.folder import contents

            for name, content in contents(self._chronicle, simulated=simulated).items():
                _write(self._folder[name], content)
        if self.json_on_stdout:
            print(to_json(result), end="")


def _write(place: Place, content: str) -> None:
    directory, name = place
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=directory)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(content)
