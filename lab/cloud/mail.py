"""Mail that a provider sends to people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Mail:
    """`text` may hold a password: it is delivered, and neither kept nor logged."""

    to: str
    subject: str
    text: str = field(repr=False)


Post = Callable[[Mail], None]


def drop(_mail: Mail) -> None:
    """The post of a cloud that nobody gave one."""
