"""The providers' operations as data: what can be called, with which parameters, and what comes back."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, get_type_hints

from lab.cloud.alibaba import Alibaba
from lab.cloud.aws import Aws
from lab.cloud.clock import Clock
from lab.cloud.operation import Provider
from lab.cloud.terminals import Terminals
from lab.errors import UsageError
from lab.supervisor.wire import WireError, decode

PROVIDERS: Mapping[str, type[Provider]] = MappingProxyType(
    {"aws": Aws, "alibaba": Alibaba, "clock": Clock, "terminals": Terminals}
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`kind` is the annotated type."""

    name: str
    kind: Any
    required: bool
    default: object


@dataclass(frozen=True, slots=True)
class OperationInfo:
    """An operation as its signature and docstring tell it; `returns` is the annotated type."""

    provider: str
    name: str
    text: str
    parameters: tuple[Parameter, ...]
    returns: Any

    @property
    def title(self) -> str:
        return self.text.splitlines()[0] if self.text else ""

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of these types from JSON. Raises UsageError for one that does not exist, does not fit or is missing."""
        kinds = {parameter.name: parameter.kind for parameter in self.parameters}
        unknown = [name for name in given if name not in kinds]
        missing = [parameter.name for parameter in self.parameters if parameter.required and parameter.name not in given]
        problems = [f"has no parameter {name}" for name in unknown] + [f"needs {name}" for name in missing]
        arguments = {}
        for name in kinds.keys() & given.keys():
            try:
                arguments[name] = decode(kinds[name], given[name])
            except WireError as error:
                problems.append(f"takes no such {name}: {error}")
        if problems:
            raise UsageError(f"{self.provider} {self.name} " + ", ".join(problems))
        return arguments


@cache
def operations(provider: str) -> Mapping[str, OperationInfo]:
    """The public operations of a provider by name, in alphabetical order. Raises UsageError for an unknown provider."""
    if provider not in PROVIDERS:
        raise UsageError(f"no provider {provider!r}; there are: {', '.join(PROVIDERS)}")
    members = inspect.getmembers(PROVIDERS[provider], inspect.isfunction)
    return MappingProxyType({name: _info(provider, name, member) for name, member in members if not name.startswith("_")})


def find_operation(provider: str, name: str) -> OperationInfo:
    """Raises UsageError for an unknown one."""
    try:
        return operations(provider)[name]
    except KeyError:
        raise UsageError(f"{provider} has no operation {name!r}; `saglab call {provider} --help` lists them") from None


def _info(provider: str, name: str, function: Any) -> OperationInfo:
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]  # without self
    read = tuple(_parameter(parameter, hints[parameter.name]) for parameter in parameters)
    return OperationInfo(provider, name, inspect.getdoc(function) or "", read, hints["return"])


def _parameter(parameter: inspect.Parameter, kind: Any) -> Parameter:
    required = parameter.default is parameter.empty
    return Parameter(parameter.name, kind, required, None if required else parameter.default)
