"""What a link does to packets, and how it is said: "delay 220ms jitter 5ms loss 0.1% rate 10mbit".

Both directions are alike, or are parted by a slash, first the one from the link's first end: "delay 100ms / delay 120ms loss 1%".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

from lab.errors import UsageError

SMALLEST_MTU = 68  # RFC 791 §3.2

# Units, and the power of ten that each stands for; small ones first.
_SECONDS = {"µs": -6, "us": -6, "ms": -3, "s": 0}
_SHARES = {"%": -2}
_BITS = {"bit": 0, "kbit": 3, "mbit": 6, "gbit": 9}
_SLASH = re.compile(r"(?:^|\s+)/(?:\s+|$)")  # alone: the one in 10mbit/s is another
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)(.*)")


@dataclass(frozen=True, slots=True)
class Impairments:
    """One direction of a link. Times are in seconds, shares from 0 to 1, the rate is in bit/s, the MTU in bytes of an IP packet.

    `delay` is that of one direction, and varies by at most `jitter` either way. `reorder` is the share of packets that later ones
    overtake. A packet larger than `mtu` is lost without an answer, as where the ends do not know of it. `down` loses every one.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    rate: float | None = None
    mtu: int | None = None
    down: bool = False

    def __str__(self) -> str:
        """As it is said. Empty when the link does nothing to packets."""
        return " ".join(_said(self))


Both = tuple[Impairments, Impairments]


@dataclass(frozen=True, slots=True)
class Order:
    """What a link is to do in both directions. With a `seed`, the same packets have the same fate each time."""

    both: Both
    seed: str | None = None

    def __str__(self) -> str:
        """What it does, as it is said."""
        return format_impairments(self.both)

    def turned(self) -> Order:
        """The same for the link seen from its other end."""
        forth, back = self.both
        return Order((back, forth), self.seed)


def parse_impairments(text: str) -> Both:
    """Both directions of a link. Raises UsageError with everything that is wrong."""
    errors: list[str] = []
    directions = [_direction(part, errors) for part in _SLASH.split(text)]
    if len(directions) > 2:
        errors.append("a link has two directions, so one slash at most")
    if errors:
        raise UsageError(f"impairments {text!r}: {'; '.join(errors)}")
    return directions[0], directions[-1]


def format_impairments(both: Both) -> str:
    """The shortest text that parses to both directions."""
    forth, back = both
    return str(forth) if forth == back else f"{forth} / {back}".strip()


def _direction(text: str, errors: list[str]) -> Impairments:
    values: dict[str, float | int | bool | None] = {}
    words = iter(text.split())
    for word in words:
        if word in values:
            errors.append(f"{word} is said twice")
        if word == "down":
            values[word] = True
        elif word in _READERS:
            values[word] = _value(word, next(words, ""), errors)
        else:
            errors.append(f"{word!r} is none of {', '.join([*_READERS, 'down'])}")
    impairments = Impairments(**{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]
    if impairments.jitter > impairments.delay:
        errors.append("jitter is larger than delay, and no packet arrives before it was sent")
    return impairments


def _value(word: str, text: str, errors: list[str]) -> float | int | None:
    reader, rule = _READERS[word]
    value = reader(text)
    if value is None:
        errors.append(f"{word} takes {rule}, not {text!r}")
    return value


def _measured(text: str, units: Mapping[str, int]) -> float | None:
    """A number with one of the units. None when it is something else."""
    found = _NUMBER.fullmatch(text.lower())
    return float(f"{found[1]}e{units[found[2]]}") if found and found[2] in units else None


def _seconds(text: str) -> float | None:
    return 0.0 if text == "0" else _measured(text, _SECONDS)


def _share(text: str) -> float | None:
    share = _measured(text, _SHARES)
    return share if share is not None and share <= 1 else None


def _rate(text: str) -> float | None:
    return _measured(text.removesuffix("/s"), _BITS) or None


def _mtu(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) >= SMALLEST_MTU else None


_TIME = (_seconds, "a time such as 20ms")
_SHARE = (_share, "a share such as 0.1%, at most 100%")
_READERS: Mapping[str, tuple[Callable[[str], float | int | None], str]] = {
    "delay": _TIME,
    "jitter": _TIME,
    "loss": _SHARE,
    "duplicate": _SHARE,
    "reorder": _SHARE,
    "rate": (_rate, "bits a second such as 10mbit"),
    "mtu": (_mtu, f"bytes, {SMALLEST_MTU} at least"),
}


def _said(impairments: Impairments) -> Iterator[str]:
    for field in fields(impairments):
        value = getattr(impairments, field.name)
        if value == field.default:
            continue
        reader = _READERS.get(field.name)
        if reader is None:
            yield field.name
        elif reader is _TIME:
            yield f"{field.name} {_in_units(value, _SECONDS)}"
        elif reader is _SHARE:
            yield f"{field.name} {_in_units(value, _SHARES)}"
        else:
            yield f"{field.name} {_in_units(value, _BITS) if field.name == 'rate' else value}"


def _in_units(value: float, units: dict[str, int]) -> str:
    """With the largest unit that is not larger than the value; else with the smallest."""
    name = next((name for name, power in reversed(units.items()) if value >= float(f"1e{power}")), next(iter(units)))
    return f"{value / float(f'1e{units[name]}'):.12g}{name}"
