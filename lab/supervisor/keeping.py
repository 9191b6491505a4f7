"""What outlives a lab: the calls that made its clouds what they are, kept in SQLite.

A cloud follows from its seed and its calls, so these are kept and made again. A call is on disk before it is acknowledged.
Refused calls changed nothing and are not kept; that a log-on failed is (`failures`). What saglab did while a scenario ran counts
once the scenario is through: one that was cut short is begun anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.cloud import Cloud, Identity, Operation
from lab.cloud.password import Password
from lab.errors import MachineError, UsageError
from lab.supervisor.failures import SCHEMA, Failures, NotKept
from lab.supervisor.operations import find_operation
from lab.supervisor.wire import encode

STATES = Path("/var/lib/saglab")
_METERS = "meters"  # a directory
_DATABASES = ("state.db", "traffic.db")
_FILES = (*(f"{name}{suffix}" for name in _DATABASES for suffix in ("", "-wal", "-shm")), "lock")
_FORMAT = 3  # another one is not read
_HASH = "argon2id"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS lab (format INTEGER, scenario TEXT, left_out TEXT, seed BLOB, complete INTEGER, scripts INTEGER);
CREATE TABLE IF NOT EXISTS operation (
    number INTEGER PRIMARY KEY, caller TEXT, provider TEXT, name TEXT, parameters TEXT, before TEXT, touched TEXT, result TEXT
);
"""


class StateInUse(UsageError):
    """Another supervisor works on this state."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Which lab a state is of, how many calls it holds, and how many scripts of the customer's its scenario brought."""

    scenario: str
    left_out: tuple[str, ...]
    calls: int
    scripts: int = 0


class Keeping:
    """The state of one lab in a directory of its own, for root alone, locked as long as this is open."""

    def __init__(self, directory: Path) -> None:
        """Make the directory if need be. Raises StateInUse, and MachineError when it cannot be written to or read."""
        self.directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise MachineError(f"the state of the lab cannot be kept in {directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise StateInUse(f"another lab works on the state in {directory}; end it, or give another --state") from None
        try:
            self._database = _open(directory / "state.db")
            self._failures = Failures(self._database)
            self._meters = _open_directory(directory / _METERS)
        except (sqlite3.Error, OSError) as error:
            os.close(self._lock)
            raise MachineError(f"the state of the lab in {directory} cannot be used: {error}") from error

    @property
    def meters(self) -> int:
        """An open directory for what is counted of clients, which goes when the state is forgotten, or begun anew."""
        return self._meters

    @property
    def traffic(self) -> Path:
        """Where the traffic of the lab may be kept, which goes when the state is forgotten."""
        return self.directory / "traffic.db"

    def kept(self) -> Kept | None:
        """What is there; None when nothing is, or a scenario that was cut short."""
        row = self._database.execute("SELECT * FROM lab").fetchone()
        if row is None:
            return None
        if row[0] != _FORMAT:
            raise MachineError(f"the state in {self.directory} has format {row[0]}, not {_FORMAT}; `saglab down` forgets it")
        _, scenario, left_out, _, complete, scripts = row
        if not complete:
            return None
        calls = self._database.execute("SELECT count(*) FROM operation").fetchone()[0]
        return Kept(scenario, tuple(json.loads(left_out)), calls, scripts)

    def begin(self, scenario: str, left_out: Sequence[str], seed: bytes, cloud: Cloud) -> None:
        """Forget what is there, and keep the calls of a new cloud from here on. Raises NotKept."""
        try:
            with self._database:
                self._database.execute("DELETE FROM operation")
                self._database.execute("DELETE FROM lab")
                row = (_FORMAT, scenario, json.dumps(list(left_out)), seed, 0)
                self._database.execute("INSERT INTO lab VALUES (?, ?, ?, ?, ?, 0)", row)
            _empty(self.directory / _METERS)
            self._failures.begin(cloud.attempts)
        except (sqlite3.Error, OSError) as error:
            raise NotKept(f"the lab cannot be kept in {self.directory}: {error}") from error
        cloud.keep_with(self._keep)

    def complete(self, *, scripts: int = 0) -> None:
        """What was kept since `begin` counts now. Of scripts, which are programs, their number is kept. Raises NotKept."""
        try:
            with self._database:
                self._database.execute("UPDATE lab SET complete = 1, scripts = ?", (scripts,))
        except sqlite3.Error as error:
            raise NotKept(f"the lab cannot be kept in {self.directory}: {error}") from error

    def seed(self) -> bytes:
        """The seed of the cloud that is kept."""
        return bytes(self._database.execute("SELECT seed FROM lab").fetchone()[0])

    def restore(self, cloud: Cloud) -> None:
        """Make the kept calls again, on a new cloud of the same seed, and keep what comes after them.

        Raises MachineError when a call does not do what it did: it was kept by another version of saglab.
        """
        rows = self._database.execute("SELECT * FROM operation ORDER BY number").fetchall()
        for number, caller, provider, name, parameters, before, touched, result in rows:
            cloud.supply.move_to(tuple(json.loads(before)))
            arguments = find_operation(provider, name).arguments(_with_password(json.loads(parameters)))
            cloud.call(provider, name, (), arguments, Identity.of(caller))
            done = cloud.journal[number]
            if (list(done.touched), done.result_id) != (json.loads(touched), result):
                raise MachineError(
                    f"call {number}, {provider}.{name}, of the state in {self.directory} does something else in this version of "
                    "saglab; `saglab down` forgets the state"
                )
        self._failures.restore(cloud.attempts)
        cloud.keep_with(self._keep)

    def _keep(self, operation: Operation, before: tuple[int, int, int]) -> None:
        row = (
            operation.number,
            str(operation.caller),
            operation.provider,
            operation.name,
            json.dumps(encode(_without_clear_text(operation.parameters))),
            json.dumps(before),
            json.dumps(operation.touched),
            operation.result_id,
        )
        try:
            with self._database:
                self._database.execute("INSERT INTO operation VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise NotKept(f"{operation.call} cannot be kept in {self.directory}, so nothing was changed: {error}") from error

    def close(self, *, forget: bool = False) -> None:
        """Let go of the state; with `forget`, remove it."""
        self._database.close()
        os.close(self._meters)
        if forget:
            _empty(self.directory / _METERS)
            (self.directory / _METERS).rmdir()
            for name in _FILES:
                (self.directory / name).unlink(missing_ok=True)
            with suppress(OSError):  # it was the user's own, and holds other things
                self.directory.rmdir()
        os.close(self._lock)


def _without_clear_text(parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters of a call with the hash in place of its password, as `_with_password` reads it."""
    return {name: {_HASH: value.hash} if isinstance(value, Password) else value for name, value in parameters.items()}


def _with_password(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """No other way leads from a hash to a password: over the wire comes clear text only."""
    return {
        name: Password(hash=value[_HASH]) if isinstance(value, dict) and value.keys() == {_HASH} else value
        for name, value in parameters.items()
    }


def _open_directory(path: Path) -> int:
    path.mkdir(mode=0o700, exist_ok=True)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def _open(path: Path) -> sqlite3.Connection:
    """With write-ahead log and a sync at each commit: what was committed survives the machine, too."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite makes its other files like this one
    database = sqlite3.connect(path, isolation_level="IMMEDIATE")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    with database:
        for statement in (*filter(str.strip, _SCHEMA.split(";")), SCHEMA):
            database.execute(statement)
    return database
