"""One user's row and last activity, for the check before every mail: compiled once a minute."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import Select

from quizmail.errors import UnknownUser
from quizmail.platform import members
from quizmail.platform.ids import key_of
from quizmail.platform.opened import Platform
from quizmail.platform.queries import Compiled
from quizmail.prepared import Parameter

_ALMOST_A_MINUTE = timedelta(minutes=1) - timedelta(microseconds=1)


class _Queries(NamedTuple):
    user: Compiled
    finished: Compiled


class SingleUsers:
    """Reads single users. Safe to share between threads: a compiled query is never changed."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._minute: datetime | None = None
        self._compiled: dict[tuple[int, int], _Queries] = {}

    def read(self, user_id: str, at: datetime) -> tuple[tuple[Any, ...], datetime | None]:
        """Return the user's raw row and when an attempt on a known quiz was finished last; two queries.

        Attempts count that were finished until the end of the minute: the text of the queries is the same
        for everybody whose mail is sent within it.

        Raises:
            UnknownUser: nobody on the platform has this id.
        """
        minute = (at + _ALMOST_A_MINUTE).replace(second=0, microsecond=0)
        rows, dialect = self.platform.rows(minute), self.platform.dialect
        who = dialect.values_of(rows.users.c.id, user_id)
        whose = dialect.values_of(rows.attempts.c.user_id, user_id)
        queries = self._queries(minute, who, whose)
        found = (row for row in self.platform.fetch(queries.user.given(who)) if key_of(row[0]) == user_id)
        row = next(found, None)
        if row is None:
            raise UnknownUser(f"nobody on the platform has the id {user_id[:80]!a}")
        [values] = self.platform.fetch(queries.finished.given(whose))
        return row, self.platform.ends.read_latest(values)

    def _queries(self, minute: datetime, who: Sequence[Any], whose: Sequence[Any]) -> _Queries:
        if self._minute != minute:
            self._minute, self._compiled = minute, {}
        shape = (len(who), len(whose))
        if shape not in self._compiled:
            self._compiled[shape] = self._compile(minute, *shape)
        return self._compiled[shape]

    def _compile(self, minute: datetime, who: int, whose: int) -> _Queries:
        platform = self.platform
        rows, dialect = platform.rows(minute), platform.dialect
        users, attempts, ends = rows.users, rows.attempts, platform.ends
        user = Select([users], users.columns(*members.COLUMNS)).where(
            dialect.among_values(users.c.id, [Parameter(str(n)) for n in range(who)])
        )
        finished = Select([attempts], ends.latest(attempts.c.finished_at)).where(
            dialect.among_values(attempts.c.user_id, [Parameter(str(n)) for n in range(whose)]),
            ends.before(attempts.c.finished_at, minute),
            platform.is_known(attempts, rows.quizzes),
        )
        return _Queries(platform.compile(user), platform.compile(finished))
