"""A call to a cloud as data: made, printed, or made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from lab.cloud import Cloud, CloudError


@dataclass(frozen=True, slots=True)
class Call:
    """An operation of a provider ("aws", "alibaba"), or of the "clock".

    Its arguments are text, numbers, or sequences of such.
    """

    provider: str
    name: str
    arguments: Mapping[str, object]

    def make(self, cloud: Cloud) -> None:
        """Make the call. Raises CloudError when it is refused."""
        getattr(getattr(cloud, self.provider), self.name)(**self.arguments)

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.provider}.{self.name}({given})"

    __repr__ = __str__


def make_all(calls: Iterable[Call], cloud: Cloud) -> Cloud:
    """The cloud with these calls made. Refused ones are fine: they change nothing."""
    for call in calls:
        with suppress(CloudError):
            call.make(cloud)
    return cloud
