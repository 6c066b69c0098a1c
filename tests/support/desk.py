"""An engine on a small quiz platform of its own, for tests that plan and send."""

import sqlite3
from datetime import UTC, datetime, timedelta

from quizmail import wiring
from quizmail.settings import load
from tests.support.configuration import environment

_TABLES = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, name TEXT, active BOOLEAN DEFAULT 1,
    is_staff BOOLEAN DEFAULT 0, last_seen_at TEXT, created_at TEXT, timezone TEXT, opt_out BOOLEAN DEFAULT 0);
CREATE TABLE quizzes (id INTEGER PRIMARY KEY, title TEXT, category TEXT, url TEXT, published BOOLEAN DEFAULT 1,
    opens_at TEXT, closes_at TEXT, created_at TEXT, max_attempts INTEGER, minutes INTEGER);
CREATE TABLE quiz_attempts (id INTEGER PRIMARY KEY, user_id INTEGER, quiz_id INTEGER, finished_at TEXT,
    score REAL, max_score REAL);
CREATE INDEX attempts_by_user ON quiz_attempts (user_id, finished_at);
"""


class QuizSite:
    """A quiz platform with the native tables, in an SQLite file."""

    def __init__(self, path):
        self.path = path
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_TABLES)

    def add(self, table, **row):
        values = [_stored(value) for value in row.values()]
        marks = ", ".join("?" * len(values))
        self._database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", values)

    def add_user(self, number, **row):
        self.add(
            "users", **{"id": number, "email": f"user{number}@example.com", "name": f"User {number}", **row}
        )

    def change_user(self, number, **row):
        for name, value in row.items():
            self._database.execute(f"UPDATE users SET {name} = ? WHERE id = ?", (_stored(value), number))

    def close(self):
        self._database.close()


def _stored(value):
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return value


class Bells:
    """A bell that remembers for which deliveries it was rung."""

    def __init__(self):
        self.rung = []
        self.busy = 0

    def ring(self, delivery_ids):
        self.rung += delivery_ids

    def waiting(self):
        return self.busy


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now

    def forward(self, **span):
        self.now += timedelta(**span)


def an_engine(tmp_path, clock, bell=None, **settings):
    """Return an engine on ``tmp_path/quiz.db`` and ``tmp_path/quizmail.db``."""
    chosen = load(
        environment(
            QUIZ_DATABASE_URL=f"sqlite:///{tmp_path}/quiz.db",
            DATABASE_URL=f"sqlite:///{tmp_path}/quizmail.db",
            **settings,
        )
    )
    return wiring.build(chosen, bell=bell or Bells(), clock=clock)
