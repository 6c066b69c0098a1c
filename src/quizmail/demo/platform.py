"""The demo quiz platform: an SQLite file filled with a year of invented life, up to the present day."""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peewee import Model, chunked, fn

from quizmail.demo.attempts import attempts_of
from quizmail.demo.catalogue import Entry, entries
from quizmail.demo.people import Member, everyone
from quizmail.demo.schema import TABLES, Enrolment, Quiz, QuizAttempt, User, opened

_EVENING = time(18)
_DAY = timedelta(days=1)
_BATCH = 100  # rows a statement

#: An id that no user and no quiz has.
_NOBODY = 99_999


def ensure(path: Path, now: datetime, site_url: str, seed: int = 20) -> None:
    """Bring the platform at `path` up to `now`; it is built if it is not there.

    A platform that is there lives on: nothing is taken back, everyone has been there since, so that
    everybody is as quiet as on the first day. Its quizzes' links then begin with `site_url`.
    """
    if not path.exists():
        build(path, now, seed)
    with opened(path) as database, database.atomic():
        _live_on(_naive(now), seed)
        Quiz.update(url=fn.printf("%s/%d", site_url, Quiz.id)).where(Quiz.url.is_null(False)).execute()


def build(path: Path, now: datetime, seed: int = 20) -> None:
    """Write the platform as of `now` (UTC-aware) to `path`; the same arguments give the same rows.

    The file appears under its name only when it is complete.
    """
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    moment = _naive(now)
    members, catalogue = everyone(), list(entries())
    with opened(unfinished) as database, database.atomic():
        database.create_tables(TABLES)
        _insert(Quiz, (_quiz_row(entry, moment) for entry in catalogue))
        _insert(User, (_user_row(member, moment) for member in members))
        _insert(Enrolment, _enrolments(members, catalogue))
        _insert(QuizAttempt, _attempts(members, catalogue, moment, seed))
        _insert(QuizAttempt, _odd_attempts(moment))
    os.replace(unfinished, path)


def _live_on(now: datetime, seed: int) -> None:
    catalogue = list(entries())
    for quiz_id, entry in enumerate(catalogue, start=1):
        if entry.opens or entry.closes:
            Quiz.update(opens_at=_shifted(now, entry.opens), closes_at=_shifted(now, entry.closes)).where(
                Quiz.id == quiz_id
            ).execute()
    for user in User.select():
        _visit(user.id, user.last_seen_at, everyone()[user.id - 1], catalogue, now, seed)


def _visit(
    user_id: int, seen: datetime | None, member: Member, catalogue: Sequence[Entry], now: datetime, seed: int
) -> None:
    """Let the user have gone on from the last visit, at `seen`, to the one that is due by now."""
    last = _last_visit(member, now)
    if last is None or seen is None or last <= seen:
        return
    since = takewhile(lambda each: each.finished_at > seen, attempts_of(member, last, now, catalogue, seed))
    # Who has used up the tries of a quiz does not take it again.
    free = (each for each in since if catalogue[each.quiz - 1].max_attempts is None)
    _insert(QuizAttempt, (_attempt_row(user_id, *each) for each in free))
    User.update(last_seen_at=last).where(User.id == user_id).execute()


def _insert(table: type[Model], rows: Iterable[dict[str, Any]]) -> None:
    for batch in chunked(rows, _BATCH):
        table.insert_many(batch).execute()


def _quiz_row(entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "title": entry.title,
        "category": entry.category,
        "url": "" if entry.has_page else None,
        "published": entry.published,
        "opens_at": _shifted(now, entry.opens),
        "closes_at": _shifted(now, entry.closes),
        "created_at": now - entry.age,
        "max_attempts": entry.max_attempts,
        "minutes": entry.minutes,
    }


def _user_row(member: Member, now: datetime) -> dict[str, Any]:
    return {
        "email": member.email,
        "name": member.name,
        "active": member.active,
        "is_staff": member.is_staff,
        "last_seen_at": _last_visit(member, now),
        "created_at": now - member.joined,
        "timezone": member.timezone,
        "locale": member.locale,
        "opt_out": member.opt_out,
    }


def _enrolments(members: Sequence[Member], catalogue: Sequence[Entry]) -> Iterator[dict[str, int]]:
    for user_id, member in enumerate(members, start=1):
        for quiz_id, entry in enumerate(catalogue, start=1):
            if member.courses == "everything" or (member.courses == "public" and entry.public):
                yield {"user_id": user_id, "quiz_id": quiz_id}


def _attempts(
    members: Sequence[Member], catalogue: Sequence[Entry], now: datetime, seed: int
) -> Iterator[dict[str, Any]]:
    for user_id, member in enumerate(members, start=1):
        last = _last_visit(member, now)
        if last is not None:
            for each in attempts_of(member, last, now, catalogue, seed):
                yield _attempt_row(user_id, *each)


def _odd_attempts(now: datetime) -> Iterator[dict[str, Any]]:
    """Yield what a real platform also holds: orphans, a clock that runs ahead, a quiz left half-way."""
    yield _attempt_row(_NOBODY, 1, now - 3 * _DAY, 7, 10)
    yield _attempt_row(1, _NOBODY, now - 30 * _DAY, 7, 10)
    yield _attempt_row(2, 1, now + _DAY / 12, 9, 10)
    yield _attempt_row(3, 2, None, None, 10)


def _attempt_row(
    user_id: int, quiz_id: int, at: datetime | None, score: float | None, points: float | None
) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "quiz_id": quiz_id,
        "finished_at": at,
        "score": score,
        "max_score": points,
    }


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _shifted(now: datetime, by: timedelta | None) -> datetime | None:
    return None if by is None else now + by


def _last_visit(member: Member, now: datetime) -> datetime | None:
    """Return when `member` was last there, as naive UTC; None for never."""
    return None if member.quiet is None else _last_evening(member.timezone, now) - member.quiet


def _last_evening(zone_name: str | None, now: datetime) -> datetime:
    """Return the latest 18:00 of the zone's clocks at or before `now`; both are naive UTC."""
    try:
        zone = ZoneInfo(zone_name or "UTC")
    except ZoneInfoNotFoundError:
        zone = ZoneInfo("UTC")
    at = now.replace(tzinfo=UTC)
    evening = datetime.combine(at.astimezone(zone).date(), _EVENING, zone).astimezone(UTC)
    if evening > at:
        evening = datetime.combine(at.astimezone(zone).date() - _DAY, _EVENING, zone).astimezone(UTC)
    return evening.replace(tzinfo=None)
