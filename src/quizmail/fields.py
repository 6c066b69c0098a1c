"""The columns that SQLite and PostgreSQL are to keep alike: instants and JSON documents."""

import json
from datetime import UTC, datetime
from typing import Any

from peewee import Field, TextField

#: Encodes a JSON document as it is kept. Made once: ``json.dumps`` would make one for every document.
encode_document = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


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
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def decode_instant(text: str) -> datetime:
    """Return the UTC-aware instant of its stored form."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Document(str):
    """A JSON document that is encoded already, from pieces of which many documents are made."""

    __slots__ = ()


class JSONField(TextField):
    """A JSON document, kept as text on both databases."""

    def db_value(self, value: Any) -> str | None:
        """Encode, unless that has been done; None stays NULL."""
        return value if value is None or isinstance(value, Document) else encode_document(value)

    def python_value(self, value: str | None) -> Any:
        """Decode; NULL is None."""
        return None if value is None else json.loads(value)
