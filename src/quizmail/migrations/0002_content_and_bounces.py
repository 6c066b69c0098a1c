"""What a reminder said, why an address is suppressed, and whom we have forgotten."""

from typing import Any

from peewee import Database

STATEMENTS = (
    "ALTER TABLE delivery ADD COLUMN variant INTEGER",
    "ALTER TABLE suppression ADD COLUMN evidence TEXT",
    "ALTER TABLE soft_hit ADD COLUMN reason TEXT",
    "ALTER TABLE soft_hit ADD COLUMN evidence TEXT",
    """
    CREATE TABLE tombstone (
        hash VARCHAR(64) NOT NULL, kind TEXT NOT NULL, period TEXT NOT NULL, at VARCHAR(26) NOT NULL,
        PRIMARY KEY (hash, kind, period)
    )
    """,
)


def up(migrator: Any, db: Database) -> None:
    """Add the columns and the table."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
