"""How a public call becomes an operation: a number, a transaction, an entry in the journal, an origin for what it makes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import ClassVar, Concatenate, ParamSpec, TypeVar, cast

from lab.cloud.attempts import Attempts
from lab.cloud.errors import CloudError
from lab.cloud.identity import ADMINISTRATOR, Identity
from lab.cloud.journal import Journal, Operation
from lab.cloud.lab_time import time_in
from lab.cloud.mail import Mail, Post, drop
from lab.cloud.password import Password
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
TerminalWatch = Callable[[str], None]

PASSWORD = "password"  # noqa: S105 - a parameter of this name is given in clear, and written down as its hash


def _keep_nothing(_operation: Operation, _before: Position) -> None: ...


def _watch_nothing(*_told: object) -> None: ...


@dataclass
class State:
    """What the providers of one cloud share. `running` is the call under way: its name with the provider, and its number.

    `keep` is given each operation that has changed something, and where the supply stood before it, while the change can still be
    undone: if it raises, the call has failed and nothing has changed. `watch_vcpe` is told the user data of a machine with the
    SAG vCPE image, and whether it runs, whenever that changes: so one provider learns what becomes of its devices at the other.
    `watch_terminal` is told of each terminal that is gone. `caller` is who makes the calls, `attempts` counts
    the log-ons that failed. `parameters` are those of the call under way, as they will be written
    down. `post` is given each mail once the call that sends it counts: a call that is made again from what was written down is
    made on a cloud without one.
    """

    store: Store
    journal: Journal
    supply: Supply
    running: tuple[str, int] | None = field(default=None)
    keep: Keeper = _keep_nothing
    watch_vcpe: VcpeWatch = _watch_nothing
    watch_terminal: TerminalWatch = _watch_nothing
    caller: Identity = ADMINISTRATOR
    attempts: Attempts = field(default_factory=Attempts)
    parameters: dict[str, object] = field(default_factory=dict)
    post: Post = drop
    outbox: list[Mail] = field(default_factory=list)


class Provider:
    """The base of each provider's operations."""

    PROVIDER: ClassVar[str]
    END_USERS_MAY: ClassVar[frozenset[str]] = frozenset()  # the operations that are not for administrators alone

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store
        self._supply = state.supply

    def _check_caller(self, name: str) -> None:
        """Whether who calls may make this call. Raises Forbidden."""
        caller = self._state.caller
        if caller.user and name not in self.END_USERS_MAY:
            raise CloudError(
                "Forbidden",
                f"{self.PROVIDER}.{name} is for administrators, and '{caller.user}' is an end user; ask the administrator for it",
            )

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

    def _salt(self) -> bytes:
        """The salt for the password that the call under way brings."""
        if self._state.running is None:
            raise RuntimeError("a password is salted inside an operation")
        return self._supply.salt(self._state.running[1])

    def _get(self, kind: type[R], id: str) -> R:
        """The resource with this id. Raises the provider's code for an unknown one, `kind.NOT_FOUND`."""
        record = self._store.find(kind, id)
        if record is None:
            raise CloudError(kind.NOT_FOUND, f"the {kind.NOUN} '{id}' does not exist; create it, or correct the id")
        return record


def check_caller(provider: Provider, name: str) -> None:
    """Whether who calls may make a call; operations see to it by themselves. Raises Forbidden, InvalidAccount.NotFound."""
    provider._check_caller(name)


def check_own(provider: Provider, record: Record) -> None:
    """Whether a resource is there for who calls. Raises its code for one that does not exist."""
    provider._get(type(record), record.id)


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
        bound = signature.bind(self, *args, **kwargs)
        _hide_password(bound)
        parameters = dict(list(bound.arguments.items())[1:])
        before = state.supply.position
        number = state.supply.operation_number()
        state.running, state.parameters = (f"{self.PROVIDER}.{name}", number), parameters
        try:
            self._check_caller(name)
            with state.store.transaction():
                result = method(*bound.args, **bound.kwargs)
                done = Operation(
                    number, self.PROVIDER, name, parameters, state.store.touched, result_id=_id_of(result), caller=state.caller
                )
                state.keep(done, before)
        except Exception as error:
            state.outbox.clear()
            code = error.code if isinstance(error, CloudError) else type(error).__name__
            state.journal.add(Operation(number, self.PROVIDER, name, parameters, error=code, caller=state.caller))
            raise
        finally:
            state.running = None
            _forget_password(parameters)
        state.journal.add(done)
        _send(state)
        return result

    return cast("Callable[Concatenate[S, P], T]", call)


def is_operation(method: object) -> bool:
    """Whether a method was made an operation, so that it may change something."""
    return hasattr(method, "__wrapped__")


def _hide_password(bound: inspect.BoundArguments) -> None:
    """Put a password in clear out of sight of everything but the method."""
    given = bound.arguments.get(PASSWORD)
    if isinstance(given, str | Password):
        bound.arguments[PASSWORD] = given.copy() if isinstance(given, Password) else Password(given)


def _forget_password(parameters: Mapping[str, object]) -> None:
    password = parameters.get(PASSWORD)
    if isinstance(password, Password):
        password.forget()


def _send(state: State) -> None:
    mails = list(state.outbox)
    state.outbox.clear()
    for mail in mails:
        state.post(mail)


def _id_of(result: object) -> str | None:
    """The id of what a call returned: a resource, or an id itself (that of an association)."""
    if isinstance(result, Record):
        return result.id
    return result if isinstance(result, str) else None
