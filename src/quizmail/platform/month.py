"""What the users of a platform did between two instants, with their ranks, in one set-wise query."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from math import fsum
from operator import itemgetter
from typing import Any

from peewee import SQL, Cast, Select, fn

from quizmail.platform import quizzes
from quizmail.platform.expressions import is_true, percent
from quizmail.platform.ids import key_of
from quizmail.platform.opened import Platform, Rows

#: Means and bests are compared rounded to this many decimals: raw floating point breaks exact ties.
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class MonthOfUser:
    """What one user did: attempts taken, mean and best percent (None: nothing graded), quiz by quiz.

    ``quizzes``: dicts with id, title, category, taken, best, rank and of; the best first.
    ``categories``: dicts with name (None: quizzes without one), taken and average; the most taken first.
    """

    user_id: str
    taken: int
    average: float | None
    best: float | None
    quizzes: list[dict[str, Any]]
    categories: list[dict[str, Any]]


def month_of_users(platform: Platform, start: datetime, end: datetime) -> Iterator[MonthOfUser]:
    """Yield every user but staff who finished an attempt on a known quiz from `start` until before `end`.

    Disabled accounts are ranked like others; attempts of nobody and of no quiz are left out.
    """
    rows = platform.rows(end)
    known = {quiz.id: quiz for quiz in quizzes.all_quizzes(platform, rows)}
    found = platform.stream(_query(platform, rows, start, end))
    for user_id, results in groupby(found, key=itemgetter(0)):
        yield _summary(user_id, list(results), known)


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


def finished_before(platform: Platform, keys: Collection[str], at: datetime) -> set[str]:
    """Return those of `keys` who finished any attempt on a known quiz before `at`; one query."""
    if platform.is_sqlite:
        platform.profile()
    rows = platform.rows(at)
    attempts = rows.attempts
    query = Select([attempts], [attempts.c.user_id]).where(
        platform.dialect.among(attempts.c.user_id, keys),
        platform.ends.before(attempts.c.finished_at, at),
        platform.is_known(attempts, rows.quizzes),
    )
    return {key_of(raw) for (raw,) in platform.fetch(query.distinct())}.intersection(keys)


def _in_window(platform: Platform, rows: Rows, start: datetime, end: datetime) -> tuple[Any, ...]:
    if platform.is_sqlite:
        platform.profile()
    ended = rows.attempts.c.finished_at
    return (
        platform.ends.since(ended, start),
        platform.ends.before(ended, end),
        platform.is_known(rows.attempts, rows.quizzes),
    )


def _query(platform: Platform, rows: Rows, start: datetime, end: datetime) -> Select:
    """Return rows of (user, quiz, taken, graded, sum, best, rank, of), user by user."""
    graded = _by_user_and_quiz(platform, rows, start, end).alias("results")
    best = fn.ROUND(Cast(graded.c.best, "NUMERIC"), _DECIMALS).desc(nulls="LAST")
    rank = fn.RANK().over(partition_by=[graded.c.quiz], order_by=[best])
    of = fn.COUNT(graded.c.best).over(partition_by=[graded.c.quiz])
    columns = [getattr(graded.c, name) for name in ("who", "quiz", "taken", "graded", "total", "best")]
    return Select([graded], [*columns, rank, of]).order_by(graded.c.who)


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
    score = each.c.percent
    return Select(
        [each],
        [
            each.c.who,
            each.c.quiz,
            fn.COUNT(SQL("*")).alias("taken"),
            fn.COUNT(score).alias("graded"),
            fn.SUM(score).alias("total"),
            fn.MAX(score).alias("best"),
        ],
    ).group_by(each.c.who, each.c.quiz)


def _by_a_learner(platform: Platform, rows: Rows) -> Any:
    whose, known = platform.dialect.matching(rows.attempts.c.user_id, rows.users.c.id)
    learners = Select([rows.users], [known]).where(rows.users.c.id.is_null(False))
    if "is_staff" in rows.users.present:
        learners = learners.where(~is_true(rows.users.c.is_staff))
    return whose.in_(learners)


def _summary(user_id: str, results: list[Any], known: dict[str, quizzes.Quiz]) -> MonthOfUser:
    bests = [result[5] for result in results if result[3]]
    return MonthOfUser(
        user_id,
        sum(result[2] for result in results),
        _average(results),
        round(max(bests), _DECIMALS) if bests else None,
        sorted((_result(known, *result[1:]) for result in results), key=_best_first),
        _categories(results, known),
    )


def _average(results: Iterable[Any]) -> float | None:
    """Return the mean over the graded attempts, not over the quizzes."""
    graded = [(result[3], result[4]) for result in results if result[3]]
    if not graded:
        return None
    return round(fsum(total for _, total in graded) / sum(count for count, _ in graded), _DECIMALS)


def _categories(results: list[Any], known: dict[str, quizzes.Quiz]) -> list[dict[str, Any]]:
    found: dict[str | None, list[Any]] = {}
    for result in results:
        quiz = known.get(result[1])
        found.setdefault(quiz.category if quiz else None, []).append(result)
    categories = [
        {"name": name, "taken": sum(result[2] for result in theirs), "average": _average(theirs)}
        for name, theirs in found.items()
    ]
    return sorted(categories, key=_most_taken_first)


def _most_taken_first(category: dict[str, Any]) -> tuple[int, bool, str]:
    return -category["taken"], category["name"] is None, category["name"] or ""


def _result(
    known: dict[str, quizzes.Quiz],
    quiz_id: str,
    taken: int,
    graded: int,
    total: float | None,
    best: float | None,
    rank: int,
    of: int,
) -> dict[str, Any]:
    quiz = known.get(quiz_id)
    return {
        "id": quiz_id,
        "title": quiz.title if quiz else quiz_id,
        "category": quiz.category if quiz else None,
        "taken": taken,
        "best": None if best is None else round(best, _DECIMALS),
        "rank": rank if graded else None,
        "of": of if graded else None,
    }


def _best_first(result: dict[str, Any]) -> tuple[bool, float, str, str]:
    best = result["best"]
    return best is None, -(best or 0.0), result["title"], result["id"]
