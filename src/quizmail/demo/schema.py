"""The demo platform's tables, as Peewee models: the native schema and a table of who may take what.

Instants are naive and in UTC, stored the way Peewee stores them. The models are bound to a file by
``opened``; until then they touch nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peewee import (
    AutoField,
    BooleanField,
    CompositeKey,
    DateTimeField,
    FloatField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)


class User(Model):
    """A user; ``last_seen_at`` is NULL for somebody who was never there."""

    id = AutoField()
    email = TextField(null=True)
    name = TextField(null=True)
    active = BooleanField()
    is_staff = BooleanField()
    last_seen_at = DateTimeField(null=True, index=True)
    created_at = DateTimeField()
    timezone = TextField(null=True)
    locale = TextField(null=True)
    opt_out = BooleanField()

    class Meta:
        table_name = "users"


class Quiz(Model):
    """A quiz; its window is half-open, NULL means without a limit."""

    id = AutoField()
    title = TextField()
    category = TextField(null=True)
    url = TextField(null=True)
    published = BooleanField()
    opens_at = DateTimeField(null=True)
    closes_at = DateTimeField(null=True)
    created_at = DateTimeField()
    max_attempts = IntegerField(null=True)
    minutes = IntegerField(null=True)

    class Meta:
        table_name = "quizzes"


class QuizAttempt(Model):
    """An attempt; without ``finished_at`` it was begun and left, without ``score`` it was not graded."""

    id = AutoField()
    user_id = IntegerField()
    quiz_id = IntegerField()
    finished_at = DateTimeField(null=True, index=True)
    score = FloatField(null=True)
    max_score = FloatField(null=True)

    class Meta:
        table_name = "quiz_attempts"
        indexes = ((("user_id", "finished_at"), False),)


class Enrolment(Model):
    """Who may take which quiz."""

    user_id = IntegerField()
    quiz_id = IntegerField()

    class Meta:
        table_name = "enrolments"
        primary_key = CompositeKey("user_id", "quiz_id")


TABLES = (User, Quiz, QuizAttempt, Enrolment)


@contextmanager
def opened(path: Path) -> Iterator[SqliteDatabase]:
    """Bind the models to the SQLite file at `path` for the length of the block."""
    database = SqliteDatabase(str(path))
    with database.bind_ctx(TABLES), database:
        yield database
    database.close()
