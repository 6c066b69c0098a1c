"""Running SELECTs against a platform's database, and what it means when one fails."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import peewee
from peewee import Database, SqliteDatabase
from playhouse.pool import MaxConnectionsExceeded

from quizmail.errors import PlatformUnavailable
from quizmail.prepared import Parameter
from quizmail.sources import Source

#: What SQLite says when the fault is not the SELECT's.
_SQLITE_UNAVAILABLE = (
    "unable to open",
    "locked",
    "busy",
    "disk i/o",
    "disk image is malformed",
    "not a database",
)

#: What peewee raises when PostgreSQL, not the SELECT, is at fault.
_POSTGRESQL_UNAVAILABLE = (peewee.OperationalError, peewee.InterfaceError, peewee.InternalError)

#: How many rows a streamed query fetches at a time.
_BATCH = 2000


class Compiled(NamedTuple):
    """A query as text, with its values; a ``Parameter`` among them waits for one."""

    text: str
    values: Sequence[Any]

    def given(self, values: Sequence[Any]) -> "Compiled":
        """Return the query with `values` in the places of its parameters, which are named by number."""
        chosen = [values[int(each.name)] if isinstance(each, Parameter) else each for each in self.values]
        return Compiled(self.text, chosen)


class Queries:
    """A read-only database. Every thread has a connection of its own.

    Every method that reads raises PlatformUnavailable when the database does not answer now, and
    SourceError when a SELECT of the source file does not work.
    """

    def __init__(self, database: Database, source: Source) -> None:
        self.database, self.source = database, source
        self.is_sqlite = isinstance(database, SqliteDatabase)
        #: The zone of the session, when a SELECT compares with ``:now``.
        self.session_zone: str | None = None

    def connect(self) -> None:
        """Open this thread's connection, unless it is open."""
        with self._answering():
            self.database.connect(reuse_if_open=True)

    def close(self) -> None:
        """Close this thread's connection; on PostgreSQL it goes back to the pool."""
        if not self.database.is_closed():
            self.database.close()

    def close_all(self) -> None:
        """Close this thread's connection and all that wait in the pool."""
        self.close()
        if not self.is_sqlite:
            self.database.close_all()

    def fetch(self, query: Any) -> list[tuple[Any, ...]]:
        """Run `query` and return its rows as tuples."""
        kept = not self.database.is_closed()
        try:
            return self._fetch(query)
        except PlatformUnavailable:
            # A kept connection may have been closed by the server since; a new one may work.
            if self.is_sqlite or not kept:
                raise
            return self._fetch(query)

    def compile(self, query: Any) -> "Compiled":
        """Return `query` as text, to be run many times with values in the places of its parameters."""
        text, values = self.database.get_sql_context().sql(query).query()
        return Compiled(text, values)

    def stream(self, query: Any) -> Iterator[tuple[Any, ...]]:
        """Run `query` and yield its rows as they come, without keeping them in memory."""
        with self.running(query, streaming=True) as cursor:
            while rows := cursor.fetchmany(_BATCH):
                yield from rows

    @contextmanager
    def running(self, query: Any, row_set: str | None = None, streaming: bool = False) -> Iterator[Any]:
        """Give the driver's cursor of `query`; a failure names the `row_set` that is asked for."""
        with self._answering(row_set):
            cursor = self._execute(query, streaming)
            try:
                yield cursor
            finally:
                self._finish(cursor)

    def _fetch(self, query: Any) -> list[tuple[Any, ...]]:
        with self.running(query) as cursor:
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def _execute(self, query: Any, streaming: bool) -> Any:
        text, values = query if isinstance(query, Compiled) else self.compile(query)
        if self.is_sqlite:
            return self.database.execute_sql(text, values)
        if self.session_zone:
            # For this transaction: a timestamp with a zone is compared with :now in the zone of :now.
            self.database.execute_sql("SELECT set_config('TimeZone', %s, TRUE)", (self.session_zone,))
        return self.database.execute_sql(text, values, named_cursor=streaming or None)

    def _finish(self, cursor: Any) -> None:
        cursor.close()
        if not self.is_sqlite:
            self.database.connection().rollback()

    @contextmanager
    def _answering(self, row_set: str | None = None) -> Iterator[None]:
        try:
            with peewee.__exception_wrapper__:
                yield
        except MaxConnectionsExceeded as problem:
            raise PlatformUnavailable(f"the platform's database: {problem}") from None
        except peewee.PeeweeException as problem:
            said = str(problem.args[0] if problem.args else problem).strip().partition("\n")[0]
            unavailable = self._is_unavailable(problem, said)
            self._tidy_up(drop=unavailable)
            if unavailable:
                raise PlatformUnavailable(f"the platform's database does not answer: {said}") from None
            raise self.source.error(said, row_set) from None

    def _is_unavailable(self, problem: Exception, said: str) -> bool:
        if self.is_sqlite:
            return any(sign in said.lower() for sign in _SQLITE_UNAVAILABLE)
        return isinstance(problem, _POSTGRESQL_UNAVAILABLE)

    def _tidy_up(self, drop: bool) -> None:
        """End the failed transaction, or drop the connection altogether."""
        if self.is_sqlite or self.database.is_closed():
            return
        if drop:
            self.database.manual_close()
        else:
            self.database.connection().rollback()
