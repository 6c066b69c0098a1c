"""Where SQLite and PostgreSQL differ: comparing ids, their keys, and the instant that a SELECT is given."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from peewee import SQL, Case, Cast, Expression, NodeList, Value, fn

from quizmail.errors import UnknownUser
from quizmail.platform import ids
from quizmail.platform.ends import (
    DateEnds,
    Ends,
    NumberEnds,
    TextEnds,
    TimestampEnds,
    ZonedTimestampEnds,
)
from quizmail.platform.instants import InstantColumn
from quizmail.platform.rowsets import Fragment

#: PostgreSQL's type oids by what they keep.
TEXT_OIDS = frozenset({18, 19, 25, 705, 1042, 1043})
_DATE_OID, _TIMESTAMP_OID, _TIMESTAMPTZ_OID = 1082, 1114, 1184
_FLOAT_OIDS = frozenset({700, 701})


class Dialect(Protocol):
    """What a database engine does in its own way. A column is (row set, name)."""

    def among(self, column: Any, keys: Iterable[str]) -> Expression:
        """Return the condition that the id in `column` has one of `keys`; its index serves.

        Keys that the column cannot hold are left out.
        """

    def values_of(self, column: Any, key: str) -> list[Any]:
        """Return what to look for in `column` to find the id with this `key`, or raise UnknownUser."""

    def among_values(self, column: Any, values: Sequence[Any]) -> Expression:
        """Return the condition that the id in `column` is one of `values`, which may be parameters."""

    def check(self, column: Any, key: str) -> None:
        """Raise UnknownUser when the column cannot hold an id with this `key`."""

    def from_cursor(self, column: Any, cursor: str) -> Any:
        """Return the raw id that a page ended with."""

    def key(self, column: Any) -> Any:
        """Return the expression that gives the key of the id in `column`, as ``ids.key_of`` does."""

    def matching(self, column: Any, other: Any) -> tuple[Any, Any]:
        """Return two id columns as expressions that compare equal when their keys are equal."""

    def now(self, at: datetime, zone: ZoneInfo) -> Any:
        """Return the value of ``:now``: `at` as a naive instant in `zone`."""


class SqliteDialect:
    """SQLite: a column may hold values of any type, so a key is looked up as each of them."""

    def among(self, column: Any, keys: Iterable[str]) -> Expression:
        """Compare by value, in one condition that the index serves."""
        values: list[Any] = []
        for key in keys:
            try:
                values += ids.sqlite_candidates(key)
            except UnknownUser:
                continue
        return self.among_values(column, values)

    def values_of(self, column: Any, key: str) -> list[Any]:
        """Return the key in each of the types that SQLite may hold it in."""
        return ids.sqlite_candidates(key)

    def among_values(self, column: Any, values: Sequence[Any]) -> Expression:
        """Compare by value, in one condition that the index serves."""
        return NodeList((column, Fragment(f"IN ({','.join('?' * len(values))})", values)))

    def check(self, column: Any, key: str) -> None:
        """Refuse a key that the column cannot hold."""
        ids.sqlite_candidates(key)

    def from_cursor(self, column: Any, cursor: str) -> Any:
        """Read the cursor in the type of the column."""
        return ids.from_cursor(cursor, str)

    def key(self, column: Any) -> Any:
        """Say ``ids.key_of`` in SQL."""
        return Case(None, [(fn.TYPEOF(column) == "blob", fn.LOWER(fn.HEX(column)))], Cast(column, "TEXT"))

    def matching(self, column: Any, other: Any) -> tuple[Any, Any]:
        """Compare by the text when the types may differ."""
        return Cast(column, "TEXT"), Cast(other, "TEXT")

    def now(self, at: datetime, zone: ZoneInfo) -> str:
        """Write it as the database compares it."""
        return at.astimezone(zone).replace(tzinfo=None).isoformat(" ")


class PostgresqlDialect:
    """PostgreSQL: a key is encoded to the column's type; `oids` holds it by (row set, column)."""

    def __init__(self, oids: Mapping[tuple[str, str], int]) -> None:
        self.oids = oids

    def oid(self, column: Any) -> int:
        """Return the type of the column."""
        return self.oids[column.source.__name__, column.name]

    def among(self, column: Any, keys: Iterable[str]) -> Expression:
        """Compare by value, in one condition that the index serves."""
        values = ids.encodable(keys, ids.postgresql_encoder(self.oid(column)))
        if not values:
            return SQL("FALSE")
        return NodeList((column, SQL("= ANY("), Value(values, unpack=False), SQL(")")))

    def values_of(self, column: Any, key: str) -> list[Any]:
        """Return the key in the column's own type."""
        return [ids.postgresql_encoder(self.oid(column))(key)]

    def among_values(self, column: Any, values: Sequence[Any]) -> Expression:
        """Compare by value, in one condition that the index serves."""
        return NodeList((column, Fragment(f"IN ({','.join(['%s'] * len(values))})", values)))

    def check(self, column: Any, key: str) -> None:
        """Refuse a key that the column cannot hold."""
        ids.postgresql_encoder(self.oid(column))(key)

    def from_cursor(self, column: Any, cursor: str) -> Any:
        """Read the cursor in the type of the column."""
        return ids.from_cursor(cursor, ids.postgresql_encoder(self.oid(column)))

    def key(self, column: Any) -> Any:
        """Say ``ids.key_of`` in SQL."""
        return fn.ENCODE(column, "hex") if self.oid(column) == ids.BYTES_OID else Cast(column, "TEXT")

    def matching(self, column: Any, other: Any) -> tuple[Any, Any]:
        """Compare by the text when the types may differ."""
        same = self.oid(column) == self.oid(other)
        return (column, other) if same else (self.key(column), self.key(other))

    def now(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Write it as the database compares it."""
        return at.astimezone(zone).replace(tzinfo=None)


def postgresql_ends(reader: InstantColumn, oid: int) -> Ends | None:
    """Return what compares the ends of attempts in a column of the type `oid`; None: it is no instant."""
    if oid in ids.WHOLE_OIDS:
        return NumberEnds(reader, int)
    if oid in _FLOAT_OIDS:
        return NumberEnds(reader, float)
    if oid in TEXT_OIDS:
        return TextEnds(reader)
    kinds: Mapping[int, Ends] = {
        _DATE_OID: DateEnds(reader),
        _TIMESTAMP_OID: TimestampEnds(reader),
        _TIMESTAMPTZ_OID: ZonedTimestampEnds(reader),
        ids.NUMERIC_OID: NumberEnds(reader, Decimal),
    }
    return kinds.get(oid)
