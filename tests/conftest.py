"""Fixtures shared by the whole suite: our database on both engines."""

from datetime import UTC, datetime

import pytest

from quizmail import database, models

pytest_plugins = [
    "tests.support.browser",
    "tests.support.commands",
    "tests.support.delivering",
    "tests.support.postgresql",
]

#: The present instant of most tests: a Monday evening.
NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def sqlite_database(tmp_path):
    """Our tables in an SQLite file, migrated long ago."""
    yield from _ours(f"sqlite:///{tmp_path}/quizmail.db")


@pytest.fixture
def postgresql_database(postgresql_url):
    """Our tables on PostgreSQL, migrated long ago."""
    yield from _ours(postgresql_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def our_database(request, tmp_path):
    """Our tables, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield from _ours(f"sqlite:///{tmp_path}/quizmail.db")
    else:
        url = request.getfixturevalue("postgresql_url")
        yield from _ours(url)


def _ours(url):
    opened = database.connect(url)
    models.bind(opened)
    database.migrate(datetime(2026, 1, 1, tzinfo=UTC))
    yield opened
    opened.close()
    if hasattr(opened, "close_all"):
        opened.close_all()
