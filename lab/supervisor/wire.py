"""Values of the lab as JSON and back: dataclasses, enumerations, addresses, and collections of them.

A dataclass becomes an object of its fields. Which class an object stands for is known from the type that is asked for; where that
is one of several, from the names of its fields.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

_ADDRESSES = (IPv4Address, IPv4Network, IPv4Interface)
_FROM_TEXT: Mapping[type, Callable[[str], object]] = {datetime: datetime.fromisoformat, bytes: bytes.fromhex}
_PLAIN = (str, int, float, bool, type(None))


class WireError(ValueError):
    """A value that JSON cannot hold, or JSON that is not what was asked for."""


def encode(value: object) -> Any:
    """What json.dumps takes. Raises WireError for a value of another kind."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, _ADDRESSES):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, Collection):
        return [encode(item) for item in value]
    raise WireError(f"{type(value).__name__} has no form in JSON")


def decode(kind: type[T], data: Any) -> T:
    """The value of this type that `data` stands for. Raises WireError when it stands for none."""
    return cast(T, _decode(kind, data))


def _decode(kind: Any, data: Any) -> Any:
    if kind in (Any, object):
        return data
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, data)
    if origin is Literal:
        return _checked(data, data in arguments, kind)
    if origin is not None:
        return _decode_collection(origin, arguments, data, kind)
    if is_dataclass(kind):
        return _decode_dataclass(kind, data)
    if issubclass(kind, (Enum, datetime, bytes, *_ADDRESSES)):
        try:
            return _FROM_TEXT[kind](str(data)) if kind in _FROM_TEXT else kind(data)
        except ValueError as error:
            raise WireError(str(error)) from error
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    return _checked(data, isinstance(data, kind) and (kind is bool or not isinstance(data, bool)), kind)


def _decode_union(kinds: tuple[Any, ...], data: Any) -> Any:
    for kind in kinds:
        try:
            return _decode(kind, data)
        except WireError:
            continue
    raise WireError(f"{data!r} is none of {kinds}")


def _decode_collection(origin: Any, arguments: tuple[Any, ...], data: Any, kind: Any) -> Any:
    if issubclass(origin, Mapping):
        _checked(data, isinstance(data, dict), kind)
        return {_decode(arguments[0], key): _decode(arguments[1], item) for key, item in data.items()}
    _checked(data, isinstance(data, list), kind)
    if origin is tuple and arguments[-1] is not Ellipsis:
        _checked(data, len(data) == len(arguments), kind)
        return tuple(_decode(each, item) for each, item in zip(arguments, data, strict=True))
    items = [_decode(arguments[0], item) for item in data]
    return tuple(items) if origin in (tuple, Sequence) else origin(items)


def _decode_dataclass(kind: Any, data: Any) -> Any:
    hints = _hints(kind)
    _checked(data, isinstance(data, dict) and data.keys() == hints.keys(), kind)
    value = kind.__new__(kind)
    for name, hint in hints.items():
        object.__setattr__(value, name, _decode(hint, data[name]))  # frozen ones too; what was encoded had been checked
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _checked(data: Any, fits: bool, kind: Any) -> Any:
    if not fits:
        raise WireError(f"{data!r} is no {getattr(kind, '__name__', kind)}")
    return data
