"""Tables, index, undo and forks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lab.cloud.record import Record
from lab.cloud.store import Store, UnknownRecord
from lab.origin import Origin


@dataclass(frozen=True, kw_only=True)
class Thing(Record):
    NOUN: ClassVar[str] = "thing"
    NOT_FOUND: ClassVar[str] = "InvalidThing"
    INDEXED: ClassVar[tuple[str, ...]] = ("owner", "tags")

    owner: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OtherThing(Thing):
    pass


def thing(id: str, owner: str | None = None, *tags: str) -> Thing:
    return Thing(id=id, origin=Origin(id, "test.put", 1), owner=owner, tags=tags)


def ids(records: tuple[Record, ...]) -> str:
    return "".join(record.id for record in records)


def fail(store: Store, change: Callable[[], None]) -> None:
    """A transaction that makes a change and then fails."""
    with store.transaction():
        change()
        raise ZeroDivisionError


@pytest.fixture
def store() -> Store:
    store = Store()
    with store.transaction():
        for record in (thing("c", "x", "t"), thing("a", "y", "t", "u"), thing("b", "x")):
            store.put(record)
    return store


def test_records_are_found_by_id_kind_and_index_in_the_order_of_creation(store: Store) -> None:
    assert store.get(Thing, "a").owner == "y"
    assert store.find(Thing, "z") is None
    assert store.find(OtherThing, "a") is None
    assert ids(store.all(Thing)) == "cab"
    assert ids(store.by(Thing, "owner", "x")) == "cb"
    assert ids(store.by(Thing, "tags", "t")) == "ca"
    assert store.count(Thing, "tags", "t") == 2
    assert store.by(Thing, "owner", None) == ()


def test_a_changed_record_moves_in_the_index_and_keeps_its_place(store: Store) -> None:
    with store.transaction():
        store.put(replace(store.get(Thing, "c"), owner="y", tags=()))
    assert ids(store.all(Thing)) == "cab"
    assert (ids(store.by(Thing, "owner", "x")), ids(store.by(Thing, "owner", "y"))) == ("b", "ac")
    assert ids(store.by(Thing, "tags", "t")) == "a"


def test_a_deleted_record_is_gone_everywhere(store: Store) -> None:
    with store.transaction():
        store.delete(store.get(Thing, "a"))
    assert ids(store.all(Thing)) == "cb"
    assert store.by(Thing, "owner", "y") == ()
    with pytest.raises(UnknownRecord, match="Thing a"):
        store.get(Thing, "a")


@pytest.mark.parametrize(
    "misuse",
    [
        pytest.param(lambda store: store.put(thing("z")), id="put outside a transaction"),
        pytest.param(lambda store: store.delete(store.get(Thing, "a")), id="delete outside a transaction"),
    ],
)
def test_changes_outside_a_transaction_are_refused(store: Store, misuse) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        misuse(store)
    assert ids(store.all(Thing)) == "cab"


def test_an_unknown_index_is_an_error_and_not_an_empty_answer(store: Store) -> None:
    with pytest.raises(ValueError, match="not indexed by colour"):
        store.by(Thing, "colour", "red")


def test_what_a_transaction_touched_is_listed_once_in_order(store: Store) -> None:
    with store.transaction():
        store.put(thing("z"))
        store.put(thing("a"))
        store.delete(store.get(Thing, "z"))
    assert store.touched == ("z", "a")


def test_forking_inside_a_transaction_is_refused(store: Store) -> None:
    with store.transaction(), pytest.raises(RuntimeError, match="forked"):
        store.fork()


def test_putting_a_thing_costs_the_same_however_many_there_are() -> None:
    """A refusal undoes what it changed and copies no table: the tables' own objects stay."""
    store = Store()
    with store.transaction():
        for number in range(1000):
            store.put(thing(str(number), "same"))
    table, entry = store._tables[Thing], store._index.get((Thing, "owner", "same"))
    with pytest.raises(ZeroDivisionError):
        fail(store, lambda: store.put(thing("new", "same")))
    assert store._tables[Thing] is table
    assert store._index.get((Thing, "owner", "same")) is entry
    assert store.find(Thing, "new") is None


def test_a_fork_sees_what_was_there_once_each_in_its_order_and_changes_its_own(store: Store) -> None:
    twin = store.fork()
    with twin.transaction():
        twin.put(thing("z", "x"))
        twin.put(thing("a", "x"))
        twin.delete(twin.get(Thing, "c"))
    assert (ids(twin.all(Thing)), ids(store.all(Thing))) == ("abz", "cab")
    assert (ids(twin.by(Thing, "owner", "x")), ids(store.by(Thing, "owner", "x"))) == ("bza", "cb")
    assert (ids(twin.fork().all(Thing)), ids(twin.everything())) == ("abz", "abz")


class StoresAgainstDictionaries(RuleBasedStateMachine):
    """Several forks, each with a plain dictionary that says what it must hold; refused changes leave no trace."""

    @initialize()
    def begin(self) -> None:
        self.stores: list[tuple[Store, dict[str, Thing]]] = [(Store(), {})]

    @rule(which=st.integers(0), id=st.sampled_from("abcdef"), owner=st.sampled_from([None, "x", "y"]), tag=st.sampled_from("tu"))
    def put(self, which: int, id: str, owner: str | None, tag: str) -> None:
        store, model = self.stores[which % len(self.stores)]
        with store.transaction():
            store.put(thing(id, owner, tag))
        model[id] = thing(id, owner, tag)

    @rule(which=st.integers(0), id=st.sampled_from("abcdef"))
    def delete(self, which: int, id: str) -> None:
        store, model = self.stores[which % len(self.stores)]
        if model.pop(id, None) is not None:
            with store.transaction():
                store.delete(store.get(Thing, id))

    @rule(
        which=st.integers(0),
        changes=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([None, "x", "y"]), st.booleans()), max_size=6),
    )
    def refuse(self, which: int, changes: list[tuple[str, str | None, bool]]) -> None:
        store, _ = self.stores[which % len(self.stores)]
        before = (store.all(Thing), [ids(store.by(Thing, "owner", owner)) for owner in ("x", "y")])

        def change() -> None:
            for id, owner, put in changes:
                if put or store.find(Thing, id) is None:
                    store.put(thing(id, owner, "t"))
                else:
                    store.delete(store.get(Thing, id))

        with pytest.raises(ZeroDivisionError):
            fail(store, change)
        assert (store.all(Thing), [ids(store.by(Thing, "owner", owner)) for owner in ("x", "y")]) == before

    @rule(which=st.integers(0))
    def fork(self, which: int) -> None:
        store, model = self.stores[which % len(self.stores)]
        if len(self.stores) < 4:
            self.stores.append((store.fork(), dict(model)))

    @invariant()
    def every_store_holds_what_its_dictionary_says(self) -> None:
        for store, model in getattr(self, "stores", []):
            assert sorted(store.all(Thing), key=lambda record: record.id) == [model[id] for id in sorted(model)]
            for attribute, value in (("owner", "x"), ("owner", "y"), ("tags", "t"), ("tags", "u")):
                expected = {id for id, record in model.items() if (attribute, value) in record.index_entries()}
                assert {record.id for record in store.by(Thing, attribute, value)} == expected


StoresAgainstDictionaries.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
test_stores_against_dictionaries = StoresAgainstDictionaries.TestCase


def test_what_follows_from_the_state_is_derived_again_once_that_has_changed(store: Store) -> None:
    derived: list[str] = []

    def all_ids(store: Store) -> str:
        def derive() -> str:
            derived.append(ids(store.all(Thing)))
            return derived[-1]

        return store.derived("ids", derive)

    assert (all_ids(store), all_ids(store), derived) == ("cab", "cab", ["cab"])

    def put_and_look() -> None:
        store.put(thing("d"))
        assert all_ids(store) == "cabd"

    with pytest.raises(ZeroDivisionError):
        fail(store, put_and_look)
    assert all_ids(store) == "cab"
    twin = store.fork()
    with twin.transaction():
        twin.delete(twin.get(Thing, "a"))
    assert (all_ids(twin), all_ids(store)) == ("cb", "cab")
