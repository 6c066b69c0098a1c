"""Opening our own database, and bringing its tables up to date.

What must survive a power cut is the claim, and what a reader or an operator has ordered, so SQLite syncs
commits (``synchronous=FULL``) and PostgreSQL commits synchronously, unless a transaction says otherwise.
Write transactions on SQLite are ``IMMEDIATE``: a deferred one that reads first fails at once when another
process writes meanwhile.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from peewee import Database, Field, SqliteDatabase

from quizmail import models
from quizmail.errors import ConfigurationError
from quizmail.fields import InstantField, JSONField
from quizmail.models import Delivery, Moment, Table
from quizmail.turns import PATIENCE, SharedSqlite

MIGRATIONS = Path(__file__).parent / "migrations"

#: Peewee's table of the migrations that were applied.
_HISTORY = "schema_migration"

#: The moment of the first migration: slots before it are not due.
INSTALLED = "installed"

_SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "busy_timeout": int(PATIENCE * 1000),  # milliseconds
    "wal_autocheckpoint": 16000,  # pages: fewer checkpoints, each of which syncs the whole database
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
        return SharedSqlite(path, pragmas=_SQLITE_PRAGMAS)
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
    if isinstance(database, SharedSqlite):
        with _writing(database, durable), database.atomic("IMMEDIATE"):
            yield
    else:
        # Inside of another transaction the setting would hold for the whole of that one.
        is_lasting = durable or database.in_transaction()
        with database.atomic():
            if not is_lasting:
                database.execute_sql("SET LOCAL synchronous_commit = off")
            yield


@contextmanager
def _writing(database: SharedSqlite, durable: bool) -> Iterator[None]:
    """Write to SQLite for the length of the block when it is this thread's turn."""
    with database.turn:
        if durable or database.in_transaction():
            yield
            return
        database.execute_sql("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            database.execute_sql("PRAGMA synchronous = FULL")


def insert_new(table: type[Table], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert the rows whose unique key is free, as one flat statement.

    Peewee makes a node of every value, which for a whole page takes longer than the page's queries.
    Values are in the order of `columns`; SQLite takes at most 32 766 of them in one statement.
    """
    _insert_new(table, columns, rows)


def insert_new_returning(
    table: type[Table], columns: Sequence[str], rows: Sequence[Sequence[Any]], column: str
) -> list[Any]:
    """Do the same, and return the value of `column` in each row that was inserted."""
    new = _insert_new(table, columns, rows, f' RETURNING "{column}"')
    return [value for (value,) in new.fetchall()] if rows else []


def _insert_new(
    table: type[Table], columns: Sequence[str], rows: Sequence[Sequence[Any]], returning: str = ""
) -> Any:
    if not rows:
        return None
    database, fields = models.database.obj, [table._meta.columns[name] for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    row = f"({', '.join([database.param] * len(columns))})"
    encoded = map(_encoded, fields, zip(*rows, strict=True))
    values = list(chain.from_iterable(zip(*encoded, strict=True)))
    into = f"INSERT INTO {table._meta.table_name} ({names}) VALUES {', '.join([row] * len(rows))}"
    return database.execute_sql(f"{into} ON CONFLICT DO NOTHING{returning}", values)


def _encoded(field: Field, values: Sequence[Any]) -> Sequence[Any]:
    """Return the `values` of a column as the driver takes them: it knows all but our own kinds of fields."""
    if isinstance(field, InstantField | JSONField):
        return [field.db_value(value) for value in values]
    return values


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
