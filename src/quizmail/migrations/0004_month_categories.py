"""What a report says of categories, and of how many are below its reader; unknown of earlier months."""

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    """Add the columns."""
    db.execute_sql("ALTER TABLE month_figure ADD COLUMN categories TEXT")
    db.execute_sql("ALTER TABLE month_figure ADD COLUMN below BIGINT")
