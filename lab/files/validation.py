"""From values to a checked content: what pydantic finds wrong, in words of our own, each with its place."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lab.files.errors import FileError, InvalidFile
from lab.files.schema import LabFileContent
from lab.files.schema.base import Part, shown
from lab.files.source import Source, Trail

_KINDS = {
    "dict_type": "a mapping, keys with values",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "a word; put a number into quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "model_type": "a mapping, keys with values",
}
_LIMITS = {"less_than_equal": ("le", "more than"), "greater_than_equal": ("ge", "less than")}

_NOT_MODELLED = re.compile(
    "peering|transit|nat_?gateway|vpn|load_?balancer|endpoint|direct_?connect|express_?connect|ipv6|prefix_?list"
)
"""What networks have, and people look for here."""


def validate(source: Source) -> LabFileContent:
    """Raises InvalidFile with everything that is wrong."""
    try:
        return LabFileContent.model_validate(source.value)
    except ValidationError as error:
        raise InvalidFile(_told(source, details) for details in error.errors()) from None


def _told(source: Source, details: ErrorDetails) -> FileError:
    trail, in_key = _trail(details["loc"])
    kind = details["type"]
    if kind == "extra_forbidden":
        return source.error(trail, _unknown(trail), at_key=True)
    if kind == "missing" and isinstance(trail[-1], int):
        return source.error(trail[:-1], f"'{trail[-2]}' needs {trail[-1] + 1} values")
    if kind == "missing":
        return source.error(trail[:-1], f"'{trail[-1]}' is missing{_here(trail[:-1])}")
    return source.error(trail, _sentence(details, trail), at_key=in_key)


def _trail(loc: tuple[int | str, ...]) -> tuple[Trail, bool]:
    """Where pydantic found it: the keys that lead there, and whether it is about the last key itself."""
    if loc and loc[-1] == "[key]":
        return loc[:-1], True
    return loc, False


def _sentence(details: ErrorDetails, trail: Trail) -> str:
    kind, context, given = details["type"], details.get("ctx", {}), details["input"]
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"{shown(given)} is none of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
    if kind in _KINDS:
        alone = f"; write [{given}]" if kind == "list_type" and isinstance(given, (str, int)) else ""
        return f"{shown(given)} is not {_KINDS[kind]}{alone}"
    where = f"{trail[-1]}: " if trail else ""
    if kind in _LIMITS:
        parameter, words = _LIMITS[kind]
        return f"{where}{shown(given)} is {words} {context[parameter]}"
    return f"{where}{shown(given)}: {details['msg'][:1].lower()}{details['msg'][1:]}"


def _unknown(trail: Trail) -> str:
    part = _part_at(trail[:-1])
    keys = _keys(part) if part is not None else []
    close = get_close_matches(str(trail[-1]), keys, n=1)
    meant = f"; did you mean {close[0]}" if close else ""
    if not close and _NOT_MODELLED.search(str(trail[-1])):
        meant = ", for this is not modelled (see docs/lab-files.md)"
    return f"unknown key '{trail[-1]}'{_here(trail[:-1])}{meant}; the keys are {', '.join(keys)}"


def _here(trail: Trail) -> str:
    part = _part_at(trail)
    if part is None or not trail:
        return ""
    name = f" {trail[-1]}" if isinstance(trail[-1], str) and trail[-1] != part.NOUN else ""
    return f" in {part.NOUN}{name}"


def _keys(part: type[Part]) -> list[str]:
    return [field.alias or name for name, field in part.model_fields.items()]


def _part_at(trail: Trail) -> type[Part] | None:
    """The model of what stands at a place of the file."""
    at: Any = LabFileContent
    for key in trail:
        if isinstance(at, type) and issubclass(at, BaseModel):
            field = next((one for name, one in at.model_fields.items() if key in (name, one.alias)), None)
            at = field.annotation if field is not None else None
        else:
            at = get_args(at)[-1] if get_args(at) else None
        at = _innermost(at)
    return at if isinstance(at, type) and issubclass(at, Part) else None


def _innermost(annotation: Any) -> Any:
    """Without Annotated, and without None as an alternative."""
    if hasattr(annotation, "__metadata__"):
        return _innermost(get_args(annotation)[0])
    alternatives = [one for one in get_args(annotation) if one is not type(None)]
    return alternatives[0] if type(None) in get_args(annotation) else annotation
