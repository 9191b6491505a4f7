"""What is wrong with a lab file: every error at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.errors import UsageError


@dataclass(frozen=True, order=True, slots=True)
class FileError:
    """`line` and `column` count from 1; `message` names the thing, the value, the rule and the way out."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class InvalidFile(UsageError):
    """A lab file that describes no network. `errors` are all that were found, in the order of the file."""

    def __init__(self, errors: Iterable[FileError]) -> None:
        self.errors = tuple(sorted(set(errors)))
        count = "1 error" if len(self.errors) == 1 else f"{len(self.errors)} errors"
        super().__init__("\n".join([f"{self.errors[0].file} has {count}:", *map(str, self.errors)]))
