"""SQL about when attempts ended.

An instant's bound is encoded to the column's own format and compared with the bare column, so that an
index serves. Where the text order is not the order of time (offsets, ``T`` and space mixed, numbers and
texts in one column), that comparison only narrows, with a day to spare, and an exact one decides: on SQLite
the decoder itself, called as a function; on PostgreSQL a CASE.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol

from peewee import SQL, Case, Cast, Expression, NodeList, Value, fn

from quizmail.platform.instants import (
    InstantColumn,
    earliest_date,
    epoch_microseconds,
    latest_date,
)


class Ends(Protocol):
    """Compares the column in which attempts keep when they ended; what is no instant never matches."""

    def narrow(self, column: Any, at: datetime) -> Expression:
        """Return a condition that every attempt meets which ended before `at`; others may meet it too."""

    def before(self, column: Any, at: datetime) -> Expression:
        """Return the condition that an attempt ended before `at`."""

    def since(self, column: Any, at: datetime) -> Expression:
        """Return the condition that an attempt ended at `at` or later."""

    def encode(self, at: datetime) -> list[Any]:
        """Return the values that say `at` to ``within``: always as many, of the same types."""

    def within(self, column: Any, first: Sequence[Any], end: Sequence[Any]) -> Expression:
        """Return the condition that an attempt ended from `first` until before `end`.

        Both are given as ``encode`` says them: its values, or columns that hold such values.
        """

    def readable(self, column: Any) -> Expression:
        """Return the condition that the column holds an instant."""

    def latest(self, column: Any) -> list[Any]:
        """Return the aggregates from which ``read_latest`` finds the latest end."""

    def read_latest(self, values: Sequence[Any]) -> datetime | None:
        """Return the latest of the ends that the aggregates gave."""


class _NativeEnds:
    """A column whose own order is the order of time."""

    def __init__(self, reader: InstantColumn) -> None:
        self.reader = reader

    def bound(self, at: datetime) -> Any:
        """Encode `at` to the column's own format."""
        raise NotImplementedError

    def narrow(self, column: Any, at: datetime) -> Expression:
        """Compare in the order that the index has."""
        return column < self.bound(at)

    def before(self, column: Any, at: datetime) -> Expression:
        """Compare exactly."""
        return self.narrow(column, at)

    def since(self, column: Any, at: datetime) -> Expression:
        """Compare exactly."""
        return column >= self.bound(at)

    def encode(self, at: datetime) -> list[Any]:
        """Give the one bound."""
        return [self.bound(at)]

    def within(self, column: Any, first: Sequence[Any], end: Sequence[Any]) -> Expression:
        """Compare exactly."""
        return (column >= first[0]) & (column < end[0])

    def readable(self, column: Any) -> Expression:
        """Tell instants from everything else."""
        return column.is_null(False)

    def latest(self, column: Any) -> list[Any]:
        """Aggregate exactly."""
        return [fn.MAX(column)]

    def read_latest(self, values: Sequence[Any]) -> datetime | None:
        """Decode what the aggregates gave."""
        return self.reader.read(values[0])


class TimestampEnds(_NativeEnds):
    """PostgreSQL's timestamp without a zone."""

    def bound(self, at: datetime) -> datetime:
        """Encode `at` to the column's own format."""
        return self.reader.local_bound(at)


class ZonedTimestampEnds(_NativeEnds):
    """PostgreSQL's timestamp with a zone."""

    def bound(self, at: datetime) -> datetime:
        """Encode `at` to the column's own format."""
        return at.astimezone(UTC)


class DateEnds(_NativeEnds):
    """PostgreSQL's date, which stands for its midnight."""

    def bound(self, at: datetime) -> date:
        """Encode `at` to the column's own format."""
        local = self.reader.local_bound(at)
        return local.date() if local.time() == time() else local.date() + timedelta(days=1)


class NumberEnds(_NativeEnds):
    """Epoch seconds; 0 means never. The bound is a `number` of the column's own type."""

    def __init__(self, reader: InstantColumn, number: type[int] | type[float] | type[Decimal]) -> None:
        super().__init__(reader)
        self.number = number

    def bound(self, at: datetime) -> Any:
        """Encode `at` to the column's own format."""
        microseconds = epoch_microseconds(at)
        if self.number is int:
            return -(-microseconds // 1_000_000)
        return self.number(microseconds) / 1_000_000

    def before(self, column: Any, at: datetime) -> Expression:
        """Compare exactly."""
        return (column < self.bound(at)) & (column > 0)

    def within(self, column: Any, first: Sequence[Any], end: Sequence[Any]) -> Expression:
        """Compare exactly."""
        return super().within(column, first, end) & (column > 0)

    def readable(self, column: Any) -> Expression:
        """Tell instants from everything else."""
        return column > 0


#: A date of the calendar, leap years included, and a time of day: a cast of it to a timestamp cannot fail.
_DATE = (
    r"(([0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31))"
    r"|(([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29))"
)
_TIME = r"[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
_NAIVE = rf"^(?!0000){_DATE}({_TIME})?$"
_WITH_OFFSET = rf"^(?!0000){_DATE}{_TIME}(Z|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)$"


class TextEnds:
    """PostgreSQL's texts: ISO 8601, with or without an offset, row by row."""

    def __init__(self, reader: InstantColumn) -> None:
        self.reader = reader

    def narrow(self, column: Any, at: datetime) -> Expression:
        """Compare in the order that the index has."""
        return _plain_order(column) < latest_date(at)

    def before(self, column: Any, at: datetime) -> Expression:
        """Compare exactly."""
        return self.narrow(column, at) & self._exact(column, at, "<")

    def since(self, column: Any, at: datetime) -> Expression:
        """Compare exactly."""
        narrowing = _plain_order(column) >= earliest_date(at)
        return narrowing & self._exact(column, at, ">=")

    def encode(self, at: datetime) -> list[Any]:
        """Give what narrows, and what is exact for texts without and with an offset."""
        return [
            earliest_date(at),
            latest_date(at),
            _shortest(self.reader.local_bound(at)),
            at.astimezone(UTC),
        ]

    def within(self, column: Any, first: Sequence[Any], end: Sequence[Any]) -> Expression:
        """Compare exactly."""
        plain = _plain_order(column)
        naive, zoned = _plain_order(fn.REPLACE(column, "T", " ")), Cast(column, "timestamptz")
        cases = [
            (_matches(column, _WITH_OFFSET), (zoned >= first[3]) & (zoned < end[3])),
            (_matches(column, _NAIVE), (naive >= first[2]) & (naive < end[2])),
        ]
        return (plain >= first[0]) & (plain < end[1]) & Case(None, cases, SQL("FALSE"))

    def readable(self, column: Any) -> Expression:
        """Tell instants from everything else."""
        return _matches(column, _WITH_OFFSET) | _matches(column, _NAIVE)

    def latest(self, column: Any) -> list[Any]:
        """Aggregate exactly."""
        zoned = Case(None, [(_matches(column, _WITH_OFFSET), Cast(column, "timestamptz"))])
        naive = Case(None, [(_matches(column, _NAIVE), fn.REPLACE(column, "T", " "))])
        return [fn.MAX(zoned), fn.MAX(_plain_order(naive))]

    def read_latest(self, values: Sequence[Any]) -> datetime | None:
        """Decode what the aggregates gave."""
        return max(filter(None, map(self.reader.read, values)), default=None)

    def _exact(self, column: Any, at: datetime, operator: str) -> Expression:
        local = _shortest(self.reader.local_bound(at))
        naive = Expression(_plain_order(fn.REPLACE(column, "T", " ")), operator, Value(local))
        zoned = Expression(Cast(column, "timestamptz"), operator, Value(at.astimezone(UTC)))
        cases = [(_matches(column, _WITH_OFFSET), zoned), (_matches(column, _NAIVE), naive)]
        return Case(None, cases, SQL("FALSE"))


def _plain_order(text: Any) -> Any:
    """Return a PostgreSQL text that compares by its bytes, whatever the database's collation."""
    return NodeList((text, SQL('COLLATE "C"')), parens=True)


def _matches(column: Any, pattern: str) -> Expression:
    return Expression(column, "~", Value(pattern))


def _shortest(local: datetime) -> str:
    """Return `local` as the smallest of the texts that mean it: without zeros at the end."""
    if local.time() == time():
        return local.date().isoformat()
    if local.second == local.microsecond == 0:
        return local.strftime("%Y-%m-%d %H:%M")
    return local.isoformat(" ").rstrip("0") if local.microsecond else local.isoformat(" ")
