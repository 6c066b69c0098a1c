"""What the users of a platform did between two instants, with their ranks, in one set-wise query."""

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from peewee import SQL, Cast, Select, fn

from quizmail.platform import quizzes
from quizmail.platform.expressions import is_true, percent
from quizmail.platform.ids import key_of
from quizmail.platform.opened import Platform, Rows
from quizmail.platform.places import Places
from quizmail.platform.summaries import DECIMALS, MonthOfUser, Summaries


def month_of_users(platform: Platform, start: datetime, end: datetime) -> Iterator[MonthOfUser]:
    """Yield every user but staff who finished an attempt on a known quiz from `start` until before `end`.

    Disabled accounts are ranked like others; attempts of nobody and of no quiz are left out.
    """
    rows = platform.rows(end)
    summaries = Summaries(quizzes.all_quizzes(platform, rows))
    found = groupby(platform.stream(_query(platform, rows, start, end)), key=itemgetter(0))
    places = Places(())
    for user_id, results in found:
        if user_id is None:
            places = Places((quiz, score, count) for _, quiz, count, *_, score in results)
        else:
            yield summaries.of(user_id, results, places)


def taken_between(
    platform: Platform, keys: Collection[str], start: datetime, end: datetime
) -> dict[str, int]:
    """Return by key how many attempts on known quizzes each of a page's users finished; one query."""
    rows = platform.rows(end)
    attempts = rows.attempts
    query = Select([attempts], [attempts.c.user_id, fn.COUNT(SQL("*"))]).where(
        platform.dialect.among(attempts.c.user_id, keys), *_in_window(platform, rows, start, end)
    )
    taken: dict[str, int] = {}
    for raw, count in platform.fetch(query.group_by(attempts.c.user_id)):
        taken[key_of(raw)] = taken.get(key_of(raw), 0) + count
    return {key: count for key, count in taken.items() if key in keys}


def _in_window(platform: Platform, rows: Rows, start: datetime, end: datetime) -> tuple[Any, ...]:
    if platform.is_sqlite:
        platform.profile()
    ends = platform.ends
    return (
        ends.within(rows.attempts.c.finished_at, ends.encode(start), ends.encode(end)),
        platform.is_known(rows.attempts, rows.quizzes),
    )


def _query(platform: Platform, rows: Rows, start: datetime, end: datetime) -> Select:
    """Return rows of (user, quiz, taken, graded, sum, best, score), user by user.

    The ``score`` is the best as it is compared. Before all users, nobody's rows say of each score in each
    quiz how often it was reached: a window function would rank the results in twice the time.
    """
    results = _by_user_and_quiz(platform, rows, start, end).cte("results", materialized=True)
    score = results.c.score
    nothing = (Cast(SQL("NULL"), each) for each in ("BIGINT", "DOUBLE PRECISION", "DOUBLE PRECISION"))
    how_often = (
        Select([results], [Cast(SQL("NULL"), "TEXT"), results.c.quiz, fn.COUNT(SQL("*")), *nothing, score])
        .where(score.is_null(False))
        .group_by(results.c.quiz, score)
    )
    columns = ("who", "quiz", "taken", "graded", "total", "best", "score")
    each = Select([results], [getattr(results.c, name) for name in columns])
    return how_often.union_all(each).order_by(SQL("1 NULLS FIRST")).with_cte(results)


def _by_user_and_quiz(platform: Platform, rows: Rows, start: datetime, end: datetime) -> Select:
    attempts, key = rows.attempts, platform.dialect.key
    each = (
        Select(
            [attempts],
            [
                key(attempts.c.user_id).alias("who"),
                key(attempts.c.quiz_id).alias("quiz"),
                percent(attempts).alias("percent"),
            ],
        )
        .where(*_in_window(platform, rows, start, end), _by_a_learner(platform, rows))
        .alias("each_attempt")
    )
    percents = each.c.percent
    score = fn.ROUND(Cast(fn.MAX(percents), "NUMERIC"), DECIMALS)
    return Select(
        [each],
        [
            each.c.who,
            each.c.quiz,
            fn.COUNT(SQL("*")).alias("taken"),
            fn.COUNT(percents).alias("graded"),
            fn.SUM(percents).alias("total"),
            fn.MAX(percents).alias("best"),
            Cast(score, "DOUBLE PRECISION").alias("score"),
        ],
    ).group_by(each.c.who, each.c.quiz)


def _by_a_learner(platform: Platform, rows: Rows) -> Any:
    whose, known = platform.dialect.matching(rows.attempts.c.user_id, rows.users.c.id)
    learners = Select([rows.users], [known]).where(rows.users.c.id.is_null(False))
    if "is_staff" in rows.users.present:
        learners = learners.where(~is_true(rows.users.c.is_staff))
    return whose.in_(learners)
