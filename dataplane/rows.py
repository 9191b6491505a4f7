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

MOST_ROWS = 128
"""Datagrams in one batch. Our choice: what is done once for a batch is then small beside what is done for each of them."""

STRIDES_KEPT = 32
SHAPES_KEPT = 512
"""Our choice: a bulk flow needs one or two; a stride takes up to 120 KB, a shape 5."""

Key = TypeVar("Key", bound=Hashable)
Shape = TypeVar("Shape")


class Slots:
    """What the cipher is called with, for a datagram every `stride` bytes of a memory. The nonces have a memory of their own."""

    def __init__(self, memory: memoryview, stride: int) -> None:
        self._memory = memory
        self._stride = stride
        self._nonce_memory = memoryview(bytearray(MOST_ROWS * NONCE_LENGTH))
        self._nonces = np.frombuffer(self._nonce_memory, np.uint8).reshape(MOST_ROWS, NONCE_LENGTH)
        self._slots: list[Slot] = []

    def each(self, count: int, end: int) -> list[Slot]:
        """Those of the first `count` datagrams, the last of which ends at `end` and may be shorter than the others."""
        for index in range(len(self._slots), count):
            self._slots.append(self._slot(index, (index + 1) * self._stride))
        slots = self._slots[:count]
        if end < count * self._stride:
            slots[-1] = self._slot(count - 1, end)
        return slots

    def _slot(self, index: int, end: int) -> Slot:
        datagram = self._memory[index * self._stride : end]
        nonce = self._nonce_memory[index * NONCE_LENGTH : (index + 1) * NONCE_LENGTH]
        return Slot(nonce, datagram[:ASSOCIATED_LENGTH], datagram[PAYLOAD_OFFSET:-ICV_LENGTH], datagram[PAYLOAD_OFFSET:])

    def write_nonces(self, salt: bytes, ivs: Rows) -> None:
        """The salt, then the explicit IV. RFC 4106 §4, RFC 7634 §2."""
        nonces = self._nonces[: len(ivs)]
        nonces[:, :SALT_LENGTH] = np.frombuffer(salt, np.uint8)
        nonces[:, SALT_LENGTH:] = ivs


class Kept(Generic[Key, Shape]):
    """What was made for a shape, kept for the next batch of it. When there are too many, all are forgotten."""

    def __init__(self, most: int, make: Callable[[Key], Shape]) -> None:
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
