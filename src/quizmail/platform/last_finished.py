"""When the users of a page finished an attempt last.

On SQLite a look-up per user along an index on (user_id, finished_at) stops at the first attempt that
counts, which is four times faster than a maximum over all of them. It is used when the attempts have an
index on the user and keep their ends as text; otherwise one pass finds every maximum.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from peewee import CTE, SQL, Select, fn

from quizmail.platform.ids import key_of, sqlite_candidates
from quizmail.platform.opened import Platform, Rows
from quizmail.platform.rowsets import Fragment, RowSet

#: A single user is looked up without asking what types the columns hold.
_FEW = 2

#: How far an offset can put an instant before its text: two of ``WIDEST_OFFSET``.
_REACH = "-2 days"


def last_finished(platform: Platform, rows: Rows, keys: Collection[str], at: datetime) -> dict[str, datetime]:
    """Return by key when each user last finished an attempt on a known quiz before `at`; one query."""
    if platform.is_sqlite and len(keys) > _FEW and platform.profile().can_look_up:
        return _look_up(platform, rows, keys, at)
    return _maxima(platform, rows, keys, at)


def _maxima(platform: Platform, rows: Rows, keys: Collection[str], at: datetime) -> dict[str, datetime]:
    attempts, ends = rows.attempts, platform.ends
    query = (
        Select([attempts], [attempts.c.user_id, *ends.latest(attempts.c.finished_at)])
        .where(
            platform.dialect.among(attempts.c.user_id, keys),
            ends.before(attempts.c.finished_at, at),
            platform.is_known(attempts, rows.quizzes),
        )
        .group_by(attempts.c.user_id)
    )
    latest: dict[str, datetime] = {}
    for raw, *values in platform.fetch(query):
        _keep_later(latest, key_of(raw), ends.read_latest(values))
    return latest


def _look_up(platform: Platform, rows: Rows, keys: Collection[str], at: datetime) -> dict[str, datetime]:
    """Take the last attempt in the order of the texts, and what an offset may put after it."""
    values = _candidates(platform, keys)
    if not values:
        return {}
    everybody = Fragment(f"(VALUES {','.join(['(?)'] * len(values))}) AS who", values)
    who, last, other = SQL("who.column1"), rows.attempts.alias("last"), rows.attempts.alias("other")
    newest = Select([last], [last.c.finished_at]).where(*_counting(platform, rows, last, who, at))
    newest = newest.order_by(last.c.finished_at.desc()).limit(1)
    tops = CTE("tops", Select([everybody], [who.alias("who"), newest.alias("top")]), materialized=True)
    before_it = Select([other], platform.ends.latest(other.c.finished_at)).where(
        *_counting(platform, rows, other, tops.c.who, at),
        other.c.finished_at < tops.c.top,
        other.c.finished_at >= fn.DATE(fn.SUBSTR(tops.c.top, 1, 10), _REACH),
    )
    latest: dict[str, datetime] = {}
    query = Select([tops], [tops.c.who, tops.c.top, before_it]).with_cte(tops)
    for raw, top, *others in platform.fetch(query):
        _keep_later(latest, key_of(raw), platform.finished_at.read(top))
        _keep_later(latest, key_of(raw), platform.ends.read_latest(others))
    return latest


def _counting(platform: Platform, rows: Rows, attempts: RowSet, whose: Any, at: datetime) -> tuple[Any, ...]:
    return (
        attempts.c.user_id == whose,
        platform.ends.before(attempts.c.finished_at, at),
        platform.is_known(attempts, rows.quizzes),
    )


def _candidates(platform: Platform, keys: Collection[str]) -> list[Any]:
    """Return what the attempts may hold as the users' ids, by the types that were found there."""
    profile = platform.profile()
    types = {True: profile.integer_keys, False: profile.other_keys}
    return [value for key in keys for value in sqlite_candidates(key) if types[isinstance(value, int)]]


def _keep_later(latest: dict[str, datetime], key: str, instant: datetime | None) -> None:
    if instant is not None and (key not in latest or instant > latest[key]):
        latest[key] = instant
