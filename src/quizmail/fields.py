"""The columns that SQLite and PostgreSQL are to keep alike: instants and JSON documents."""

import json
from datetime import UTC, datetime
from typing import Any

from peewee import Field, TextField


class InstantField(Field):
    """An instant: a UTC-aware datetime outside, ``2026-11-23 18:00:00.000000`` inside."""

    field_type = "VARCHAR(26)"

    def db_value(self, value: datetime | None) -> str | None:
        """Encode; a naive datetime is a mistake of ours and raises ValueError."""
        return None if value is None else encode_instant(value)

    def python_value(self, value: str | None) -> datetime | None:
        """Decode to a UTC-aware datetime."""
        return None if value is None else decode_instant(value)


def encode_instant(instant: datetime) -> str:
    """Return the stored form of a UTC-aware `instant`."""
    if instant.utcoffset() is None:
        raise ValueError(f"a naive datetime is no instant: {instant!r}")
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def decode_instant(text: str) -> datetime:
    """Return the UTC-aware instant of its stored form."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class JSONField(TextField):
    """A JSON document, kept as text on both databases."""

    def db_value(self, value: Any) -> str | None:
        """Encode; None stays NULL."""
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def python_value(self, value: str | None) -> Any:
        """Decode; NULL is None."""
        return None if value is None else json.loads(value)
