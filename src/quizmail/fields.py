"""The columns that SQLite and PostgreSQL are to keep alike: instants and JSON documents."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from peewee import Field, TextField

#: Encodes a JSON document as it is kept. Made once: ``json.dumps`` would make one for every document.
encode_document = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

#: Decodes it again.
decode_document = json.loads


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
    # What is cut off is the offset: to replace the zone would make another object.
    return instant.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def decode_instant(text: str) -> datetime:
    """Return the UTC-aware instant of its stored form."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Document(str):
    """A JSON document that is encoded already, from pieces of which many documents are made."""

    __slots__ = ()


class JSONField(TextField):
    """A JSON document, kept as text on both databases."""

    def db_value(self, value: Any) -> str | None:
        """Encode, unless that has been done, also for values of an object; None stays NULL."""
        if value is None or isinstance(value, Document):
            return value
        pieced = isinstance(value, dict) and Document in map(type, value.values())
        return _put_together(value) if pieced else encode_document(value)

    def python_value(self, value: str | None) -> Any:
        """Decode; NULL is None."""
        return None if value is None else decode_document(value)


def _put_together(values: Mapping[str, Any]) -> str:
    """Encode an object, of whose values some are encoded already."""
    pieces: list[str] = []
    plain: dict[str, Any] = {}
    for name, value in values.items():
        if type(value) is not Document:
            plain[name] = value
            continue
        if plain:
            pieces.append(encode_document(plain)[1:-1])
            plain = {}
        pieces.append(f"{encode_document(name)}:{value}")
    if plain:
        pieces.append(encode_document(plain)[1:-1])
    return f"{{{','.join(pieces)}}}"
