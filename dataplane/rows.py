"""Datagrams of one shape, one behind the other in memory: a row each, with views of all parts that they share.

     16          head_length     size                                      -16
     ┌───────────┬───────────────┬───────────────────────┬─────────┬───────┐
     │ ESP head  │ inner headers │ payload               │ trailer │ ICV   │  row 0
     ├───────────┼───────────────┼───────────────────────┼─────────┼───────┤
     │           │               │                       │         │       │  row 1 …

What costs a microsecond in Python is an operation, not a byte. So whatever is done to a batch is done to a column of it, by
numpy; and the views that this needs, more than a hundred of them, are made once for a shape and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np

from dataplane.checksums import Rows
from dataplane.esp import ASSOCIATED_LENGTH, PAYLOAD_OFFSET, Slot
from dataplane.suites import ICV_LENGTH, IV_LENGTH, SALT_LENGTH

NONCE_LENGTH = SALT_LENGTH + IV_LENGTH
SHAPES_KEPT = 64
"""Our choice: a bulk flow needs one or two, and one takes some 100 KB."""

Key = TypeVar("Key", bound=Hashable)
Shape = TypeVar("Shape")


class Nonces:
    """Room for as many nonces as a batch has datagrams."""

    def __init__(self, count: int) -> None:
        memory = memoryview(bytearray(count * NONCE_LENGTH))
        self.each = [memory[start : start + NONCE_LENGTH] for start in range(0, len(memory), NONCE_LENGTH)]
        self._bytes = np.frombuffer(memory, np.uint8).reshape(count, NONCE_LENGTH)
        self._ivs = self._bytes[:, SALT_LENGTH:]

    def write(self, salt: bytes, ivs: Rows) -> None:
        """The salt, then the explicit IV. RFC 4106 §4, RFC 7634 §2."""
        self._bytes[:, :SALT_LENGTH] = np.frombuffer(salt, np.uint8)
        self._ivs[...] = ivs


def slot_of(nonce: memoryview, datagram: memoryview) -> Slot:
    return Slot(
        nonce,
        datagram[:ASSOCIATED_LENGTH],
        datagram[PAYLOAD_OFFSET:-ICV_LENGTH],
        datagram[PAYLOAD_OFFSET:],
    )


class Kept(Generic[Key, Shape]):
    """What was made for a shape, kept for the next batch of it. When there are too many, all are forgotten."""

    def __init__(self, make: Callable[[Key], Shape], most: int = SHAPES_KEPT) -> None:
        self._make = make
        self._most = most
        self._kept: dict[Key, Shape] = {}

    def __getitem__(self, key: Key) -> Shape:
        shape = self._kept.get(key)
        if shape is None:
            if len(self._kept) >= self._most:
                self._kept.clear()
            shape = self._kept[key] = self._make(key)
        return shape
