"""A quiz platform in the native schema, as large as wanted: its users, quizzes and attempts are made by rule.

Every user has ten attempts on ten of the thirty quizzes. One in ``due_every`` has been away for days, and
one in ``due_every`` (another one) took part in the month to be reported on; the others were there a few
hours ago.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

QUIZZES = 30
ATTEMPTS = 10

_TABLES = {
    "users": (
        "id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT, active BOOLEAN, is_staff BOOLEAN,"
        " last_seen_at TIMESTAMP, created_at TIMESTAMP, timezone TEXT, locale TEXT, opt_out BOOLEAN"
    ),
    "quizzes": (
        "id INTEGER PRIMARY KEY, title TEXT NOT NULL, category TEXT, url TEXT, published BOOLEAN,"
        " opens_at TIMESTAMP, closes_at TIMESTAMP, created_at TIMESTAMP, max_attempts INTEGER,"
        " minutes INTEGER"
    ),
    "quiz_attempts": (
        "id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, quiz_id INTEGER NOT NULL, finished_at TIMESTAMP,"
        " score REAL, max_score REAL"
    ),
}

_INDEXES = (
    "CREATE INDEX attempts_of_user ON quiz_attempts (user_id, finished_at)",
    "CREATE INDEX attempts_in_time ON quiz_attempts (finished_at)",
)

_CATEGORIES = ("History", "Geography", "Science", "Music", "Sports & games")

Row = tuple[Any, ...]


@dataclass(frozen=True)
class People:
    """How many users, how many of them are due, for the reminder slot `at` and the report's `month`."""

    users: int
    due_every: int
    at: datetime
    month: str

    def write_sqlite(self, path: str) -> None:
        """Write the platform into a new SQLite file."""
        with closing(sqlite3.connect(path)) as database:
            for table, columns in _TABLES.items():
                database.execute(f"CREATE TABLE {table} ({columns})")
                marks = ", ".join("?" * (columns.count(",") + 1))
                database.executemany(f"INSERT INTO {table} VALUES ({marks})", self._rows(table))
            for index in _INDEXES:
                database.execute(index)
            database.execute("ANALYZE")
            database.commit()

    def write_postgresql(self, url: str) -> None:
        """Write the platform into an empty PostgreSQL database."""
        with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
            for table, columns in _TABLES.items():
                cursor.execute(f"CREATE TABLE {table} ({columns})")
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for row in self._rows(table):
                        copy.write_row(row)
            for index in _INDEXES:
                cursor.execute(index)
            cursor.execute("VACUUM ANALYZE")

    def _rows(self, table: str) -> Iterator[Row]:
        made = {"users": self._users, "quizzes": self._quizzes, "quiz_attempts": self._attempts}
        return made[table]()

    def _users(self) -> Iterator[Row]:
        created = _text(self.at - timedelta(days=500))
        for number in range(1, self.users + 1):
            away = number % self.due_every == 0
            quiet = timedelta(days=3 + number % 50) if away else timedelta(hours=1 + number % 40)
            mailbox, name = f"user{number}@example.com", f"User Número {number}"
            yield number, mailbox, name, True, False, _text(self.at - quiet), created, "UTC", "en", False

    def _quizzes(self) -> Iterator[Row]:
        for number in range(1, QUIZZES + 1):
            opened = _text(self.at - timedelta(days=10 * number))
            closes = _text(self.at + timedelta(days=30)) if number % 3 == 0 else None
            title, category = f"The great quiz number {number}", _CATEGORIES[number % len(_CATEGORIES)]
            url, most = f"https://quiz.example.com/quizzes/{number}", (None, 1, 3)[number % 3]
            yield number, title, category, url, True, opened, closes, opened, most, 10

    def _attempts(self) -> Iterator[Row]:
        month = date.fromisoformat(f"{self.month}-01")
        start = datetime(month.year, month.month, 1, tzinfo=UTC)
        for number in range(1, self.users + 1):
            took_part = number % self.due_every == 1 % self.due_every
            noise = timedelta(minutes=1 + number * 7919 % 9000)
            for which in range(ATTEMPTS):
                weeks = timedelta(days=7 * which)
                at = start + weeks + noise if took_part and which < 4 else start - 4 * weeks - noise
                row_id, quiz = (number - 1) * ATTEMPTS + which + 1, (7 * number + 3 * which) % QUIZZES + 1
                yield row_id, number, quiz, _text(at), 60 + row_id * 37 % 41, 100


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S")
