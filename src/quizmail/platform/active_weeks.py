"""For how many weeks in a row users finished attempts, up to and including last week.

The query goes back from week to week and leaves everybody at the first week without an attempt, so that
it costs by the length of what it finds, not by the number of attempts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

from peewee import CTE, SQL, NodeList, Select, fn

from quizmail.platform.ids import key_of
from quizmail.platform.instants import EPOCH
from quizmail.platform.opened import Platform, Rows
from quizmail.platform.rowsets import Fragment, RowSet
from quizmail.weeks import week_starts

#: How many weeks are looked at: a longer run counts as this long.
LONGEST = 104


def streaks(platform: Platform, last_finished: Mapping[str, datetime | None], at: datetime) -> dict[str, int]:
    """Return by key the length in weeks of the runs of active weeks that this week may break; one query.

    Weeks are ISO weeks in the site's zone, and one is active when an attempt on a known quiz was finished
    in it. A run ends with the week before that of `at`, nothing was finished since, and it is at least 2
    and at most ``LONGEST`` weeks long.

    Args:
        last_finished: by key when each user finished an attempt last before `at`; nobody else is asked for.
    """
    starts = week_starts(at, platform.site_zone, LONGEST)
    this_week, last_week = starts[:2]
    keys = [key for key, last in last_finished.items() if last and last_week <= last < this_week]
    if not keys:
        return {}
    if platform.is_sqlite:
        platform.profile()
    found: dict[str, int] = {}
    for raw, weeks in platform.fetch(_query(platform, platform.rows(at), keys, starts)):
        found[key_of(raw)] = max(weeks, found.get(key_of(raw), 0))
    return {key: weeks for key, weeks in found.items() if key in last_finished}


def _query(platform: Platform, rows: Rows, keys: Sequence[str], starts: Sequence[datetime]) -> Select:
    """Return rows of (user, weeks); last week needs no look."""
    attempts, weeks = rows.attempts, _weeks(platform, starts)
    active = platform.ends.within(attempts.c.finished_at, *map(platform.ends.encode, (starts[2], starts[1])))
    begun = Select([attempts], [attempts.c.user_id, SQL("2")]).where(
        platform.dialect.among(attempts.c.user_id, keys),
        active,
        platform.is_known(attempts, rows.quizzes),
    )
    run = begun.distinct().cte("run", recursive=True, columns=("who", "length"))
    run = run.union_all(_one_week_more(platform, rows, run, weeks))
    return Select([run], [run.c.who, fn.MAX(run.c.length)]).group_by(run.c.who).with_cte(weeks, run)


def _one_week_more(platform: Platform, rows: Rows, run: CTE, weeks: CTE) -> Select:
    attempts: RowSet = rows.attempts.alias("earlier")
    first, end = ([getattr(weeks.c, name) for name in names] for names in _bounds(platform))
    active = (
        Select([attempts], [SQL("1")])
        .where(
            attempts.c.user_id == run.c.who,
            platform.ends.within(attempts.c.finished_at, first, end),
            platform.is_known(attempts, rows.quizzes),
        )
        .limit(1)
    )
    # Not EXISTS: PostgreSQL would make a join of it, and read everybody's attempts.
    goes_on = NodeList((active, SQL("IS NOT NULL")))
    return Select([run, weeks], [run.c.who, weeks.c.length]).where(
        weeks.c.length == run.c.length + 1, goes_on
    )


def _weeks(platform: Platform, starts: Sequence[datetime]) -> CTE:
    """Return the weeks from the third on: how long a run is that reaches back to it, and its bounds."""
    encoded = [platform.ends.encode(start) for start in starts]
    values = [(number, *encoded[number], *encoded[number - 1]) for number in range(3, len(starts))]
    row = f"({', '.join([platform.database.param] * len(values[0]))})"
    rows = Fragment(f"(VALUES {', '.join([row] * len(values))}) AS week", list(chain.from_iterable(values)))
    columns = ("length", *chain.from_iterable(_bounds(platform)))
    return CTE("weeks", Select([rows], [SQL("*")]), columns=columns)


def _bounds(platform: Platform) -> tuple[list[str], list[str]]:
    """Name the columns for the values that say a week's beginning, and for those that say its end."""
    size = len(platform.ends.encode(EPOCH))
    return [f"first{number}" for number in range(size)], [f"end{number}" for number in range(size)]
