"""Where something comes from: the resource that owns it and the operation that put it there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The resource an object belongs to, and the operation that made it what it is.

    `resource` is a provider's identifier ("eni-0f3a…"), `operation` the call with its provider in front
    ("aws.modify_network_interface_attribute"), `number` the place of the call in the lab's journal. The number tells a
    scenario which step made the call; 0 stands for what no operation made (the internet itself).
    """

    resource: str
    operation: str
    number: int = 0
