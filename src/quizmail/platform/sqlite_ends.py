"""SQL about when attempts ended, for SQLite, where a column may hold instants of any format."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from peewee import SQL, Case, Expression, fn

from quizmail.platform.instants import (
    earliest_date,
    epoch_microseconds,
    from_epoch_microseconds,
    latest_date,
)

#: Local times before it may lie before the calendar.
_FIRST_YEARS = "0002-01-01"


class SqliteEnds:
    """Any format, rows of different formats too: the exact comparison is the decoder itself.

    Calling it takes ten times as long as a comparison of texts, so it is asked of those texts only that are
    not in the usual form, or so near to a bound that an offset may decide.
    `only_text`: no row holds a number, which no comparison with a text finds.
    """

    def __init__(self, only_text: bool = False) -> None:
        self.only_text = only_text

    def narrow(self, column: Any, at: datetime) -> Expression:
        """Compare in the order that the index has."""
        # SQLite sorts numbers before texts: this holds for both.
        return column < latest_date(at)

    def before(self, column: Any, at: datetime) -> Expression:
        """Compare exactly."""
        surely = column.between(_FIRST_YEARS, earliest_date(at))
        exact = fn.quizmail_instant(column) < epoch_microseconds(at)
        return self.narrow(column, at) & _where_plain(column, surely, exact)

    def since(self, column: Any, at: datetime) -> Expression:
        """Compare exactly."""
        exact = fn.quizmail_instant(column) >= epoch_microseconds(at)
        return (column >= earliest_date(at)) & exact if self.only_text else exact

    def encode(self, at: datetime) -> list[Any]:
        """Give what narrows, and what is exact."""
        return [earliest_date(at), latest_date(at), epoch_microseconds(at)]

    def within(self, column: Any, first: Sequence[Any], end: Sequence[Any]) -> Expression:
        """Compare exactly."""
        instant = fn.quizmail_instant(column)
        surely = column.between(first[1], end[0])
        exact = _where_plain(column, surely, (instant >= first[2]) & (instant < end[2]))
        narrowed = (column < end[1]) & exact
        return (column >= first[0]) & narrowed if self.only_text else narrowed

    def readable(self, column: Any) -> Expression:
        """Tell instants from everything else."""
        return fn.quizmail_instant(column).is_null(False)

    def latest(self, column: Any) -> list[Any]:
        """Aggregate exactly."""
        return [fn.MAX(fn.quizmail_instant(column))]

    def read_latest(self, values: Sequence[Any]) -> datetime | None:
        """Decode what the aggregates gave."""
        return from_epoch_microseconds(values[0]) if values[0] is not None else None


def _where_plain(column: Any, surely: Any, exact: Any) -> Expression:
    """Return True for an SQLite text that `surely` holds for and that is an instant; ask `exact` of others.

    When it has to add nothing to it, SQLite gives back unchanged what is a time of the calendar, and makes
    3 March of 31 February. Most texts are no more than that. What may follow the seconds is a fraction and
    a Z: an offset would have changed the time.
    """
    time_of_calendar = fn.DATETIME(column, "+0 days")
    same = fn.REPLACE(fn.SUBSTR(column, 1, 19), "T", " ") == time_of_calendar
    rest = fn.LTRIM(fn.SUBSTR(column, 20), ".0123456789")
    usual = (column == time_of_calendar) | (same & ((rest == "") | (rest == "Z")))
    return Case(None, [(surely & usual, SQL("TRUE"))], exact)
