"""What the supervisor asks the warm parent for, and is answered. Descriptors travel beside the message."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

KEYS_FD = 3
"""Under which number a dataplane finds the file of its keys: its configuration says so before it is born."""

MESSAGE_LENGTH = 4096
"""Bytes of a message at most: two paths and a number. Our choice."""


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
