"""When the users of a page finished an attempt last, and who ever did.

On SQLite a look-up per user along an index on (user_id, finished_at) stops at the first attempt that
counts, which is four times faster than a maximum over all of them. It is used when the attempts have an
index on the user and keep their ends as text; otherwise one pass finds every maximum.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from peewee import CTE, SQL, Select, fn

from quizmail.platform.ids import encodable, key_of, sqlite_candidates
from quizmail.platform.opened import Platform, Rows
from quizmail.platform.rowsets import Fragment, RowSet

#: A single user is looked up without asking what types the columns hold.
_FEW = 2

_WHO = SQL("who.column1")

#: How far an offset can put an instant before its text: two of ``WIDEST_OFFSET``.
_REACH = "-2 days"


def last_finished(platform: Platform, rows: Rows, keys: Collection[str], at: datetime) -> dict[str, datetime]:
    """Return by key when each user last finished an attempt on a known quiz before `at`; one query."""
    if platform.is_sqlite and len(keys) > _FEW and platform.profile().can_look_up:
        return _look_up(platform, rows, keys, at)
    return _maxima(platform, rows, keys, at)


def finished_before(platform: Platform, keys: Collection[str], at: datetime) -> set[str]:
    """Return those of `keys` who finished any attempt on a known quiz before `at`; one query."""
    rows = platform.rows(at)
    if platform.is_sqlite and platform.profile().indexed:
        query = _anybody(platform, rows, keys, at)
    else:
        attempts = rows.attempts
        query = Select([attempts], [attempts.c.user_id]).distinct()
        query = query.where(
            platform.dialect.among(attempts.c.user_id, keys), *_counting(platform, rows, attempts, at)
        )
    return {key_of(raw) for (raw,) in platform.fetch(query)}.intersection(keys)


def _anybody(platform: Platform, rows: Rows, keys: Collection[str], at: datetime) -> Select:
    """Look no further than to the first attempt that counts of each."""
    attempts = rows.attempts
    found = Select([attempts], [SQL("1")]).where(
        attempts.c.user_id == _WHO, *_counting(platform, rows, attempts, at)
    )
    return Select([_everybody(_candidates(platform, keys))], [_WHO]).where(fn.EXISTS(found))


def _maxima(platform: Platform, rows: Rows, keys: Collection[str], at: datetime) -> dict[str, datetime]:
    attempts, ends = rows.attempts, platform.ends
    query = (
        Select([attempts], [attempts.c.user_id, *ends.latest(attempts.c.finished_at)])
        .where(platform.dialect.among(attempts.c.user_id, keys), *_counting(platform, rows, attempts, at))
        .group_by(attempts.c.user_id)
    )
    latest: dict[str, datetime] = {}
    for raw, *values in platform.fetch(query):
        _keep_later(latest, key_of(raw), ends.read_latest(values))
    return latest


def _look_up(platform: Platform, rows: Rows, keys: Collection[str], at: datetime) -> dict[str, datetime]:
    """Take the last attempt in the order of the texts, and what an offset may put after it."""
    everybody = _everybody(_candidates(platform, keys))
    last, other = rows.attempts.alias("last"), rows.attempts.alias("other")
    newest = Select([last], [last.c.finished_at]).where(
        last.c.user_id == _WHO, *_counting(platform, rows, last, at)
    )
    newest = newest.order_by(last.c.finished_at.desc()).limit(1)
    tops = CTE("tops", Select([everybody], [_WHO.alias("who"), newest.alias("top")]), materialized=True)
    before_it = Select([other], platform.ends.latest(other.c.finished_at)).where(
        other.c.user_id == tops.c.who,
        *_counting(platform, rows, other, at),
        other.c.finished_at < tops.c.top,
        other.c.finished_at >= fn.DATE(fn.SUBSTR(tops.c.top, 1, 10), _REACH),
    )
    latest: dict[str, datetime] = {}
    query = Select([tops], [tops.c.who, tops.c.top, before_it]).with_cte(tops)
    for raw, top, *others in platform.fetch(query):
        _keep_later(latest, key_of(raw), platform.finished_at.read(top))
        _keep_later(latest, key_of(raw), platform.ends.read_latest(others))
    return latest


def _counting(platform: Platform, rows: Rows, attempts: RowSet, at: datetime) -> tuple[Any, ...]:
    ended = platform.ends.before(attempts.c.finished_at, at)
    return ended, platform.is_known(attempts, rows.quizzes)


def _everybody(values: Sequence[Any]) -> Fragment:
    """Return a source of rows with `values`, to look each of them up; ``_WHO`` is its column."""
    rows = f"VALUES {','.join(['(?)'] * len(values))}" if values else "SELECT NULL AS column1"
    return Fragment(f"({rows}) AS who", values)


def _candidates(platform: Platform, keys: Collection[str]) -> list[Any]:
    """Return what the attempts may hold as the users' ids, by the types that were found there."""
    profile = platform.profile()
    types = {True: profile.integer_keys, False: profile.other_keys}
    candidates = chain.from_iterable(encodable(keys, sqlite_candidates))
    return [value for value in candidates if types[isinstance(value, int)]]


def _keep_later(latest: dict[str, datetime], key: str, instant: datetime | None) -> None:
    if instant is not None and (key not in latest or instant > latest[key]):
        latest[key] = instant
