"""The record of every call that was meant to change something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.cloud.identity import ADMINISTRATOR, Identity


@dataclass(frozen=True, slots=True)
class Operation:
    """One call, as it was made and what became of it.

    `touched` are the ids of the records it put or deleted; empty when it was refused. `error` is the provider's code of the
    refusal, or None. `result_id` is the id of what it returned, if that has one.
    """

    number: int
    provider: str
    name: str
    parameters: Mapping[str, object]
    touched: tuple[str, ...] = ()
    error: str | None = None
    result_id: str | None = None
    caller: Identity = ADMINISTRATOR

    @property
    def call(self) -> str:
        """The name with its provider in front, as an Origin bears it: "aws.create_route"."""
        return f"{self.provider}.{self.name}"


class Journal:
    """The operations of a cloud in the order of their numbers. Calls made on a fork leave gaps in the original's numbers."""

    def __init__(self) -> None:
        self._operations: dict[int, Operation] = {}

    def add(self, operation: Operation) -> None:
        self._operations[operation.number] = operation

    def __getitem__(self, number: int) -> Operation:
        """The operation with this number. Raises KeyError."""
        return self._operations[number]

    def find(self, number: int) -> Operation | None:
        return self._operations.get(number)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())

    def __len__(self) -> int:
        return len(self._operations)

    def fork(self) -> Journal:
        twin = Journal()
        twin._operations = dict(self._operations)
        return twin
