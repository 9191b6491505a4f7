"""The text of a lab file: its values, and at which line and column each of them stands.

YAML is read as its version 1.2 says (core schema), not 1.1: `no` and `on` are words, `22:22` is no number of seconds, and only
true and false are truth values. Anchors and aliases are understood; merge keys (`<<`) are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from lab.errors import UsageError
from lab.files.errors import FileError, InvalidFile

Trail = tuple[str | int, ...]  # the keys and places in lists that lead to a value
Value: TypeAlias = "dict[str | int, Value] | list[Value] | str | int | bool | None"

# Our choice: aliases can make a small file arbitrarily large.
MOST_VALUES = 1_000_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, many times as fast, where libyaml is there
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)  # YAML 1.2.2 §10.3.2
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, order=True, slots=True)
class Spot:
    """A place in a file, both counted from 1."""

    line: int
    column: int


class Source:
    """A file that was read. `name` is what a message calls it."""

    def __init__(self, name: str, text: str) -> None:
        """Raises InvalidFile for what is no YAML, or has a key twice."""
        self.name = name
        self._values: dict[Trail, Spot] = {}
        self._keys: dict[Trail, Spot] = {}
        self._mappings: set[Trail] = set()
        self._errors: list[FileError] = []
        self._open: set[int] = set()
        root = self._compose(text)
        self.value: Value = {} if root is None else self._value(root, ())
        if self._errors:
            raise InvalidFile(self._errors)

    @staticmethod
    def read(path: Path) -> Source:
        """Raises UsageError for a file that cannot be read, and InvalidFile."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"cannot read {path}: it is not UTF-8 ({error.reason} at byte {error.start})") from error
        return Source(str(path), text)

    def spot(self, trail: Trail) -> Spot:
        """Where a value begins, or, of one that is not there, that which it would stand in.

        What stands in its short form has no keys, and is found all the same.
        """
        found: Trail = ()
        for key in trail:
            if (*found, key) in self._values:
                found = (*found, key)
            elif found in self._mappings:
                break
        return self._values[found]

    def key_spot(self, trail: Trail) -> Spot:
        """Where the key of a value stands; of an element of a list, where the element does."""
        return self._keys.get(trail) or self.spot(trail)

    def has_key(self, trail: Trail) -> bool:
        return trail in self._keys

    def error(self, trail: Trail, message: str, *, at_key: bool = False) -> FileError:
        spot = self.key_spot(trail) if at_key else self.spot(trail)
        return FileError(self.name, spot.line, spot.column, message)

    def _compose(self, text: str) -> yaml.Node | None:
        self._values[()] = Spot(1, 1)
        try:
            return yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            raise InvalidFile([self._syntax_error(error, text)]) from None
        except yaml.reader.ReaderError as error:
            line, column = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
            message = f"not valid YAML: the character {error.character!r} is not allowed; remove it"
            raise InvalidFile([FileError(self.name, line, column, message)]) from None

    def _syntax_error(self, error: yaml.MarkedYAMLError, text: str) -> FileError:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        if text.split("\n")[line][column : column + 1] == "\t":
            why = "a tab stands here, and YAML indents with spaces; write two for each level"
        else:
            context = f", {error.context}" if error.context else ""
            why = f"{error.problem}{context}; check indentation, here and above, colons and quotes"
        return FileError(self.name, line + 1, column + 1, f"not valid YAML: {why}")

    def _value(self, node: yaml.Node, trail: Trail) -> Value:
        spot = self._values[trail] = _spot(node)
        if len(self._values) > MOST_VALUES:
            many = f"these are more than {MOST_VALUES:,} values; use fewer aliases"
            raise InvalidFile([FileError(self.name, spot.line, spot.column, many)])
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if id(node) in self._open:
            raise InvalidFile([FileError(self.name, spot.line, spot.column, "this holds itself, through an alias")])
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._value(item, (*trail, place)) for place, item in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has no fourth kind
            self._mappings.add(trail)
            return dict(self._pairs(node, trail))
        finally:
            self._open.discard(id(node))

    def _pairs(self, node: yaml.MappingNode, trail: Trail) -> Iterator[tuple[str | int, Value]]:
        for key_node, value_node in node.value:
            spot = _spot(key_node)
            key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if isinstance(key, bool) or not isinstance(key, (str, int)):
                self._add(spot, "a key is a word or a number; put it into quotes if it is to be one")
                continue
            if key == "<<" and not key_node.style:
                self._add(spot, "merge keys (<<) are not understood; repeat what is merged, or use an alias for a whole value")
                continue
            if (*trail, key) in self._keys:
                self._add(spot, f"the key '{key}' stands here a second time; the first is in line {self._keys[*trail, key].line}")
                continue
            self._keys[*trail, key] = spot
            yield key, self._value(value_node, (*trail, key))

    def _add(self, spot: Spot, message: str) -> None:
        self._errors.append(FileError(self.name, spot.line, spot.column, message))


def _spot(node: yaml.Node) -> Spot:
    return Spot(node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(node: yaml.ScalarNode) -> str | int | bool | None:
    text = str(node.value)
    if node.style:  # in quotes, or a block
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.fullmatch(text) and len(text) < 20 else text
