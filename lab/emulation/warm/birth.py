"""What the supervisor asks the warm parent for, and is answered. Descriptors travel beside the messages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

MESSAGE_LENGTH = 4096
"""Bytes of a message at most: a path and a number, or a reason. Our choice."""


@dataclass(frozen=True, slots=True)
class Birth:
    """A dataplane that is wanted in the namespaces of the process `node`. Beside it: keys, standard output, standard error."""

    node: int
    config: str

    DESCRIPTORS = 3

    @staticmethod
    def read(message: bytes) -> Birth:
        return Birth(**json.loads(message))

    def __bytes__(self) -> bytes:
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """The number of the new process, with a descriptor of it beside; or why there is none."""

    pid: int = 0
    error: str = ""

    @staticmethod
    def read(message: bytes) -> Answer:
        return Answer(**json.loads(message))

    def __bytes__(self) -> bytes:
        return json.dumps({"pid": self.pid, "error": self.error[: MESSAGE_LENGTH // 8]}).encode()
