"""Indexes for what is in motion only: small ones, in the order of release.

A backlog of a million is not sorted for every batch, and a mail's way touches fewer pages: a delivery that
has come to its end is in none of them.
"""

from typing import Any

from peewee import Database

STATEMENTS = (
    "DROP INDEX delivery_state_due_at",
    "CREATE INDEX delivery_due_at ON delivery (due_at)",
    """
    CREATE INDEX delivery_waiting ON delivery (substr(due_at, 1, 10), kind DESC, due_at, id)
    WHERE state = 'planned' AND released_at IS NULL
    """,
    """
    CREATE INDEX delivery_released ON delivery (released_at)
    WHERE state = 'planned' AND released_at IS NOT NULL
    """,
    "CREATE INDEX delivery_expiring ON delivery (expires_at) WHERE state = 'planned'",
    "CREATE INDEX delivery_sending ON delivery (claimed_at) WHERE state = 'sending'",
    "CREATE INDEX delivery_unknown ON delivery (claimed_at) WHERE state = 'unknown'",
    "CREATE INDEX delivery_rejected ON delivery (released_at) WHERE state = 'rejected'",
)


def up(migrator: Any, db: Database) -> None:
    """Exchange the indexes."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
