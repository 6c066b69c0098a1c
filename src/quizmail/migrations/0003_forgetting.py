"""What was mailed to those whom we have forgotten is looked up by its period."""

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    """Add the index."""
    db.execute_sql("CREATE INDEX tombstone_kind_period ON tombstone (kind, period)")
