"""Failed log-ons of the SAG app, kept beside a lab's state: who guesses passwords gains nothing by a supervisor that dies."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from lab.cloud.attempts import Attempts, Failed
from lab.errors import LabError

SCHEMA = "CREATE TABLE IF NOT EXISTS failed_log_on (account TEXT PRIMARY KEY, moments TEXT);"
"""Of a log-on nothing is written down but which account it was for, and when it failed."""


class NotKept(LabError):
    """A change could not be written down, so it was not made."""


class Failures:
    """A table of a database that is somebody else's to open and close."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def begin(self, attempts: Attempts) -> None:
        """Forget what is there, and keep what fails from here on."""
        with self._database:
            self._database.execute("DELETE FROM failed_log_on")
        attempts.keep_with(self._keep)

    def restore(self, attempts: Attempts) -> None:
        """Remember what failed, and keep what comes after it."""
        attempts.keep_with(self._keep, self._kept())

    def _kept(self) -> Failed:
        rows = self._database.execute("SELECT account, moments FROM failed_log_on")
        return {account: [datetime.fromisoformat(moment) for moment in json.loads(moments)] for account, moments in rows}

    def _keep(self, account: str, failed: Sequence[datetime]) -> None:
        """Raises NotKept; then the log-on has failed for another reason, and taught nobody anything."""
        moments = json.dumps([moment.isoformat() for moment in failed])
        try:
            with self._database:
                self._database.execute("DELETE FROM failed_log_on WHERE account = ?", (account,))
                if failed:
                    self._database.execute("INSERT INTO failed_log_on VALUES (?, ?)", (account, moments))
        except sqlite3.Error as error:
            raise NotKept(f"that a log-on of {account} failed cannot be kept: {error}") from error
