"""Reading the fields of a message in order, and no byte more than there are."""

from __future__ import annotations

import struct
from typing import Any

from dataplane.ike.errors import MalformedIke
from dataplane.packets import Buffer


class Reader:
    """A position in some bytes. `what` names them in an error. Everything raises MalformedIke when the bytes run out."""

    __slots__ = ("_data", "_position", "_what")

    def __init__(self, data: Buffer, what: str) -> None:
        self._data = bytes(data)
        self._position = 0
        self._what = what

    def __len__(self) -> int:
        """Bytes left."""
        return len(self._data) - self._position

    def take(self, length: int) -> bytes:
        if length > len(self):
            raise MalformedIke(f"{self._what}: {length} bytes are wanted, {len(self)} are left")
        start = self._position
        self._position += length
        return self._data[start : self._position]

    def fields(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))

    def rest(self) -> bytes:
        return self.take(len(self))

    def within(self, length: int, header: int, what: str) -> Reader:
        """What follows a header that was just read and says how long both are together."""
        if length < header:
            raise MalformedIke(f"{what}: a length of {length} bytes is less than its header's {header}")
        return Reader(self.take(length - header), what)

    def end(self) -> None:
        """Nothing may be left."""
        if len(self):
            raise MalformedIke(f"{self._what}: {len(self)} bytes too many")
