"""The tables of a cloud's state, with an undo log and cheap forks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from lab.cloud.layered import Layered, restoration
from lab.cloud.record import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")
IndexKey = tuple[type[Record], str, Hashable]


class UnknownRecord(KeyError):
    """No record of this kind has this id. Operations turn it into the provider's code before a customer sees it."""


class Store:
    """One table for each kind of record. Changes are made inside `transaction`, which undoes them if it fails.

    Cost: `get`, `find`, `put` and `delete` do not depend on the number of records; `by` costs what it finds.
    """

    def __init__(self) -> None:
        self._tables: dict[type[Record], Layered[str, Record]] = {}
        self._index: Layered[IndexKey, dict[str, bool]] = Layered()  # id → still there; a deleted id keeps its place
        self._own: set[IndexKey] = set()  # entries of the index that no fork shares
        self._undo: list[Callable[[], None]] | None = None
        self._touched: dict[str, None] = {}
        self._derived: dict[Hashable, object] = {}  # what follows from the state as it is

    # Reading

    def find(self, kind: type[R], id: str) -> R | None:
        table = self._tables.get(kind)
        return None if table is None else cast("R | None", table.get(id))

    def get(self, kind: type[R], id: str) -> R:
        """Raises UnknownRecord."""
        record = self.find(kind, id)
        if record is None:
            raise UnknownRecord(f"{kind.__name__} {id}")
        return record

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """Every record of a kind in the order of creation."""
        table = self._tables.get(kind)
        return () if table is None else tuple(cast("Iterator[R]", table.values()))

    def everything(self) -> tuple[Record, ...]:
        """Every record, kind by kind, each kind in the order of creation."""
        return tuple(record for table in self._tables.values() for record in table.values())

    def by(self, kind: type[R], attribute: str, value: Hashable) -> tuple[R, ...]:
        """The records whose indexed attribute is, or holds, `value`. The attribute must be one of `kind.INDEXED`."""
        return tuple(self.get(kind, id) for id, there in self._entry(kind, attribute, value).items() if there)

    def count(self, kind: type[Record], attribute: str, value: Hashable) -> int:
        """How many records `by` would find."""
        return sum(self._entry(kind, attribute, value).values())

    def derived(self, key: Hashable, derive: Callable[[], T]) -> T:
        """What follows from the state alone, derived once for as long as nothing changes. One key always means the same."""
        if key not in self._derived:
            self._derived[key] = derive()
        return cast("T", self._derived[key])

    # Writing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything put or deleted inside stays, or, if an exception leaves, nothing does."""
        if self._undo is not None:
            raise RuntimeError("a transaction is open already")
        self._undo, self._touched = [], {}
        try:
            yield
        except BaseException:
            for step in reversed(self._undo):
                step()
            self._derived.clear()
            raise
        finally:
            self._undo = None

    def put(self, record: Record) -> None:
        """Add a record, or replace the one of the same kind and id."""
        kind = type(record)
        table = self._tables.setdefault(kind, Layered())
        before = table.get(record.id)
        self._log(record.id, table.restoration(record.id))
        table.put(record.id, record)
        old = set() if before is None else set(before.index_entries())
        new = dict.fromkeys(record.index_entries())
        for attribute, value in old - new.keys():
            self._mark((kind, attribute, value), record.id, there=False)
        for attribute, value in new:
            if (attribute, value) not in old:
                self._mark((kind, attribute, value), record.id, there=True)

    def delete(self, record: Record) -> None:
        """Raises UnknownRecord."""
        kind = type(record)
        before = self.get(kind, record.id)
        table = self._tables[kind]
        self._log(record.id, table.restoration(record.id))
        table.delete(record.id)
        for attribute, value in before.index_entries():
            self._mark((kind, attribute, value), record.id, there=False)

    @property
    def touched(self) -> tuple[str, ...]:
        """The ids put or deleted in the transaction now open, or in the last one, in order, each once."""
        return tuple(self._touched)

    def fork(self) -> Store:
        """An independent copy. Raises RuntimeError inside a transaction."""
        if self._undo is not None:
            raise RuntimeError("a store cannot be forked inside a transaction")
        twin = Store()
        twin._tables = {kind: table.fork() for kind, table in self._tables.items()}
        twin._index = self._index.fork()
        self._own = set()
        return twin

    def _entry(self, kind: type[Record], attribute: str, value: Hashable) -> dict[str, bool]:
        if attribute not in kind.INDEXED:
            raise ValueError(f"{kind.__name__} is not indexed by {attribute}")
        return self._index.get((kind, attribute, value)) or {}

    def _log(self, id: str, undo: Callable[[], None]) -> None:
        if self._undo is None:
            raise RuntimeError(f"{id} may be changed inside a transaction only")
        self._derived.clear()
        self._undo.append(undo)
        self._touched[id] = None

    def _mark(self, key: IndexKey, id: str, *, there: bool) -> None:
        entry = self._own_entry(key)
        self._log(id, restoration(entry, id))
        entry[id] = there

    def _own_entry(self, key: IndexKey) -> dict[str, bool]:
        """The index entry, copied first if a fork shares it."""
        entry = self._index.get(key)
        if entry is None or key not in self._own:
            entry = {id: there for id, there in (entry or {}).items() if there}
            self._index.put(key, entry)
            self._own.add(key)
        return entry
