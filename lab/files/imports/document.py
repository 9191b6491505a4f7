"""What the providers' command-line tools print, as it lies in a directory, and what becomes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.errors import UsageError
from lab.files.schema.base import NAME

Json = dict[str, Any]


@dataclass
class Imported:
    """The content of a lab file, and what of the source is not in it, in words: nothing is dropped in silence."""

    content: Json
    left_out: list[str] = field(default_factory=list)

    def leave_out(self, text: str) -> None:
        if text not in self.left_out:
            self.left_out.append(text)


class Documents:
    """The JSON documents of a directory. Of what stands in several, all are taken, each thing once."""

    def __init__(self, directory: Path) -> None:
        """Raises UsageError for a directory that has none, and for what is no JSON."""
        if not directory.is_dir():
            raise UsageError(f"{directory} is no directory; give the one that holds the JSON files")
        self._documents = [(path, _read(path)) for path in sorted(directory.glob("*.json"))]
        if not self._documents:
            raise UsageError(f"there is no .json file in {directory}; save there what the describe commands print")
        self.keys = {key for _, document in self._documents for key in document}

    def all(self, key: str, inner: str = "") -> list[Json]:
        """Everything that any document lists under a key (or under a key inside it)."""
        found: dict[str, Json] = {}
        for path, document in self._documents:
            for item in _listed(path, document.get(key), inner):
                found[json.dumps(item, sort_keys=True)] = item
        return list(found.values())

    def lists(self, key: str) -> Iterator[tuple[str, list[Json]]]:
        """What stands under a key that nobody reads, if it is a list of things, or holds one: its name, and the things."""
        for _, document in self._documents:
            value = document.get(key)
            held = value.items() if isinstance(value, dict) else [(key, value)]
            for name, things in held:
                if isinstance(things, list) and all(isinstance(thing, dict) for thing in things):
                    yield name, things

    def documents_with(self, *keys: str) -> Iterator[Json]:
        """The documents that have all of these keys."""
        return (document for _, document in self._documents if all(key in document for key in keys))


def _read(path: Path) -> Json:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}:{error.colno}: no JSON: {error.msg}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path} holds no JSON object, as a describe command prints it")
    return value


def _listed(path: Path, value: object, inner: str) -> list[Json]:
    if inner and isinstance(value, dict):
        value = value.get(inner)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UsageError(f"{path}: this is not what a describe command prints; a list of objects is expected")
    return value


class Namer:
    """Names for a lab file: what people call things, made to fit, each once in its scope."""

    def __init__(self) -> None:
        self._taken: dict[str, set[str]] = {}
        self._names: dict[str, str] = {}

    def name(self, scope: str, id: str, wanted: str) -> str:
        """The name of a thing with this id; what it is called, or its id where it has no name."""
        if id not in self._names:
            self._names[id] = self._free(scope, fitting(wanted) or fitting(id))
        return self._names[id]

    def known(self, id: str) -> str | None:
        """The name that an id was given."""
        return self._names.get(id)

    def _free(self, scope: str, name: str) -> str:
        taken = self._taken.setdefault(scope, set())
        free = next(one for one in _numbered(name) if one not in taken)
        taken.add(free)
        return free


def fitting(text: str) -> str:
    """A text as a name of a lab file: other characters become dashes. Empty where nothing is left."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")
    return name if re.fullmatch(NAME, name) else ""


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1
