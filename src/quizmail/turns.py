"""Whose turn it is to write to an SQLite file, among the threads of a process and among processes.

SQLite lets one write at a time. It makes a writer that finds another one sleep, for up to a tenth of a
second, and look again: whoever writes much keeps all others out, and single mails wait for a fifth of a
second. Here who waits looks much more often, and of each process only one thread does.
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import Any

from peewee import SqliteDatabase, __exception_wrapper__

_WRITING = ("INSERT", "UPDATE", "DELETE")

#: Seconds. The longest that a writer waits; and how often it looks whether the other one has finished.
PATIENCE, _PAUSE = 30.0, 0.0003


class SharedSqlite(SqliteDatabase):
    """An SQLite file to which many write.

    Attributes:
        turn: held by the thread of this process that writes, or waits for another process.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.turn = threading.RLock()

    def begin(self, lock_type: str | None = None) -> None:
        """Begin a transaction, one that writes (``IMMEDIATE``) when no other process does."""
        if lock_type is None:
            super().begin()
        else:
            self._insist(f"BEGIN {lock_type}")

    def execute_sql(self, sql: str, params: Any = None, *rest: Any, **options: Any) -> Any:
        """Run a statement; one that writes outside of a transaction waits for its turn."""
        if self.in_transaction() or not sql.startswith(_WRITING):
            return super().execute_sql(sql, params, *rest, **options)
        with self.turn:
            return self._insist(sql, params or ())

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run a statement, inside of a transaction, for each of `rows`; return how many it changed in all."""
        with __exception_wrapper__:
            return self.cursor().executemany(sql, rows).rowcount

    def _insist(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """Run a statement that only one at a time may run; in vain it is tried again for half a minute."""
        connection, until = self.connection(), time.monotonic() + PATIENCE
        with __exception_wrapper__:
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                while True:
                    try:
                        return connection.execute(sql, params)
                    except sqlite3.OperationalError as problem:
                        if not _is_busy(problem) or time.monotonic() > until:
                            raise
                    time.sleep(_PAUSE)
            finally:
                connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")


def _is_busy(problem: sqlite3.OperationalError) -> bool:
    return problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
