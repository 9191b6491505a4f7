"""Reading a JSON object field by field, keeping every error instead of stopping at the first.

A method that meets an error notes it and returns a harmless placeholder of the right type, so that reading goes on. Whoever made
the list of errors looks at it before anything that was read is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any, TypeVar

Placeholder = TypeVar("Placeholder")

NOWHERE = IPv4Address(0)

INTERFACE_NAME_LENGTH = 15  # IFNAMSIZ of Linux, less the terminating zero

_INTERFACE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_INTERFACE_RULE = f"a letter, then at most {INTERFACE_NAME_LENGTH - 1} letters, digits, '_', '.', '-'"
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})+")


class Fields:
    """The fields of one JSON object. `path` is where it stands in the document, "" for the document itself.

    With `secret`, an error says of what type a value is, and never shows it.
    """

    def __init__(self, value: object, path: str, errors: list[str], *, secret: bool = False) -> None:
        self._path = path
        self._errors = errors
        self._secret = secret
        self._values: Mapping[str, Any] = {}
        if isinstance(value, Mapping):
            self._values = value
        else:
            self._refuse("", value, "must be an object", None)
            self._errors = []  # what it lacks as an object would say nothing new

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def error(self, name: str, rule: str) -> None:
        """Note that a field ("" for the object) breaks a rule."""
        self._errors.append(f"{self.where(name)}: {rule}")

    def where(self, name: str) -> str:
        return ".".join(part for part in (self._path, name) if part) or "the document"

    def only(self, *names: str) -> None:
        """No field but these may be there."""
        for name in self._values:
            if name not in names:
                self.error(name, f"is unknown; known: {', '.join(names)}")

    def text(self, name: str, *, longest: int) -> str:
        value = self._values.get(name)
        if isinstance(value, str) and 1 <= len(value.encode()) <= longest and value.isprintable():
            return value
        return self._refuse(name, value, f"must be printable text of 1 to {longest} bytes", "")

    def is_text(self, name: str) -> bool:
        return isinstance(self._values.get(name), str)

    def interface(self, name: str) -> str:
        """The name of an interface, which is good for a path too."""
        return self._interface(name, self._values.get(name))

    def interfaces(self, name: str) -> tuple[str, ...]:
        return tuple(self._interface(f"{name}[{index}]", value) for index, value in enumerate(self.items(name)))

    def integer(self, name: str, lowest: int, highest: int) -> int:
        value = self._values.get(name)
        if isinstance(value, int) and is_integer(value, lowest, highest):
            return value
        return self._refuse(name, value, f"must be a whole number from {lowest} to {highest}", lowest)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        value = self._values.get(name, default)
        if isinstance(value, bool):
            return value
        return self._refuse(name, value, "must be true or false", False)

    def choice(self, name: str, choices: Mapping[str, Any]) -> str:
        value = self._values.get(name)
        if isinstance(value, str) and value in choices:
            return value
        return self._refuse(name, value, f"must be one of {', '.join(choices)}", next(iter(choices)))

    def material(self, name: str) -> bytes:
        """Bytes in hexadecimal, one at least."""
        value = self._values.get(name)
        if isinstance(value, str) and _HEXADECIMAL.fullmatch(value):
            return bytes.fromhex(value)
        return self._refuse(name, value, "must be hexadecimal text, two digits a byte", b"")

    def address(self, name: str) -> IPv4Address:
        return self._address(name, self._values.get(name))

    def addresses(self, name: str) -> tuple[IPv4Address, ...]:
        return tuple(self._address(f"{name}[{index}]", value) for index, value in enumerate(self.items(name)))

    def prefix(self, name: str) -> IPv4Network:
        return self._prefix(name, self._values.get(name))

    def prefixes(self, name: str) -> tuple[IPv4Network, ...]:
        return tuple(self._prefix(f"{name}[{index}]", value) for index, value in enumerate(self.items(name)))

    def endpoint(self, name: str) -> tuple[str, int] | None:
        """A list of an address and a port, or null."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2 or not is_integer(value[1], 1, 65535):
            return self._refuse(name, value, "must be a list of an IPv4 address and a port from 1 to 65535", None)
        return str(self._address(name, value[0])), value[1]

    def nested(self, name: str) -> Fields:
        return Fields(self._values.get(name), self.where(name), self._errors, secret=self._secret)

    def nested_list(self, name: str) -> Iterator[Fields]:
        for index, value in enumerate(self.items(name)):
            yield Fields(value, f"{self.where(name)}[{index}]", self._errors, secret=self._secret)

    def items(self, name: str) -> list[Any]:
        value = self._values.get(name)
        if isinstance(value, list):
            return value
        return self._refuse(name, value, "must be a list", [])

    def _interface(self, name: str, value: object) -> str:
        if isinstance(value, str) and len(value) <= INTERFACE_NAME_LENGTH and _INTERFACE_NAME.fullmatch(value):
            return value
        return self._refuse(name, value, f"must be an interface name: {_INTERFACE_RULE}", "")

    def _address(self, name: str, value: object) -> IPv4Address:
        if isinstance(value, str):
            try:
                return IPv4Address(value)
            except AddressValueError:
                pass  # refused below, like what is no text at all
        return self._refuse(name, value, "must be an IPv4 address", NOWHERE)

    def _prefix(self, name: str, value: object) -> IPv4Network:
        nothing = IPv4Network(NOWHERE)
        if not isinstance(value, str) or "/" not in value:
            return self._refuse(name, value, "must be an IPv4 prefix such as 10.0.0.0/16", nothing)
        try:
            return IPv4Network(value)
        except (AddressValueError, NetmaskValueError):
            return self._refuse(name, value, "must be an IPv4 prefix such as 10.0.0.0/16", nothing)
        except ValueError:
            network = IPv4Network(value, strict=False)
            return self._refuse(name, value, f"must have no bits set behind the prefix length; write {network}", nothing)

    def _refuse(self, name: str, value: object, rule: str, placeholder: Placeholder) -> Placeholder:
        shown = "is missing," if value is None else type(value).__name__ if self._secret else show(value)
        self.error(name, f"{shown} {rule}")
        return placeholder


def is_integer(value: object, lowest: int, highest: int) -> bool:
    """JSON's numbers only: Python takes true for 1."""
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def show(value: object) -> str:
    """A value as an error shows it, cut to a bearable length."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
