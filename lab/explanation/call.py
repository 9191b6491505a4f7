"""Calls an engineer could make: printed as they would be typed, and made on a copy of the clouds to see what they do."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lab.cloud import Cloud, Operation
from lab.cloud.record import Record

HIDDEN = "…"
SECRETS = frozenset({"user_data", "password"})  # parameters that may hold a key


@dataclass(frozen=True, slots=True)
class Result:
    """Stands in a call's arguments for the id of what an earlier call returned."""

    name: str

    def __str__(self) -> str:
        return f"{self.name}.id"


@dataclass(frozen=True, slots=True)
class Call:
    """An operation of a provider with its arguments by name. `result` names what it returns, for later calls to refer to."""

    operation: str  # "aws.create_route"
    arguments: tuple[tuple[str, object], ...]
    result: str = ""

    @staticmethod
    def of(operation: str, *, result: str = "", **arguments: object) -> Call:
        return Call(operation, tuple(arguments.items()), result)

    def adding(self, arguments: Mapping[str, object]) -> Call:
        """The same call with more arguments."""
        return replace(self, arguments=(*self.arguments, *arguments.items()))

    @staticmethod
    def made(operation: Operation) -> Call:
        """A call that the journal tells of."""
        return Call(operation.call, tuple(operation.parameters.items()))

    def __str__(self) -> str:
        return (f"{self.result} = " if self.result else "") + f"{self.operation}({', '.join(self.typed_arguments)})"

    @property
    def typed_arguments(self) -> list[str]:
        """Each argument as it is typed: `source_dest_check=False`."""
        return [f"{name}={_literal(name, value)}" for name, value in self.arguments]

    def command(self, lab: str) -> str:
        """As it is typed in a shell for a lab that is up. What it returns stands in a variable there, for later calls."""
        provider, _, operation = self.operation.partition(".")
        flags = (_flag(name, value) for name, value in self.arguments if value is not None)
        line = " ".join(["saglab", "call", provider, operation, *flags, "--lab", shlex.quote(lab)])
        return f"{self.result}=$({line} --id)" if self.result else line

    def make(self, cloud: Cloud, results: dict[str, str]) -> None:
        """Make it on a cloud. `results` holds the ids of earlier results, and takes this one's. Raises CloudError."""
        provider, _, name = self.operation.partition(".")
        arguments = {key: results[value.name] if isinstance(value, Result) else value for key, value in self.arguments}
        returned = getattr(getattr(cloud, provider), name)(**arguments)
        if self.result:
            results[self.result] = returned.id if isinstance(returned, Record) else str(returned)

    def renamed(self, names: Mapping[str, str]) -> Call:
        """The same call with its results, those it returns and those it refers to, under other names."""
        arguments = (
            (key, Result(names.get(value.name, value.name)) if isinstance(value, Result) else value)
            for key, value in self.arguments
        )
        return replace(self, arguments=tuple(arguments), result=names.get(self.result, self.result))

    def referring(self, results: Mapping[str, str]) -> Call:
        """The same call, with ids that earlier calls returned replaced by references to them."""
        names = {id: name for name, id in results.items()}
        arguments = ((key, Result(names[value]) if value in names else value) for key, value in self.arguments)
        return replace(self, arguments=tuple(arguments))


def _flag(name: str, value: object) -> str:
    """An argument on a command line; a secret is asked for there, or left to be filled in."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    if name in SECRETS:
        return f"--{flag}={'-' if name == 'password' else HIDDEN}"
    if isinstance(value, (list, tuple)):
        return f"--{flag} {' '.join(map(_word, value))}"
    return f"--{flag}={_word(value)}" if str(value).startswith("-") else f"--{flag} {_word(value)}"


def _word(value: object) -> str:
    return f'"${value.name}"' if isinstance(value, Result) else shlex.quote(str(value))


def _literal(name: str, value: object) -> str:
    if name in SECRETS:
        return HIDDEN
    if isinstance(value, (bool, int, Result)) or value is None:
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_literal("", item) for item in value) + "]"
    return f'"{value}"'


def make_all(cloud: Cloud, calls: Iterable[Call]) -> dict[str, str]:
    """Make calls in order; returns the ids of their results by name. Raises CloudError at the first refusal."""
    results: dict[str, str] = {}
    for call in calls:
        call.make(cloud, results)
    return results
