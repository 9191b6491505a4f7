"""A table of IPv4 prefixes, asked for the longest one that holds an address."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network
from typing import Generic, TypeVar

Value = TypeVar("Value")


class PrefixTable(Generic[Value]):
    """One dictionary for each prefix length in use, longest first: a lookup costs as many probes as lengths, a change no more."""

    __slots__ = ("_by_mask", "_levels")

    def __init__(self, entries: Iterable[tuple[IPv4Network, Value]] = ()) -> None:
        self._by_mask: dict[int, dict[int, Value]] = {}
        self._levels: tuple[tuple[int, dict[int, Value]], ...] = ()
        for prefix, value in entries:
            self.insert(prefix, value)

    def lookup(self, address: int) -> Value | None:
        """The value of the longest prefix that holds `address`, None when none does."""
        for mask, level in self._levels:
            value = level.get(address & mask)
            if value is not None:
                return value
        return None

    def get(self, prefix: IPv4Network) -> Value | None:
        """The value of exactly this prefix, None when it is not in the table."""
        return self._by_mask.get(int(prefix.netmask), {}).get(int(prefix.network_address))

    def insert(self, prefix: IPv4Network, value: Value) -> None:
        """Add a prefix, or give one another value."""
        mask = int(prefix.netmask)
        level = self._by_mask.setdefault(mask, {})
        level[int(prefix.network_address)] = value
        if len(level) == 1:
            self._sort()

    def remove(self, prefix: IPv4Network) -> None:
        """Take a prefix out, if it is there."""
        mask = int(prefix.netmask)
        level = self._by_mask.get(mask, {})
        level.pop(int(prefix.network_address), None)
        if not level and self._by_mask.pop(mask, None) is not None:
            self._sort()

    def _sort(self) -> None:
        self._levels = tuple(sorted(self._by_mask.items(), reverse=True))
