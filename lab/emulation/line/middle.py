"""Where a line is: in a node in the middle of a link, between two interfaces without addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lab.emulation.machine import Machine


@dataclass(frozen=True, slots=True)
class Middle:
    """`left` leads to the link's first end, `right` to its second."""

    machine: Machine
    left: str
    right: str

    MTU: ClassVar[int] = 65535
    """Of both interfaces, drivers/net/veth.c's largest: what passes is the ends' affair and the line's."""
