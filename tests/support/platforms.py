"""Quiz platforms for tests: the native schema on SQLite or PostgreSQL, filled by short calls.

    with NativePlatform.in_folder(tmp_path) as quiz_site:
        ada = quiz_site.user("ada@example.com", last_seen_at=NOW - timedelta(days=3))
        quiz = quiz_site.quiz("Fractions", max_attempts=2)
        quiz_site.attempt(ada, quiz, NOW - timedelta(days=5), score=7)
        platform = quiz_site.opened()

UTC-aware datetimes are written as naive UTC ones; everything else goes in as it is, so a test can
also write what no platform should hold.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from quizmail.platform import Platform

#: The columns of each table; `{id}` and `{instant}` are filled in by the engine, or by the test.
SCHEMA: Mapping[str, tuple[str, ...]] = {
    "users": (
        "id {key}",
        "email TEXT",
        "name TEXT",
        "active BOOLEAN",
        "is_staff BOOLEAN",
        "last_seen_at {instant}",
        "created_at {instant}",
        "timezone TEXT",
        "locale TEXT",
        "opt_out BOOLEAN",
        "opt_out_reminders BOOLEAN",
        "opt_out_reports BOOLEAN",
    ),
    "quizzes": (
        "id {key}",
        "title TEXT",
        "category TEXT",
        "url TEXT",
        "published BOOLEAN",
        "opens_at {instant}",
        "closes_at {instant}",
        "created_at {instant}",
        "max_attempts INTEGER",
        "minutes INTEGER",
    ),
    "quiz_attempts": (
        "id INTEGER",
        "user_id {id}",
        "quiz_id {id}",
        "finished_at {instant}",
        "score DOUBLE PRECISION",
        "max_score DOUBLE PRECISION",
        "percent DOUBLE PRECISION",
    ),
    "enrolments": ("user_id {id}", "quiz_id {id}"),
}

INDEXES = (
    "CREATE INDEX attempt_of_user ON quiz_attempts (user_id, finished_at)",
    "CREATE INDEX attempt_of_user_at_quiz ON quiz_attempts (user_id, quiz_id, finished_at)",
    "CREATE INDEX attempt_finished ON quiz_attempts (finished_at)",
)

#: A source file that also says who may take what, and one SELECT for each row set.
WITH_ACCESS = """
zone = "UTC"
[users]
sql = "SELECT * FROM users"
[quizzes]
sql = "SELECT * FROM quizzes"
[attempts]
sql = "SELECT * FROM quiz_attempts"
[access]
sql = "SELECT * FROM enrolments"
"""


class NativePlatform:
    """A platform's database with the native schema, and the means to fill it.

    Args:
        url: ``sqlite:///…`` or ``postgresql://…``; the database must exist and be empty.
        ids, instants: the columns' SQL types, when they are not to be the usual ones.
        indexed: whether the attempts have the indexes that a platform should have.
    """

    def __init__(
        self, url: str, *, ids: str = "INTEGER", instants: str | None = None, indexed: bool = True
    ) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.connection: Any = (
            sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            if self.is_sqlite
            else psycopg.connect(url, autocommit=True)
        )
        self._opened: list[Platform] = []
        self._numbers = count(1)
        types = {
            "id": ids,
            "key": f"{ids} PRIMARY KEY",
            "instant": instants or ("TEXT" if self.is_sqlite else "TIMESTAMP"),
        }
        for table, columns in SCHEMA.items():
            self.execute(f"CREATE TABLE {table} ({', '.join(columns).format_map(types)})")
        for index in INDEXES if indexed else ():
            self.execute(index)

    @classmethod
    def in_folder(cls, folder: Any, **options: Any) -> "NativePlatform":
        """Return a platform in a new SQLite file in `folder`."""
        return cls(f"sqlite:///{folder}/platform-{next(_files)}.db", **options)

    def __enter__(self) -> "NativePlatform":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close our own connection and what ``opened`` opened in this thread."""
        for platform in self._opened:
            platform.close_all()
        self.connection.close()

    def opened(self, source: Any = "native", site_zone: str = "UTC") -> Platform:
        """Open it as Quizmail does, read only."""
        platform = Platform.open(self.url, str(source), ZoneInfo(site_zone))
        self._opened.append(platform)
        return platform

    def user(self, email: Any = "ada@example.com", **columns: Any) -> Any:
        """Add a user and return the id."""
        defaults = {"id": next(self._numbers), "active": True, "is_staff": False}
        return self._insert("users", defaults | {"email": email} | columns)

    def quiz(self, title: Any = "Fractions", **columns: Any) -> Any:
        """Add a published quiz without limits and return the id."""
        defaults = {"id": next(self._numbers), "published": True}
        return self._insert("quizzes", defaults | {"title": title} | columns)

    def attempt(self, user_id: Any, quiz_id: Any, finished_at: Any, **columns: Any) -> Any:
        """Add a finished attempt with 8 of 10 points, unless `columns` say otherwise."""
        given = {
            "id": next(self._numbers),
            "user_id": user_id,
            "quiz_id": quiz_id,
            "finished_at": finished_at,
        }
        return self._insert("quiz_attempts", given | {"score": 8.0, "max_score": 10.0} | columns)

    def enrol(self, user_id: Any, quiz_id: Any) -> None:
        """Let a user take a quiz; counts only with a source that has an access SELECT (``WITH_ACCESS``)."""
        self._insert("enrolments", {"user_id": user_id, "quiz_id": quiz_id})

    def many(self, table: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
        """Add many rows at once."""
        names = list(columns)
        with self._transaction():
            self.connection.cursor().executemany(
                self._insertion(table, names), [[self._plain(value) for value in row] for row in rows]
            )

    def execute(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        """Run any statement, and return its rows."""
        cursor = self.connection.execute(sql, list(values)) if values else self.connection.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def _insert(self, table: str, columns: Mapping[str, Any]) -> Any:
        self.execute(self._insertion(table, columns), [self._plain(value) for value in columns.values()])
        return columns.get("id")

    def _insertion(self, table: str, columns: Iterable[str]) -> str:
        names = list(columns)
        sign = "?" if self.is_sqlite else "%s"
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join([sign] * len(names))})"

    def _plain(self, value: Any) -> Any:
        """Return what is written for `value`: naive UTC for an aware datetime; SQLite keeps texts."""
        if isinstance(value, datetime) and value.tzinfo is UTC:
            value = value.replace(tzinfo=None)
        if self.is_sqlite and isinstance(value, date):
            return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
        return value

    def _transaction(self) -> Any:
        if self.is_sqlite:
            self.connection.execute("BEGIN")
            return self.connection
        return self.connection.transaction()


_files = count(1)


@contextmanager
def queries_of(platform):
    """Yield the list of the statements that are run on a platform in SQLite meanwhile."""
    statements = []
    platform.connect()
    platform.database.connection().set_trace_callback(statements.append)
    yield statements
    platform.database.connection().set_trace_callback(None)
