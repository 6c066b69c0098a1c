"""When an alert was mailed, so that one that could not be is tried again."""

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    """Add the column; what was told before is not told again."""
    db.execute_sql("ALTER TABLE alert ADD COLUMN mailed_at VARCHAR(26)")
    db.execute_sql("UPDATE alert SET mailed_at = at")
