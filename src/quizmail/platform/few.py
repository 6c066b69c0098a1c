"""A few users' rows and last activity, for the check before their mails: compiled once a minute."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import Select

from quizmail.errors import UnknownUser
from quizmail.platform import members
from quizmail.platform.ids import key_of
from quizmail.platform.instants import EPOCH
from quizmail.platform.opened import Platform
from quizmail.platform.queries import Compiled
from quizmail.prepared import Parameter

_ALMOST_A_MINUTE = timedelta(minutes=1) - timedelta(microseconds=1)

Row = tuple[Any, ...]


class _Minutes(NamedTuple):
    """The time in which attempts count, in whole minutes. ``first`` EPOCH: whenever they were finished."""

    first: datetime
    end: datetime


_Build = Callable[[_Minutes, Sequence[Parameter]], Select]


class FewUsers:
    """Reads users by their keys. Safe to share between threads: a compiled query is never changed.

    Attempts count until the end of the minute, and from the beginning of one: the text of the queries is
    the same for everybody whose mail is sent within it.
    """

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._compiled: tuple[datetime, dict[tuple[Any, ...], Compiled]] = (EPOCH, {})

    def rows(self, keys: Sequence[str], at: datetime) -> Mapping[str, Row]:
        """Return by key the raw rows of those of the users that there are; one query."""
        users = self.platform.rows(EPOCH).users
        values = self._values(users.c.id, keys)
        if not values:
            return {}
        query = self._query(self._users, _Minutes(EPOCH, _end_of_minute(at)), len(values))
        found: dict[str, Row] = {}
        for row in self.platform.fetch(query.given(values)):
            found.setdefault(key_of(row[0]), row)
        return {key: found[key] for key in keys if key in found}

    def last_finished(
        self, keys: Sequence[str], at: datetime, since: datetime = EPOCH
    ) -> Mapping[str, datetime]:
        """Return by key when the users finished an attempt on a known quiz last, `since` then; one query."""
        if self.platform.is_sqlite and since > EPOCH:
            self.platform.profile()  # What it finds lets an index serve.
        attempts = self.platform.rows(EPOCH).attempts
        values = self._values(attempts.c.user_id, keys)
        if not values:
            return {}
        minutes = _Minutes(since.replace(second=0, microsecond=0), _end_of_minute(at))
        query = self._query(self._finished, minutes, len(values))
        found: dict[str, datetime] = {}
        for raw, *latest in self.platform.fetch(query.given(values)):
            key, end = key_of(raw), self.platform.ends.read_latest(latest)
            if end is not None and (key not in found or end > found[key]):
                found[key] = end
        return found

    def _values(self, column: Any, keys: Sequence[str]) -> list[Any]:
        """Return what to look for in `column`; a key that it cannot hold is nobody's."""
        values: list[Any] = []
        for key in keys:
            try:
                values += self.platform.dialect.values_of(column, key)
            except UnknownUser:
                continue
        return values

    def _query(self, build: _Build, minutes: _Minutes, number: int) -> Compiled:
        """Return the query with places for a `number` of values; those of the minute before are forgotten."""
        if self._compiled[0] != minutes.end:
            self._compiled = (minutes.end, {})
        # The first attempts on a platform may change how ends are compared, and read.
        compiled, shape = self._compiled[1], (build.__name__, minutes, number, self.platform.ends)
        if shape not in compiled:
            marks = [Parameter(str(each)) for each in range(number)]
            compiled[shape] = self.platform.compile(build(minutes, marks))
        return compiled[shape]

    def _users(self, minutes: _Minutes, marks: Sequence[Parameter]) -> Select:
        users = self.platform.rows(minutes.end).users
        query = Select([users], users.columns(*members.COLUMNS))
        return query.where(self.platform.dialect.among_values(users.c.id, marks))

    def _finished(self, minutes: _Minutes, marks: Sequence[Parameter]) -> Select:
        platform, rows = self.platform, self.platform.rows(minutes.end)
        end, whose = rows.attempts.c.finished_at, rows.attempts.c.user_id
        query = Select([rows.attempts], [whose, *platform.ends.latest(end)]).where(
            platform.dialect.among_values(whose, marks),
            platform.ends.before(end, minutes.end),
            platform.is_known(rows.attempts, rows.quizzes),
        )
        if minutes.first > EPOCH:
            query = query.where(platform.ends.since(end, minutes.first))
        return query.group_by(whose)


def _end_of_minute(at: datetime) -> datetime:
    return (at + _ALMOST_A_MINUTE).replace(second=0, microsecond=0)
