"""The base of everything the store keeps."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from lab.origin import Origin


@dataclass(frozen=True, kw_only=True)
class Record:
    """A resource as the customer configured it. Frozen: a changed resource is a new record under the same id.

    `origin` is the operation that created it; parts that are changed by calls of their own have origins of their own.
    """

    NOUN: ClassVar[str]  # how a message names it: "VPC", "security group"
    NOT_FOUND: ClassVar[str]  # the provider's code for an unknown id
    INDEXED: ClassVar[tuple[str, ...]] = ()  # attributes the store can be asked for; of a tuple each element counts

    id: str
    origin: Origin

    def index_entries(self) -> Iterator[tuple[str, Hashable]]:
        """Each (attribute, value) under which the store finds this record."""
        for attribute in self.INDEXED:
            value = getattr(self, attribute)
            if isinstance(value, tuple):
                yield from ((attribute, element) for element in dict.fromkeys(value))
            elif value is not None:
                yield attribute, value
