"""What is counted for each client, where it outlives the process: a file that the worker maps. It performs no I/O.

     0        64                              128
     ┌────────┬───────────────────────────────┬──
     │ magic  │ name, padded with zeros       │ eight cells of 64 bits … and so on, a record of 128 bytes for each name
     └────────┴───────────────────────────────┴──

A cell is written with one store, so whoever reads while it is written, or after the writer was killed in the middle of anything,
sees a number that was true. A record is never taken away: a name goes on where it left off. One process writes, any may read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import NamedTuple

from dataplane.errors import LocalError

MAGIC = b"saglab meters 1".ljust(64, b"\0")
NAME_LENGTH = 64
CELLS_LENGTH = 64
RECORD_LENGTH = NAME_LENGTH + CELLS_LENGTH
MOST_RECORDS = 32768  # our choice: an instance has 1,000 accounts at most, and a file of 4 MB with holes costs what is used of it
FILE_LENGTH = len(MAGIC) + MOST_RECORDS * RECORD_LENGTH

_CELL = 8
FINGERPRINT_LENGTH = _CELL


class Cell(IntEnum):
    """What stands where. Bytes and packets are inner ones, as they go on: what is dropped is counted apart."""

    RECEIVED_PACKETS = 0
    RECEIVED_BYTES = 1
    SENT_PACKETS = 2
    SENT_BYTES = 3
    RECEIVED_DROPS = 4  # packets from the client beyond its bandwidth
    SENT_DROPS = 5  # packets to the client, likewise
    SPENT_KEY = 6  # the fingerprint of the key that was spent last


class MetersError(LocalError):
    """The file is none of ours, or full."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was counted under a name since it was first used."""

    received_packets: int = 0
    received_bytes: int = 0
    sent_packets: int = 0
    sent_bytes: int = 0
    received_drops: int = 0
    sent_drops: int = 0

    def __add__(self, other: Reading) -> Reading:
        return Reading(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def since(self, before: Reading) -> Reading:
        """What has come since an earlier reading."""
        return Reading(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


class Record:
    """The cells of one name."""

    __slots__ = ("cells",)

    def __init__(self, cells: memoryview) -> None:
        self.cells = cells.cast("Q")

    def is_spent(self, key: bytes) -> bool:
        """Whether this is the key that was spent last."""
        return self.cells[Cell.SPENT_KEY] == fingerprint(key)

    def spend(self, key: bytes) -> None:
        self.cells[Cell.SPENT_KEY] = fingerprint(key)

    def read(self) -> Reading:
        return Reading(*self.cells[: Cell.SPENT_KEY].tolist())


class Entry(NamedTuple):
    """What packets of `length` bytes in all add to a record, in its cell `first` and the one behind it.

    Whoever gives them on puts it down right before the system call that does so. A call that was begun is finished even if the
    process is killed in it, so what is counted and what went on differ by that one call's packets at most, and then only if the
    process dies in the instant between the two.
    """

    record: Record
    first: int
    length: int
    packets: int = 1

    def put_down(self) -> None:
        """The bytes are what is billed, so they come last: right before the call."""
        cells, first = self.record.cells, self.first
        cells[first] += self.packets
        cells[first + 1] += self.length

    def strike(self) -> None:
        """The kernel refused them."""
        cells, first = self.record.cells, self.first
        cells[first + 1] -= self.length
        cells[first] -= self.packets


def summed(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for those that follow each other and belong together."""
    sums: list[Entry] = []
    for record, first, length, packets in entries:
        last = sums[-1] if sums else None
        if last is not None and last.record is record and last.first == first:
            sums[-1] = Entry(record, first, last.length + length, last.packets + packets)
        else:
            sums.append(Entry(record, first, length, packets))
    return sums


class Meters:
    """The records in a file's bytes, which are zero where it is new. Raises MetersError for a file of another kind."""

    def __init__(self, memory: memoryview) -> None:
        _require_ours(memory)
        if len(memory) != FILE_LENGTH:
            raise MetersError(f"the file for the meters has {len(memory)} bytes, not {FILE_LENGTH}; remove it")
        memory[: len(MAGIC)] = MAGIC
        self._memory = memory
        self._used = len(MAGIC)
        self._records = {name: Record(cells) for name, cells in _each(memory)}
        self._used += len(self._records) * RECORD_LENGTH

    def record(self, name: str) -> Record:
        """That of a name, a new one for a new name. Raises MetersError when there is no room for another."""
        known = self._records.get(name)
        return self._begin(name) if known is None else known

    def _begin(self, name: str) -> Record:
        encoded = name.encode()
        if self._used + RECORD_LENGTH > len(self._memory):
            raise MetersError(f"the file for the meters holds {MOST_RECORDS} names already, and {name!r} finds no room")
        start, self._used = self._used, self._used + RECORD_LENGTH
        # The first byte makes the record a used one, so it is written when the others are there.
        self._memory[start + 1 : start + NAME_LENGTH] = encoded[1:].ljust(NAME_LENGTH - 1, b"\0")
        self._memory[start] = encoded[0]
        self._records[name] = Record(self._memory[start + NAME_LENGTH : start + RECORD_LENGTH])
        return self._records[name]


def read_meters(content: memoryview) -> dict[str, Reading]:
    """What a file says of each name. Raises MetersError for a file of another kind."""
    _require_ours(content)
    return {name: Record(cells).read() for name, cells in _each(content)}


def _require_ours(content: memoryview) -> None:
    """Raises MetersError unless it begins as it should, or nobody has written to it yet."""
    if bytes(content[: len(MAGIC)]) not in (MAGIC, bytes(len(MAGIC))):
        raise MetersError("the file for the meters holds something else; remove it")


def _each(content: memoryview) -> Iterator[tuple[str, memoryview]]:
    for start in range(len(MAGIC), len(content), RECORD_LENGTH):
        name = bytes(content[start : start + NAME_LENGTH]).rstrip(b"\0")
        if not content[start]:
            return
        yield name.decode(), content[start + NAME_LENGTH : start + RECORD_LENGTH]


def fingerprint(key: bytes) -> int:
    """Of a key that is random, so that it gives nothing away."""
    return int.from_bytes(hashlib.sha256(key).digest()[:FINGERPRINT_LENGTH], "big") or 1  # 0 is that of no key
