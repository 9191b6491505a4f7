"""What is to be done when: a heap of times. Asking for what is due costs the same however much is planned for later."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from itertools import count
from math import inf
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)

SLACK = 64
"""Entries that may be out of date, beyond as many as are not, before all of those are thrown away. Our choice."""


class Agenda(Generic[Item]):
    """Each item comes up once, at the earliest time for which it was planned; whoever takes it plans it again.

    So what is put off, as a keepalive is by every packet, need not be planned anew each time: it is looked at when it comes up.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Item]] = []
        self._due: dict[Item, float] = {}
        self._order = count()

    def __len__(self) -> int:
        return len(self._due)

    def plan(self, item: Item, due: float) -> None:
        """Have the item come up at `due`, unless it comes up earlier anyway."""
        if due >= self._due.get(item, inf):
            return
        self._due[item] = due
        heapq.heappush(self._entries, (due, next(self._order), item))
        if len(self._entries) > 2 * len(self._due) + SLACK:
            self._entries = [entry for entry in self._entries if self._is_valid(entry)]
            heapq.heapify(self._entries)

    def cancel(self, item: Item) -> None:
        """The item does not come up any more. It need not be planned."""
        self._due.pop(item, None)

    def take(self, now: float) -> list[Item]:
        """The items that are due, the earliest first. They are not planned any more."""
        items: list[Item] = []
        while self._entries and self._entries[0][0] <= now:
            entry = heapq.heappop(self._entries)
            if self._is_valid(entry):
                del self._due[entry[2]]
                items.append(entry[2])
        return items

    def next(self) -> float:
        """When something is due next, infinity for never."""
        while self._entries and not self._is_valid(self._entries[0]):
            heapq.heappop(self._entries)
        return self._entries[0][0] if self._entries else inf

    def clear(self) -> None:
        self._entries.clear()
        self._due.clear()

    def _is_valid(self, entry: tuple[float, int, Item]) -> bool:
        return self._due.get(entry[2]) == entry[0]
