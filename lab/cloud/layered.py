"""A mapping that is cheap to fork: what both sides share lies below, what each changed lies above."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# Our choice: a fork folds the changes into the shared part once they are an eighth of it.
FOLD = 8


class _Gone(Enum):
    GONE = "gone"


_GONE = _Gone.GONE


class Layered(Generic[K, V]):
    """An insertion-ordered mapping. `fork` costs the changes since the last fork, not the size.

    The shared part is never changed once two mappings hold it. A deleted key keeps its place until the next fold, so that a
    deletion undone puts it back where it stood.
    """

    def __init__(self) -> None:
        self._base: dict[K, V] = {}
        self._changes: dict[K, V | _Gone] = {}

    def get(self, key: K) -> V | None:
        value = self._changes.get(key)
        if value is None:
            return self._base.get(key)
        return None if isinstance(value, _Gone) else value

    def put(self, key: K, value: V) -> None:
        self._changes[key] = value

    def delete(self, key: K) -> None:
        self._changes[key] = _GONE

    def restoration(self, key: K) -> Callable[[], None]:
        """What puts a key back to how it is now, its place in the order included. Not to be used across a fork."""
        return restoration(self._changes, key)

    def values(self) -> Iterator[V]:
        """All values in the order in which their keys were first put."""
        for key, value in self._base.items():
            changed = self._changes.get(key, value)
            if not isinstance(changed, _Gone):
                yield changed
        for key, new in self._changes.items():
            if key not in self._base and not isinstance(new, _Gone):
                yield new

    def fork(self) -> Layered[K, V]:
        """A mapping equal to this one; later changes of either are unknown to the other."""
        if len(self._changes) * FOLD > len(self._base):
            self._fold()
        twin: Layered[K, V] = Layered()
        twin._base = self._base
        twin._changes = dict(self._changes)
        return twin

    def _fold(self) -> None:
        folded = {**self._base, **self._changes}
        self._base = {key: value for key, value in folded.items() if not isinstance(value, _Gone)}
        self._changes = {}


def restoration(mapping: dict[K, V], key: K) -> Callable[[], None]:
    """What puts one key of a dictionary back to how it is now."""
    return partial(mapping.__setitem__, key, mapping[key]) if key in mapping else partial(mapping.__delitem__, key)
