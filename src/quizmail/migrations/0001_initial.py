"""The first tables.

Written as SQL, because two things matter here that a model cannot say: uniqueness is part of CREATE TABLE
(an index of its own could be silently missing), and ids are never used again (links name them for ever).
"""

from typing import Any

from peewee import Database, PostgresqlDatabase

TABLES = (
    """
    CREATE TABLE run (
        id {id}, kind TEXT NOT NULL, period TEXT NOT NULL, slot VARCHAR(26) NOT NULL, zones TEXT NOT NULL,
        by_hand {flag} NOT NULL, state TEXT NOT NULL, cursor TEXT, lease_by TEXT, lease_until VARCHAR(26),
        not_due TEXT NOT NULL, noted TEXT NOT NULL, started_at VARCHAR(26) NOT NULL,
        planned_at VARCHAR(26), done_at VARCHAR(26),
        UNIQUE (kind, period, slot)
    )
    """,
    """
    CREATE TABLE recipient (
        id {id}, user_id TEXT NOT NULL, reminder_preference TEXT NOT NULL, report_preference TEXT NOT NULL,
        last_reminder_sent VARCHAR(26), paused_until VARCHAR(26),
        UNIQUE (user_id)
    )
    """,
    """
    CREATE TABLE delivery (
        id {id}, kind TEXT NOT NULL, user_id TEXT NOT NULL, period TEXT NOT NULL,
        recipient_id BIGINT NOT NULL REFERENCES recipient (id), run_id BIGINT REFERENCES run (id),
        state TEXT NOT NULL, reason TEXT, due_at VARCHAR(26) NOT NULL, expires_at VARCHAR(26) NOT NULL,
        released_at VARCHAR(26), releases INTEGER NOT NULL, attempts INTEGER NOT NULL,
        claimed_at VARCHAR(26), claimed_by TEXT, facts TEXT, message_id TEXT,
        reply_code INTEGER, reply_text TEXT, planned_at VARCHAR(26) NOT NULL, sent_at VARCHAR(26),
        UNIQUE (kind, user_id, period)
    )
    """,
    "CREATE INDEX delivery_state_due_at ON delivery (state, due_at)",
    "CREATE INDEX delivery_run_id_state ON delivery (run_id, state)",
    """
    CREATE TABLE attempt (
        id {id}, delivery_id BIGINT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
        number INTEGER NOT NULL, at VARCHAR(26) NOT NULL, outcome TEXT NOT NULL, "by" TEXT, stage TEXT,
        reply_code INTEGER, reply_text TEXT
    )
    """,
    "CREATE INDEX attempt_delivery_id ON attempt (delivery_id)",
    "CREATE INDEX attempt_at ON attempt (at)",
    """
    CREATE TABLE suppression (
        address TEXT NOT NULL PRIMARY KEY, reason TEXT NOT NULL, code TEXT, since VARCHAR(26) NOT NULL
    )
    """,
    "CREATE TABLE soft_hit (address TEXT NOT NULL, day VARCHAR(10) NOT NULL, PRIMARY KEY (address, day))",
    "CREATE TABLE valve (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), free_from VARCHAR(26) NOT NULL)",
    "INSERT INTO valve (id, free_from) VALUES (1, '1970-01-01 00:00:00.000000')",
    """
    CREATE TABLE hold (
        id {id}, scope TEXT NOT NULL, subject TEXT NOT NULL, cause TEXT NOT NULL, detail TEXT,
        strikes INTEGER NOT NULL, since VARCHAR(26), until VARCHAR(26), "by" TEXT NOT NULL,
        UNIQUE (scope, subject, cause)
    )
    """,
    """
    CREATE TABLE month (
        period TEXT NOT NULL PRIMARY KEY, lease_by TEXT, lease_until VARCHAR(26), computed_at VARCHAR(26)
    )
    """,
    """
    CREATE TABLE month_figure (
        id {id}, period TEXT NOT NULL, user_id TEXT NOT NULL, taken INTEGER NOT NULL,
        average DOUBLE PRECISION, best DOUBLE PRECISION, "rank" BIGINT, "of" BIGINT, quizzes TEXT NOT NULL,
        UNIQUE (period, user_id)
    )
    """,
    """
    CREATE TABLE alert (
        id {id}, cause TEXT NOT NULL, day TEXT NOT NULL, at VARCHAR(26) NOT NULL,
        UNIQUE (cause, day)
    )
    """,
    "CREATE TABLE moment (name TEXT NOT NULL PRIMARY KEY, at VARCHAR(26) NOT NULL)",
)


def up(migrator: Any, db: Database) -> None:
    """Create the tables."""
    postgresql = isinstance(db, PostgresqlDatabase)
    words = {
        "id": "BIGSERIAL PRIMARY KEY" if postgresql else "INTEGER PRIMARY KEY AUTOINCREMENT",
        "flag": "BOOLEAN" if postgresql else "INTEGER",
    }
    for statement in TABLES:
        db.execute_sql(statement.format(**words))
