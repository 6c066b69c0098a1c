"""Opening our own database, and bringing its tables up to date.

What must survive a power cut is the claim, and what a reader or an operator has ordered, so SQLite syncs
commits (``synchronous=FULL``) and PostgreSQL commits synchronously, unless a transaction says otherwise.
Write transactions on SQLite are ``IMMEDIATE``: a deferred one that reads first fails at once when another
process writes meanwhile.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from urllib.parse import unquote, urlsplit

from peewee import Database, SqliteDatabase

from quizmail import models
from quizmail.errors import ConfigurationError
from quizmail.models import Delivery, Moment, Table

MIGRATIONS = Path(__file__).parent / "migrations"

#: Peewee's table of the migrations that were applied.
_HISTORY = "schema_migration"

#: The moment of the first migration: slots before it are not due.
INSTALLED = "installed"

T = TypeVar("T")

#: Whose turn it is to write to SQLite, among the threads of this process.
_turn = threading.RLock()

#: Work that shall be written to SQLite together, in the order in which it came.
_waiting: deque["_Job[Any]"] = deque()

_SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "busy_timeout": 30_000,  # milliseconds
    "wal_autocheckpoint": 4_000,  # pages: fewer checkpoints, each of which syncs the whole database
    "foreign_keys": 1,
    "cache_size": -512,  # KiB: every thread has a connection, and mails have no page in common
}


def connect(url: str, *, connections: int = 20) -> Database:
    """Return the database of a ``sqlite:///`` or ``postgresql://`` `url`; nothing is opened yet.

    Args:
        connections: the most that one process opens at a time on PostgreSQL.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:])
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return SqliteDatabase(path, pragmas=_SQLITE_PRAGMAS)
    # Not above: who works on SQLite needs neither the driver nor the pool.
    from playhouse.db_url import connect as connect_url

    pooled = parts._replace(scheme="psycopg3+pool").geturl()
    durable = {"options": "-c synchronous_commit=on"}  # A claim must survive a power cut.
    return connect_url(pooled, max_connections=connections, timeout=30, stale_timeout=300, **durable)


@contextmanager
def transaction(*, durable: bool = True) -> Iterator[None]:
    """Run the block as one write transaction on our database, committed at its end.

    Args:
        durable: whether the commit is synced to disk before it counts. What is merely lost by a power
            cut, and can be done again or becomes ``unknown``, need not be; it costs most of the time.
    """
    database = models.database.obj
    if isinstance(database, SqliteDatabase):
        with _writing(database, durable), database.atomic("IMMEDIATE"):
            yield
    else:
        with database.atomic():
            if not durable:
                database.execute_sql("SET LOCAL synchronous_commit = off")
            yield


def together(work: Callable[[], T], *, durable: bool = True) -> T:
    """Run `work` in a write transaction and return its result, once that is committed.

    On SQLite threads that come while another one writes share the next transaction, and so its one sync:
    a commit costs as much for eight mails as for one. PostgreSQL does the like by itself.

    Args:
        work: a few statements; it may be run twice, and by another thread.
        durable: as for ``transaction``.
    """
    database = models.database.obj
    if not isinstance(database, SqliteDatabase) or database.in_transaction():
        # Others' work must not depend on what becomes of a transaction that is open already.
        with transaction(durable=durable):
            return work()
    job: _Job[T] = _Job(work, durable)
    _waiting.append(job)
    with _turn:
        if not job.is_done:
            others = [_waiting.popleft() for _ in range(len(_waiting))]
            # Not only what still waits: whoever had taken this job may have died with it.
            _run([job, *(other for other in others if other is not job)])
    return job.result()


class _Job(Generic[T]):
    """A piece of work, and what came of it."""

    def __init__(self, work: Callable[[], T], durable: bool) -> None:
        self.work, self.durable, self.is_done = work, durable, False
        self._value: T | None = None
        self._problem: Exception | None = None

    def attempt(self) -> None:
        self._value = self.work()

    def alone(self) -> None:
        """Run the work in a transaction of its own, and keep what it raises for whoever waits for it."""
        try:
            with transaction(durable=self.durable):
                self.attempt()
        except Exception as problem:
            self._problem = problem

    def result(self) -> T:
        if self._problem is not None:
            raise self._problem
        return cast(T, self._value)


def _run(jobs: Sequence[_Job[Any]]) -> None:
    """Run the jobs in one transaction; when one of them fails, each in its own, so that no other suffers."""
    try:
        with transaction(durable=any(job.durable for job in jobs)):
            for job in jobs:
                job.attempt()
    except Exception:
        for job in jobs:
            job.alone()
    for job in jobs:
        job.is_done = True


@contextmanager
def _writing(database: SqliteDatabase, durable: bool) -> Iterator[None]:
    """Let this process's threads write to SQLite in turn.

    SQLite makes a writer that finds another one sleep for milliseconds; a lock wakes the next at once.
    """
    with _turn:
        if durable or database.in_transaction():
            yield
            return
        database.execute_sql("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            database.execute_sql("PRAGMA synchronous = FULL")


def insert_new(table: type[Table], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Insert the rows whose unique key is free, as one flat statement, and return how many there were.

    Peewee makes a node of every value, which for a whole page takes longer than the page's queries.
    Values are in the order of `columns`; SQLite takes at most 32 766 of them in one statement.
    """
    if not rows:
        return 0
    database, fields = models.database.obj, [table._meta.columns[name] for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    row = f"({', '.join([database.param] * len(columns))})"
    values = [field.db_value(value) for each in rows for field, value in zip(fields, each, strict=True)]
    into = f"INSERT INTO {table._meta.table_name} ({names}) VALUES {', '.join([row] * len(rows))}"
    count: int = database.execute_sql(f"{into} ON CONFLICT DO NOTHING", values).rowcount
    return count


def migrate(now: datetime) -> list[str]:
    """Bring the tables up to date and return the names of the migrations that were applied."""
    # Not above: it loads what Peewee has for every kind of database.
    from playhouse.migrations import Runner

    logging.getLogger("peewee.migrations").setLevel(logging.WARNING)
    applied: list[str] = Runner(models.database.obj, str(MIGRATIONS), table_name=_HISTORY).up()
    Moment.insert(name=INSTALLED, at=now).on_conflict_ignore().execute()
    return applied


def verify() -> None:
    """Refuse a database that was not migrated, or whose deliveries are not unique.

    Raises:
        ConfigurationError: with what to do about it.
    """
    database = models.database.obj
    if not _migrations() <= _applied():
        raise ConfigurationError(
            ["DATABASE_URL: its tables are not up to date: run `make migrate` (`python -m quizmail migrate`)"]
        )
    unique = {tuple(index.columns) for index in database.get_indexes("delivery") if index.unique}
    if ("kind", "user_id", "period") not in unique:
        raise ConfigurationError(
            [f"DATABASE_URL: table {Delivery._meta.table_name} lacks its unique key (kind, user_id, period)"]
        )


def _migrations() -> set[str]:
    return {path.stem for path in MIGRATIONS.glob("[0-9]*.py")}


def _applied() -> set[str]:
    """Return the names of the migrations that the database says it has had.

    Every process asks; Peewee's own runner would load much for the answer.
    """
    database = models.database.obj
    if not database.table_exists(_HISTORY):
        return set()
    return {name for (name,) in database.execute_sql(f"SELECT name FROM {_HISTORY}").fetchall()}


def installed_at() -> datetime:
    """Return the instant of the first migration."""
    at: datetime = Moment.get_by_id(INSTALLED).at
    return at


def give_back(*, failed: bool = False) -> None:
    """Give this thread's connection back after a piece of work.

    A SQLite connection is kept, since opening one costs more than most work; after a failure every
    connection is closed, lest a broken one be used again.
    """
    database = models.database.obj
    if failed or not isinstance(database, SqliteDatabase):
        database.close()
