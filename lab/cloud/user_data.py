"""The configuration that a SAG vCPE machine is given at launch (document 000…, step 2.3)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

KEYS = ("sn", "key")
LONGEST = 128  # characters of a value, our choice: some three times those that Alibaba Cloud gives


@dataclass(frozen=True, slots=True)
class DeviceCredentials:
    """The serial number and key that tie a machine to a purchased device."""

    serial_number: str
    key: str = field(repr=False)


class MalformedUserData(ValueError):
    """The configuration is not a JSON object with exactly the keys sn and key; the message says what is wrong with it."""


def parse_user_data(text: str) -> DeviceCredentials:
    """Read {"sn": …, "key": …}. Whether the pair is that of a device is for others to say. Raises MalformedUserData."""
    if not text.strip():
        raise MalformedUserData("the user data is empty; give the device's serial number and key")
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_int=float)
    except json.JSONDecodeError as error:
        raise MalformedUserData(f"the user data is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise MalformedUserData("the user data is nested too deeply") from None
    if not isinstance(value, dict):
        raise MalformedUserData(f"the user data is a JSON {type(value).__name__}, not an object")
    if value.keys() != set(KEYS):
        raise MalformedUserData(f"the user data has the keys {_list(value)}, not exactly {_list(KEYS)}")
    for key in KEYS:
        if not isinstance(value[key], str) or not value[key]:
            raise MalformedUserData(f"the value of '{key}' in the user data is not a text, or is empty")
        if not (value[key].isascii() and value[key].isprintable() and len(value[key]) <= LONGEST):
            rule = f"printable ASCII of at most {LONGEST} characters"
            raise MalformedUserData(f"the value of '{key}' in the user data is not {rule}")
    return DeviceCredentials(value["sn"], value["key"])


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise MalformedUserData(f"the user data has the key '{name}' more than once")
    return dict(pairs)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) or "none"
