"""Whose turn it is to write to an SQLite file, among the threads of a process and among processes.

SQLite makes a writer that finds another one sleep, for up to a tenth of a second, and look again: whoever
writes much keeps all others out, and single mails wait for a fifth of a second. Here who waits looks much
more often. It is an agreement among Quizmail's own processes, for speed; that there is one writer at a time
is SQLite's own care.
"""

import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from peewee import SqliteDatabase

_WRITING = ("INSERT", "UPDATE", "DELETE")

#: Seconds. As long as SQLite itself waits; and how often it is looked whether the other one has finished.
_PATIENCE, _PAUSE = 30.0, 0.0003


class SharedSqlite(SqliteDatabase):
    """An SQLite file to which many write."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._thread_turn = threading.RLock()
        self._depth = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until nobody else writes, for the length of the block. The turn of who dies is over."""
        with self._thread_turn:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._wait()
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def _wait(self) -> None:
        """Take the turn; after half a minute go on without it, and leave the rest to SQLite."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    return
                time.sleep(_PAUSE)
            else:
                return

    def execute_sql(self, sql: str, params: Any = None, *rest: Any, **options: Any) -> Any:
        """Run a statement; one that writes outside of a transaction waits for its turn."""
        if self.in_transaction() or not sql.startswith(_WRITING):
            return super().execute_sql(sql, params, *rest, **options)
        with self.turn():
            return super().execute_sql(sql, params, *rest, **options)

    @cached_property
    def _file(self) -> int:
        """The open file beside the database whose lock is the turn of a process.

        Like SQLite's own files there it is for everybody whom the database is for: the web process may run
        as another user than the workers.
        """
        self.connection()  # makes the database, if it is not there yet
        mode = stat.S_IMODE(os.stat(self.database).st_mode)
        file = os.open(f"{self.database}-turn", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, mode)
        with suppress(PermissionError):  # Whose file it is has done so.
            os.fchmod(file, mode)
        return file
