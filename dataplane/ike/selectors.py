"""Traffic selectors, and how one end narrows what the other asks for. RFC 7296 §2.9, §3.13."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from dataplane.ike.errors import MalformedIke
from dataplane.ike.numbers import ANY_PROTOCOL, IPV4_RANGE
from dataplane.ike.reader import Reader

LAST_PORT = 65535
MOST_SELECTORS = 255  # the payload counts them in one byte

_COUNT = struct.Struct("!B3x")
_HEAD = struct.Struct("!BBH")
_RANGE = struct.Struct("!HHII")


@dataclass(frozen=True, slots=True)
class TrafficSelector:
    """A range of IPv4 addresses, a range of ports, a protocol (0 for any). All bounds belong to their ranges."""

    first: IPv4Address
    last: IPv4Address
    protocol: int = ANY_PROTOCOL
    first_port: int = 0
    last_port: int = LAST_PORT

    def __str__(self) -> str:
        rest = "" if self.covers_everything_else() else f" protocol {self.protocol} ports {self.first_port}-{self.last_port}"
        return f"{self.first}-{self.last}{rest}"

    def covers_everything_else(self) -> bool:
        return (self.protocol, self.first_port, self.last_port) == (ANY_PROTOCOL, 0, LAST_PORT)

    def intersection(self, other: TrafficSelector) -> TrafficSelector | None:
        """What both select, None when that is nothing."""
        if self.protocol != other.protocol and ANY_PROTOCOL not in (self.protocol, other.protocol):
            return None
        first, last = max(self.first, other.first), min(self.last, other.last)
        first_port, last_port = max(self.first_port, other.first_port), min(self.last_port, other.last_port)
        if first > last or first_port > last_port:
            return None
        return TrafficSelector(first, last, self.protocol or other.protocol, first_port, last_port)


def of_prefix(prefix: IPv4Network) -> TrafficSelector:
    return TrafficSelector(prefix.network_address, prefix.broadcast_address)


EVERYTHING = (of_prefix(IPv4Network("0.0.0.0/0")),)


def narrow(asked: Iterable[TrafficSelector], allowed: Sequence[TrafficSelector]) -> tuple[TrafficSelector, ...]:
    """Those parts of what is asked for that are allowed, without repetition; nothing when there are none."""
    parts = (wanted.intersection(permitted) for wanted in asked for permitted in allowed)
    return tuple(dict.fromkeys(part for part in parts if part is not None))[:MOST_SELECTORS]


def within(selectors: Iterable[TrafficSelector], offered: Sequence[TrafficSelector]) -> bool:
    """Whether each selector lies in one of those offered."""
    return all(any(selector.intersection(offer) == selector for offer in offered) for selector in selectors)


def pack_selectors(selectors: Sequence[TrafficSelector]) -> bytes:
    return _COUNT.pack(len(selectors)) + b"".join(map(_pack, selectors))


def parse_selectors(body: bytes) -> tuple[TrafficSelector, ...]:
    """The body of a TS payload. Types of selector that nobody here knows are left out (§3.13.1). Raises MalformedIke."""
    reader = Reader(body, "TS payload")
    (count,) = reader.fields(_COUNT)
    if not count:
        raise MalformedIke("TS payload: it has no selector")
    selectors = [_parse(reader) for _ in range(count)]
    reader.end()
    return tuple(selector for selector in selectors if selector is not None)


def _pack(selector: TrafficSelector) -> bytes:
    head = _HEAD.pack(IPV4_RANGE, selector.protocol, _HEAD.size + _RANGE.size)
    return head + _RANGE.pack(selector.first_port, selector.last_port, int(selector.first), int(selector.last))


def _parse(reader: Reader) -> TrafficSelector | None:
    kind, protocol, length = reader.fields(_HEAD)
    content = reader.within(length, _HEAD.size, "traffic selector")
    if kind != IPV4_RANGE:
        return None
    first_port, last_port, first, last = content.fields(_RANGE)
    content.end()
    if first > last:
        raise MalformedIke("traffic selector: its range of addresses ends before it starts")
    if first_port > last_port:
        # OPAQUE (start 65535, end 0) selects packets whose ports nobody can see; no such packet comes from us
        return None
    return TrafficSelector(IPv4Address(first), IPv4Address(last), protocol, first_port, last_port)
