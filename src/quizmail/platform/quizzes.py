"""A platform's quizzes, decoded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import Select

from quizmail.platform.columns import (
    LONGEST_TITLE,
    flag,
    line,
    line_or_none,
    minutes,
    positive,
    web_address,
)
from quizmail.platform.ids import key_of
from quizmail.platform.instants import EPOCH, FAR_FUTURE
from quizmail.platform.opened import Platform, Rows

#: What is selected of a quiz, in the order in which ``read`` expects it.
COLUMNS = (
    "id",
    "title",
    "category",
    "url",
    "published",
    "opens_at",
    "closes_at",
    "created_at",
    "max_attempts",
    "minutes",
)


@dataclass(frozen=True, slots=True)
class Quiz:
    """A quiz. Instants are UTC-aware; None means no limit, or unknown. The window is half-open."""

    id: str
    title: str
    category: str | None
    url: str | None
    published: bool
    opens_at: datetime | None
    closes_at: datetime | None
    created_at: datetime | None
    max_attempts: int | None
    minutes: int | None

    def is_open(self, at: datetime) -> bool:
        """Say whether it is published, opened and not closed at the instant `at`."""
        opened = self.opens_at is None or self.opens_at <= at
        return self.published and opened and (self.closes_at is None or at < self.closes_at)


def all_quizzes(platform: Platform, rows: Rows) -> list[Quiz]:
    """Return every quiz, published or not; one query."""
    query = Select([rows.quizzes], rows.quizzes.columns(*COLUMNS))
    return read(platform, platform.fetch(query))


def read(platform: Platform, rows: Iterable[tuple[Any, ...]]) -> list[Quiz]:
    """Decode rows of ``COLUMNS``. Of a duplicate id the first row counts; a row without an id is dropped."""
    opens, closes, created = (
        platform.reader("quizzes", name) for name in ("opens_at", "closes_at", "created_at")
    )
    found: dict[str, Quiz] = {}
    for raw, title, category, url, published, opens_at, closes_at, created_at, attempts, duration in rows:
        key = key_of(raw)
        if raw is None or key in found:
            continue
        end = closes.read_end(closes_at)
        found[key] = Quiz(
            id=key,
            title=line(title, LONGEST_TITLE) or key,
            category=line_or_none(category, LONGEST_TITLE),
            url=web_address(url),
            published=flag(published, default=True),
            opens_at=opens.read(opens_at),
            closes_at=None if end is None or end >= FAR_FUTURE else end,
            created_at=created.read(created_at),
            max_attempts=positive(attempts),
            minutes=minutes(duration),
        )
    return list(found.values())


def newest_first(quizzes: Iterable[Quiz]) -> list[Quiz]:
    """Sort by creation, then opening, then id, the newest first; what is not known comes last."""
    return sorted(quizzes, key=_age, reverse=True)


def _age(quiz: Quiz) -> tuple[datetime, datetime, int, str]:
    number = int(quiz.id) if quiz.id.isascii() and quiz.id.isdigit() and len(quiz.id) < 20 else -1
    return quiz.created_at or EPOCH, quiz.opens_at or EPOCH, number, quiz.id
