"""What a mail says, as it is frozen on its row: plain JSON types, instants as ISO 8601 text in UTC."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from itertools import chain
from typing import Any

from quizmail.activity import Figure
from quizmail.audience import Member, Quiz
from quizmail.fields import Document, decode_document, encode_document
from quizmail.platform.summaries import quiz_ids

#: How many quizzes a reminder shows; the others are counted.
SHOWN = 5

#: How many quizzes a report names; the others are counted.
QUIZZES_SHOWN = 20

#: How many categories a report compares.
CATEGORIES_SHOWN = 6

#: How many subjects and leads a reminder has; nobody reads one again within so many days.
VARIANTS = 15

#: Among fewer than these, a percentile says who somebody is.
FEWEST_FOR_PERCENTILE = 5


def reader_facts(member: Member) -> dict[str, Any]:
    """Return what every mail says of its reader."""
    return {"name": member.name, "locale": member.locale, "zone": member.zone}


def reminder_facts(member: Member, period: str, at: datetime, streak: int) -> dict[str, Any]:
    """Return what a reminder says besides: how long away, what is open, and which words are used.

    Args:
        streak: the length in weeks of the run of active weeks at risk; 0 when there is none.
    """
    last, quizzes = member.last_activity, member.open_quizzes
    return {
        "last_activity": last and last.isoformat(),
        "days_away": last and (at - last).days,
        "quizzes": [_open_quiz(quiz, last) for quiz in quizzes[:SHOWN]],
        "more": max(0, len(quizzes) - SHOWN),
        "fresh": sum(_is_new(quiz, last) for quiz in quizzes),
        "streak": streak,
        "variant": variant(member.user_id, period),
    }


def variant(user_id: str, period: str) -> int:
    """Return which subject and lead a reminder bears: another one on each of ``VARIANTS`` days in a row.

    Args:
        period: a date, such as ``2026-11-23``.
    """
    first = int.from_bytes(sha256(user_id.encode(errors="surrogatepass")).digest()[:8], "big")
    return (first + date.fromisoformat(period).toordinal()) % VARIANTS


def report_facts(
    figure: Figure, before: Figure | None, first: bool, open_quizzes: Sequence[Quiz]
) -> dict[str, Any]:
    """Return what a report says besides its reader's name, locale and zone; its lists are ``Document``s.

    Args:
        before: the month before, when anything was finished in it.
        first: whether nothing was finished before the month.
        open_quizzes: what may be suggested, the newest first.
    """
    strongest, weakest = _extremes(figure.categories or ())
    named = quiz_ids(figure.quizzes)
    taken = {*named, *(quiz_ids(before.quizzes) if before else ())}
    return {
        "month": figure.period,
        "taken": figure.taken,
        "average": figure.average,
        "best": figure.best,
        "rank": figure.rank,
        "of": figure.of,
        "previous": {"taken": before.taken, "average": before.average} if before else None,
        "first": first,
        "quizzes": figure.quizzes if len(named) <= QUIZZES_SHOWN else _shortened(figure.quizzes),
        "more": max(0, len(named) - QUIZZES_SHOWN),
        "categories": _compared(figure.categories or (), before.categories or () if before else ()),
        "strongest": strongest,
        "weakest": weakest,
        "percentile": _percentile(figure),
        "suggestion": _suggestion(open_quizzes, weakest, taken),
    }


def _open_quiz(quiz: Quiz, last_activity: datetime | None) -> dict[str, Any]:
    return {
        "id": quiz.id,
        "title": quiz.title,
        "category": quiz.category,
        "url": quiz.url,
        "minutes": quiz.minutes,
        "closes_at": quiz.closes_at and quiz.closes_at.isoformat(),
        "is_new": _is_new(quiz, last_activity),
    }


def _is_new(quiz: Quiz, last_activity: datetime | None) -> bool:
    appeared = quiz.opens_at or quiz.created_at
    return bool(appeared and last_activity and appeared > last_activity)


def _shortened(quizzes: Document) -> Document:
    return Document(encode_document(decode_document(quizzes)[:QUIZZES_SHOWN]))


def _compared(now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> Document:
    """Return the categories with their averages of the month before; the encoder takes far longer."""
    averages = {category["name"]: category["average"] for category in before}
    texts = [
        f'{{"name":{encode_document(category["name"])},"taken":{category["taken"]}'
        f',"average":{_number(category["average"])},"before":{_number(averages.get(category["name"]))}}}'
        for category in now[:CATEGORIES_SHOWN]
    ]
    return Document(f"[{','.join(texts)}]")


def _number(value: float | None) -> str:
    return "null" if value is None else repr(value)


def _extremes(categories: Sequence[Mapping[str, Any]]) -> tuple[str | None, str | None]:
    """Return the names of the categories with the highest and the lowest average.

    None, unless two that have a name and an average differ. Of several that share an average it is the
    one that was taken most.
    """
    graded = [each for each in categories if each["name"] is not None and each["average"] is not None]
    if len({each["average"] for each in graded}) < 2:
        return None, None
    highest = max(graded, key=lambda each: each["average"])
    lowest = min(graded, key=lambda each: each["average"])
    return highest["name"], lowest["name"]


def _percentile(figure: Figure) -> int | None:
    """Return the percent of the ranked others who are below, rounded down; None among too few."""
    if figure.below is None or figure.of is None or figure.of < FEWEST_FOR_PERCENTILE:
        return None
    return 100 * figure.below // (figure.of - 1)


def _suggestion(quizzes: Sequence[Quiz], weakest: str | None, taken: set[str]) -> dict[str, Any] | None:
    """Return the newest open quiz of the weakest category, else the newest one that was not `taken`.

    In the weakest category, too, one that was not taken comes first.
    """
    wanted = [quiz for quiz in quizzes if weakest is not None and quiz.category == weakest]
    everywhere = chain(_fresh(wanted, taken), wanted, _fresh(quizzes, taken))
    chosen = next(everywhere, None)
    if chosen is None:
        return None
    return {"id": chosen.id, "title": chosen.title, "category": chosen.category, "url": chosen.url}


def _fresh(quizzes: Iterable[Quiz], taken: Collection[str]) -> Iterator[Quiz]:
    return (quiz for quiz in quizzes if quiz.id not in taken)
