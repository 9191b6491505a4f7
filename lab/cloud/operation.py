"""How a public call becomes an operation: a number, a transaction, an entry in the journal, an origin for what it makes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import ClassVar, Concatenate, ParamSpec, TypeVar, cast

from lab.cloud.errors import CloudError
from lab.cloud.journal import Journal, Operation
from lab.cloud.lab_time import time_in
from lab.cloud.record import Record
from lab.cloud.store import Store
from lab.cloud.supply import Supply
from lab.origin import Origin

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Record)


Position = tuple[int, int, int]  # of a supply
Keeper = Callable[[Operation, Position], None]
VcpeWatch = Callable[[str, bool], None]


def _keep_nothing(_operation: Operation, _before: Position) -> None: ...


def _watch_nothing(_user_data: str, _runs: bool) -> None: ...


@dataclass
class State:
    """What the providers of one cloud share. `running` is the call under way: its name with the provider, and its number.

    `keep` is given each operation that has changed something, and where the supply stood before it, while the change can still be
    undone: if it raises, the call has failed and nothing has changed. `watch_vcpe` is told the user data of a machine with the
    SAG vCPE image, and whether it runs, whenever that changes: so one provider learns what becomes of its devices at the other.
    """

    store: Store
    journal: Journal
    supply: Supply
    running: tuple[str, int] | None = field(default=None)
    keep: Keeper = _keep_nothing
    watch_vcpe: VcpeWatch = _watch_nothing


class Provider:
    """The base of each provider's operations."""

    PROVIDER: ClassVar[str]

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store
        self._supply = state.supply

    @property
    def _now(self) -> datetime:
        """The time in the lab, in UTC."""
        return time_in(self._store)

    def _origin(self, resource: str) -> Origin:
        """The origin of what the call under way makes of `resource`."""
        if self._state.running is None:
            raise RuntimeError(f"{resource} has no origin outside an operation")
        call, number = self._state.running
        return Origin(resource, call, number)

    def _get(self, kind: type[R], id: str) -> R:
        """The resource with this id. Raises the provider's code for an unknown one, `kind.NOT_FOUND`."""
        record = self._store.find(kind, id)
        if record is None:
            raise CloudError(kind.NOT_FOUND, f"the {kind.NOUN} '{id}' does not exist; create it, or correct the id")
        return record


S = TypeVar("S", bound=Provider)


def operation(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Make a method an operation: refused or failed, it changes nothing but the journal.

    A public call made by another belongs to the outer one. A call with arguments that the method does not take is no call: it
    raises TypeError and leaves no trace.
    """
    signature = inspect.signature(method)
    name = method.__name__

    @wraps(method)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        state = self._state
        if state.running is not None:
            return method(self, *args, **kwargs)
        parameters = dict(list(signature.bind(self, *args, **kwargs).arguments.items())[1:])
        before = state.supply.position
        number = state.supply.operation_number()
        state.running = (f"{self.PROVIDER}.{name}", number)
        try:
            with state.store.transaction():
                result = method(self, *args, **kwargs)
                done = Operation(number, self.PROVIDER, name, parameters, state.store.touched, result_id=_id_of(result))
                state.keep(done, before)
        except Exception as error:
            code = error.code if isinstance(error, CloudError) else type(error).__name__
            state.journal.add(Operation(number, self.PROVIDER, name, parameters, error=code))
            raise
        finally:
            state.running = None
        state.journal.add(done)
        return result

    return cast("Callable[Concatenate[S, P], T]", call)


def _id_of(result: object) -> str | None:
    """The id of what a call returned: a resource, or an id itself (that of an association)."""
    if isinstance(result, Record):
        return result.id
    return result if isinstance(result, str) else None
