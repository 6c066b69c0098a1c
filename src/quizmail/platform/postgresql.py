"""A platform on PostgreSQL through psycopg 3, loaded when there is one."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from urllib.parse import unquote

from playhouse.db_url import parse
from playhouse.postgres_ext import PooledPsycopg3Database
from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

from quizmail.platform.instants import FAR_FUTURE

#: How long to wait for a connection, in seconds.
CONNECT_TIMEOUT = 10


class ReadOnlyPostgresql(PooledPsycopg3Database):
    """PostgreSQL through psycopg 3, a pool of connections, READ ONLY transactions only."""

    def _connect(self) -> Any:
        connection = super()._connect()
        if connection.autocommit:
            connection.autocommit = False
            connection.read_only = True
            for name, loader in (("timestamp", _Timestamp), ("timestamptz", _Timestamptz), ("date", _Date)):
                connection.adapters.register_loader(name, loader)
        return connection


def connect(url: str) -> ReadOnlyPostgresql:
    """Return the read-only database of a ``postgresql://`` `url`; nothing is opened yet."""
    options = parse(url, unquote_password=True, unquote_user=True)
    name = options.pop("database") or ""
    options.setdefault("connect_timeout", CONNECT_TIMEOUT)
    # Prepared statements belong to a session, and a pooler gives the session to somebody else.
    options.setdefault("prepare_threshold", None)
    return ReadOnlyPostgresql(unquote(name), timeout=CONNECT_TIMEOUT, stale_timeout=300, **options)


class _Timestamp(TimestampLoader):
    """Reads a timestamp; what lies beyond Python's calendar becomes the far future, or NULL before it."""

    def load(self, data: Buffer) -> datetime:
        return _instant(data, super().load)


class _Timestamptz(TimestamptzLoader):
    """Reads a timestamp with a zone, like ``_Timestamp``."""

    def load(self, data: Buffer) -> datetime:
        return _instant(data, super().load)


class _Date(DateLoader):
    """Reads a date, like ``_Timestamp``."""

    def load(self, data: Buffer) -> date:
        try:
            return super().load(data)
        except DataError:
            return _beyond(data)  # type: ignore[return-value]


def _instant(data: Buffer, load: Callable[[Buffer], datetime]) -> datetime:
    """Read the usual form the fast way, and leave every other one to the driver's own `load`."""
    try:
        return datetime.fromisoformat(bytes(data).decode())
    except ValueError:
        try:
            return load(data)
        except DataError:
            return _beyond(data)  # type: ignore[return-value]


def _beyond(data: Buffer) -> datetime | None:
    text = bytes(data)
    return None if text.startswith(b"-") or text.endswith(b"BC") else FAR_FUTURE
