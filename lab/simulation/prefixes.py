"""A table of IPv4 prefixes, asked for the longest one that holds an address."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import Generic, TypeVar

Value = TypeVar("Value")


class PrefixTable(Generic[Value]):
    """One dictionary for each prefix length in use, longest first. Of two values for the same prefix the first one stays."""

    def __init__(self, entries: Iterable[tuple[IPv4Network, Value]] = ()) -> None:
        by_mask: dict[int, dict[int, Value]] = {}
        for prefix, value in entries:
            by_mask.setdefault(int(prefix.netmask), {}).setdefault(int(prefix.network_address), value)
        self._levels = sorted(by_mask.items(), reverse=True)

    def lookup(self, address: IPv4Address) -> Value | None:
        """The value of the longest prefix that holds `address`, None when none does."""
        number = int(address)
        for mask, level in self._levels:
            value = level.get(number & mask)
            if value is not None:
                return value
        return None
